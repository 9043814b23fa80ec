"""What an answer cost, and who says so.

In this order: the provider's own figure, the user's price, what is known to cost nothing, the price list of
genai-prices. Without any of them the cost is unknown, never 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any, Final, Literal, TypeAlias

from ._addresses import Address
from ._replies import Tokens

CostSource = Literal["provider", "user", "genai-prices", "local", "simulated", "unknown"]

Listed: TypeAlias = Callable[[Tokens], tuple[Decimal, Decimal]]
"""What the prompt and what the answer cost that used so many tokens."""

_MILLION: Final = Decimal(1_000_000)
_NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model costs, in US dollars per million tokens.

    Attributes:
        input: Of the prompt.
        output: Of the answer, reasoning included.
        cached_input: Of the part of the prompt that the provider had in its cache; `input` where it is left out.
    """

    input: Decimal | float
    output: Decimal | float
    cached_input: Decimal | float | None = None

    def __post_init__(self) -> None:
        for name in ("input", "output", "cached_input"):
            value = getattr(self, name)
            if value is None and name == "cached_input":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
                raise TypeError(f"Price({name}={value!r}): a price is a number of US dollars per million tokens")
            exact = Decimal(str(value))
            if not exact.is_finite() or exact < 0:
                raise ValueError(f"Price({name}={value!r}): a price is finite and not negative")
            object.__setattr__(self, name, exact)

    def parts(self, tokens: Tokens) -> tuple[Decimal, Decimal]:
        """What the prompt and what the answer cost."""
        price, output = _exact(self.input), _exact(self.output)
        cached = price if self.cached_input is None else _exact(self.cached_input)
        prompt = price * (tokens.input - tokens.cached) + cached * tokens.cached
        return prompt / _MILLION, output * tokens.output / _MILLION


@dataclass(frozen=True, slots=True)
class Bill:
    """What one answer cost.

    Attributes:
        total: US dollars; None where it is unknown.
        source: Who says so.
        prompt: The part of the prompt, where it is known.
        completion: The part of the answer, where it is known.
    """

    total: Decimal | None
    source: CostSource
    prompt: Decimal | None = None
    completion: Decimal | None = None


UNKNOWN: Final = Bill(None, "unknown")
_LOCAL: Final = Bill(_NOTHING, "local")
_SIMULATED: Final = Bill(_NOTHING, "simulated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """How the calls of one model are priced.

    Attributes:
        given: The user's own price.
        listed: What genai-prices lists, as a function of the tokens.
        free: The bill of a call that is known to cost nothing.
    """

    given: Price | None = None
    listed: Listed | None = None
    free: Bill | None = None

    def bill(self, tokens: Tokens | None, *, simulated: bool = False) -> Bill:
        """What an answer cost that used `tokens`; None means that it did not say."""
        if tokens is not None and tokens.cost is not None:
            return Bill(tokens.cost, "simulated" if simulated else "provider")
        if tokens is not None and self.given is not None:
            return _bill(self.given.parts(tokens), "user")
        if simulated or self.free is not None:
            return self.free or _SIMULATED
        if tokens is not None and self.listed is not None:
            return _bill(self.listed(tokens), "genai-prices")
        return UNKNOWN


def _bill(parts: tuple[Decimal, Decimal], source: CostSource) -> Bill:
    prompt, completion = parts
    return Bill(prompt + completion, source, prompt, completion)


def pricing_of(address: Address, given: Price | None) -> Pricing:
    """How the calls of the model at `address` are priced. The first call reads the price list, 0.2 s of CPU."""
    provider = address.provider
    if provider.sdk == "simulated":
        return Pricing(given=given, free=_SIMULATED)
    if provider.local and not address.model.endswith("cloud"):
        return Pricing(given=given, free=_LOCAL)
    if given is not None:
        return Pricing(given=given)
    return Pricing(
        listed=listed_price(provider.prices if address.own_endpoint else None, address.base_url, address.model)
    )


@lru_cache(maxsize=256)
def listed_price(provider: str | None, url: str | None, model: str) -> Listed | None:
    """The price that genai-prices lists for a model of a provider, known by its name or else by its address."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - costs 0.2 s

    if provider is None and url is None:
        return None
    try:
        _, found = get_snapshot().find_provider_model(model, None, provider, None if provider else url)
    except LookupError:
        return None
    prices = found.get_prices(datetime.now(UTC))
    parts = [getattr(prices, name, None) for name in ("input_mtok", "output_mtok", "cache_read_mtok")]
    if parts[0] is None or parts[1] is None:
        return None  # priced by something else than tokens
    if all(part is None or isinstance(part, Decimal) for part in parts):
        return Price(input=parts[0], output=parts[1], cached_input=parts[2]).parts
    return partial(_calculated, prices)


def _calculated(prices: Any, tokens: Tokens) -> tuple[Decimal, Decimal]:
    """The list's own way, slow, where a price depends on the length of the prompt."""
    from genai_prices import Usage  # noqa: PLC0415

    used = Usage(input_tokens=tokens.input, output_tokens=tokens.output, cache_read_tokens=tokens.cached)
    priced = prices.calc_price(used)
    return priced["input_price"] or _NOTHING, priced["output_price"] or _NOTHING


def _exact(value: Decimal | float) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))
