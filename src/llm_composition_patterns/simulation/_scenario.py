"""What a simulated provider is like: how fast, how limited, how faulty, at what price. Data, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, get_args

from ._capacity import Capacity, Change
from ._price import Price
from ._settings import (
    MOST,
    check_choice,
    check_instance,
    check_number,
    check_pattern,
    check_truth,
    check_whole,
    check_words,
)
from ._toml import Nested, read_toml

FaultKind = Literal[
    "rate_limit",
    "server_error",
    "server_overloaded",
    "unauthorized",
    "no_credit",
    "unknown_model",
    "no_json_schema",
    "json_validate_failed",
    "malformed_json",
    "truncated",
    "wrong_schema",
    "refusal",
    "straggler",
    "hang",
    "drop",
]
"""What can go wrong, as one word."""

Dialect = Literal["groq", "openai", "openrouter", "anthropic", "none"]
"""In whose way a rate limit shows itself in headers and messages."""

AnswerRule: TypeAlias = Callable[[Mapping[str, Any]], Any]
"""A rule of your own: the wire request in; the answer's text out, or a value to write as JSON, or None for the rest."""

_FACTOR: Final = 20.0

ERROR_KINDS: frozenset[FaultKind] = frozenset(
    {
        "rate_limit",
        "server_error",
        "server_overloaded",
        "unauthorized",
        "no_credit",
        "unknown_model",
        "no_json_schema",
        "json_validate_failed",
    }
)
"""The faults that end in an HTTP status other than 200."""


