"""What a simulated provider is like: how fast, how limited, how faulty, at what price. Data, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from ._price import Price
from ._settings import check_choice, check_instance, check_number, check_pattern, check_whole, check_words
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
    "hang",
    "drop",
]
"""What can go wrong, as one word."""

Dialect = Literal["groq", "openai", "none"]
"""In whose way a rate limit shows itself in headers and messages."""

AnswerRule: TypeAlias = Callable[[Mapping[str, Any]], Any]
"""A rule of your own: the wire request in; the answer's text out, or a value to write as JSON, or None for the rest."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong with some requests.

    Attributes:
        kind: What goes wrong. Answered with a status of its own: `rate_limit` (429), `server_error` (500),
            `server_overloaded` (503), `unauthorized` (401), `no_credit` (402), `unknown_model` (404),
            `no_json_schema` (400, to requests for a `json_schema` only) and `json_validate_failed` (400, to requests
            for JSON only). Answered with 200: `malformed_json`, `truncated`, `wrong_schema` and `refusal`. Not
            answered: `hang` never ends, `drop` ends the connection.
        match: A regular expression searched in the text of the request's messages, upper and lower case alike; empty
            matches every request.
        times: How many requests it strikes; None for every one.
        probability: The share of the matching requests that it strikes, drawn from the scenario's seed.
        retry_after: Seconds of a Retry-After header, on faults with a status of their own.
        status: Another status in place of the usual one, such as 502 for a `server_error`.
    """

    kind: FaultKind
    match: str = ""
    times: int | None = None
    probability: float = 1.0
    retry_after: float | None = None
    status: int | None = None

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
        burst: Seconds of the minute's allowance that can be used at once after a rest: 60 is a whole minute's.
        dialect: Whose `x-ratelimit-*` headers and messages. `openai` shows requests and tokens a minute; `groq` shows
            requests a day and tokens a minute; `none` shows no header and gives no number in its messages.
        retry_after: Whether a refusal has a Retry-After header, in whole seconds.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    requests_per_day: float | None = None
    burst: float = 60.0
    dialect: Dialect = "openai"
    retry_after: bool = True

    def __post_init__(self) -> None:
        given = 0
        for name in ("requests_per_minute", "tokens_per_minute", "requests_per_day"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), above=True)
                given += 1
        if not given:
            raise ValueError("requests_per_minute, tokens_per_minute or requests_per_day must be given to limit a rate")
        check_number("burst", self.burst, above=True)
        check_choice("dialect", self.dialect, get_args(Dialect))
        if not isinstance(self.retry_after, bool):
            raise ValueError(f"retry_after must be true or false, not {self.retry_after!r}")  # noqa: TRY004 - one kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What a simulated provider is like. The defaults make a translation take about half a second, without faults.

    Attributes:
        seed: Changes everything that is chosen: times, labels, numbers, which requests a fault strikes.
        time_to_first_token: Seconds from a request to the first token of its answer.
        tokens_per_second: How fast the tokens follow; `inf` for at once.
        spread: How much the times of requests differ: 0.25 is up to 25 % faster or slower. 0 makes them exact.
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

        The keys are the attributes; `[rate_limit]` and `[price]` are tables, `[[faults]]` an array of them.

        Args:
            source: A path; or, if it is a string with a line break or an equals sign in it, the text.

        Raises:
            ConfigurationError: It cannot be read, or something in it cannot be; one line that names file and key.
        """
        nested = {"rate_limit": Nested(RateLimit), "price": Nested(Price), "faults": Nested(Fault, many=True)}
        scenario: Scenario = read_toml(cls, source, nested=nested, code_only=("answer",))
        return scenario