_LEAST_RATE = 0.001
"""Requests or tokens a minute, or a day: less is hardly a provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong with some requests.

    Attributes:
        kind: What goes wrong. Answered with a status of its own: `rate_limit` (429), `server_error` (500),
            `server_overloaded` (503), `unauthorized` (401), `no_credit` (402), `unknown_model` (404),
            `no_json_schema` (400, to requests for a `json_schema` only) and `json_validate_failed` (400, to requests
            for JSON only). Answered with 200: `malformed_json`, `truncated`, `wrong_schema`, `refusal` and, rightly but
            late, `straggler`. Not answered: `hang` never ends, `drop` ends the connection. `server_error`,
            `json_validate_failed` and `drop` come when the first token would, the other errors at once; those that
            come at once, and `hang`, take none of the capacity.
        match: A regular expression searched in the text of the request's messages, upper and lower case alike; empty
            matches every request.
        times: How many requests it strikes; None for every one.
        probability: The share of the matching requests that it strikes, drawn from the scenario's seed.
        retry_after: Seconds of a Retry-After header, on faults with a status of their own.
        status: Another status in place of the usual one, such as 502 for a `server_error`.
        after: Seconds after the first request from which on it strikes requests that come.
        until: Seconds after the first request from which on it strikes none; None for ever.
        factor: How many times longer a `straggler` takes.
    """

    kind: FaultKind
    match: str = ""
    times: int | None = None
    probability: float = 1.0
    retry_after: float | None = None
    status: int | None = None
    after: float = 0.0
    until: float | None = None
    factor: float = _FACTOR

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, get_args(FaultKind))
        check_pattern("match", self.match)
        check_number("probability", self.probability, most=1)
        if self.times is not None:
            check_whole("times", self.times, least=1)
        if self.retry_after is not None:
            self._check_fits_kind("retry_after")
            check_number("retry_after", self.retry_after)
        if self.status is not None:
            self._check_fits_kind("status")
            check_whole("status", self.status, least=400)
            check_number("status", self.status, most=599)
        check_number("after", self.after)
        if self.until is not None:
            check_number("until", self.until, least=self.after, above=True)
        check_number("factor", self.factor, above=True, most=1e6)
        if self.factor != _FACTOR and self.kind != "straggler":
            raise ValueError(f"factor has no meaning for {self.kind!r}: leave it out, or use a straggler")

    def _check_fits_kind(self, name: str) -> None:
        if self.kind not in ERROR_KINDS:
            raise ValueError(
                f"{name} has no meaning for {self.kind!r}: leave it out, or use an error such as rate_limit"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """How much the provider lets through: buckets that refill steadily.

    Attributes:
        requests_per_minute: Requests let through a minute.
        tokens_per_minute: Tokens let through a minute, of prompts and answers together.
        requests_per_day: Requests let through a day.
        tokens_per_day: Tokens let through a day.
        burst: Seconds of the minute's allowance that can be used at once after a rest: 60 is a whole minute's.
        dialect: In whose way it shows. `openai`: headers with requests and tokens a minute, numbers in its messages.
            `groq`: the same, but the headers show requests a day and tokens a minute; requests a minute show in
            messages alone. `anthropic`: headers of other names, with the times of resets by the clock. `openrouter`:
            headers inside the body of a refusal, with the reset in milliseconds since 1970, and none elsewhere.
            `none`: no header, and no number in a message.
        retry_after: Whether a refusal has a Retry-After header, in whole seconds; None for what the dialect does, and
            that is yes, except with `openrouter`.
        in_body: Whether a refusal comes with status 200 and is told in the body alone, as gateways do.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    requests_per_day: float | None = None
    tokens_per_day: float | None = None
    burst: float = 60.0
    dialect: Dialect = "openai"
    retry_after: bool | None = None
    in_body: bool = False

    def __post_init__(self) -> None:
        rates = ("requests_per_minute", "tokens_per_minute", "requests_per_day", "tokens_per_day")
        given = [name for name in rates if getattr(self, name) is not None]
        for name in given:
            check_number(name, getattr(self, name), least=_LEAST_RATE, most=MOST)
        if not given:
            raise ValueError(f"{', '.join(rates[:-1])} or {rates[-1]} must be given to limit a rate")
        check_number("burst", self.burst, above=True, most=MOST)
        check_choice("dialect", self.dialect, get_args(Dialect))
        if self.retry_after is not None:
            check_truth("retry_after", self.retry_after)
        check_truth("in_body", self.in_body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What a simulated provider is like. The defaults make a translation take about half a second, without faults.

    Attributes:
        seed: Changes everything that is chosen: times, labels, numbers, which requests a fault strikes.
        time_to_first_token: Seconds from a request to the first token of its answer.
        tokens_per_second: How fast the tokens follow; `inf` for at once.
        spread: How much the times of requests differ: 0.25 is up to 25 % faster or slower. 0 makes them exact.
        capacity: How much it can do at once; None for anything.
        rate_limit: How much is let through; None for everything.
        faults: What goes wrong; of several that match a request the first one strikes.
        price: What tokens cost; None for nothing, and then no answer names a cost.
        models: The models there are; empty for whichever is asked for.
        keys: The API keys that the server accepts; empty for any, and for none.
        protected: Words that translations keep as they are, such as names of brands.
        answer: A rule of your own that comes first: a function of the wire request that gives the answer, or None
            where the usual behavior is wanted. From code only.
    """

    seed: int = 0
    time_to_first_token: float = 0.15
    tokens_per_second: float = 600.0
    spread: float = 0.25
    capacity: Capacity | None = None
    rate_limit: RateLimit | None = None
    faults: tuple[Fault, ...] = ()
    price: Price | None = None
    models: tuple[str, ...] = ()
    keys: tuple[str, ...] = field(default=(), repr=False)
    protected: tuple[str, ...] = ()
    answer: AnswerRule | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.seed, int) or isinstance(self.seed, bool):
            raise ValueError(f"seed must be a whole number, not {self.seed!r}")  # noqa: TRY004 - one kind of error
        check_number("time_to_first_token", self.time_to_first_token, most=86400)
        check_number("tokens_per_second", self.tokens_per_second, above=True)
        check_number("spread", self.spread, most=1)
        check_instance("capacity", self.capacity, Capacity)
        check_instance("rate_limit", self.rate_limit, RateLimit)
        check_instance("price", self.price, Price)
        for name in ("models", "keys", "protected"):
            check_words(name, getattr(self, name))
        if not isinstance(self.faults, tuple) or not all(isinstance(fault, Fault) for fault in self.faults):
            raise ValueError("faults must be a tuple of Fault(...), such as (Fault(kind='hang'),)")
        if self.answer is not None and not callable(self.answer):
            raise ValueError("answer must be a function of the request, not a value: answer=lambda request: 'yes'")

    @classmethod
    def from_toml(cls, source: str | os.PathLike[str]) -> Scenario:
        """Read a scenario from a TOML file, or from TOML itself.

        The keys are the attributes; `[capacity]`, `[rate_limit]` and `[price]` are tables, `[[capacity.changes]]` and
        `[[faults]]` arrays of them.

        Args:
            source: A path; or, if it is a string with a line break or an equals sign in it, the text.

        Raises:
            ConfigurationError: It cannot be read, or something in it cannot be; one line that names file and key.
        """
        nested = {
            "capacity": Nested(Capacity),
            "capacity.changes": Nested(Change, many=True),
            "rate_limit": Nested(RateLimit),
            "price": Nested(Price),
            "faults": Nested(Fault, many=True),
        }
        scenario: Scenario = read_toml(cls, source, nested=nested, code_only=("answer",))
        return scenario
