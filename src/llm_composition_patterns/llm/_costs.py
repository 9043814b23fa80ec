"""What an answer cost, and who says so.

In this order: the provider's own figure, the user's price, what is known to cost nothing, the price list of
genai-prices. Without any of them the cost is unknown, never 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any, Final, Literal, TypeAlias

from ..simulation import Price
from ..usage import MONEY
from ._addresses import Address
from ._providers import Provider
from ._replies import Tokens

CostSource = Literal["provider", "user", "genai-prices", "local", "simulated", "unknown"]

Listed: TypeAlias = Callable[[Tokens], tuple[Decimal, Decimal]]
"""What the prompt and what the answer cost that used so many tokens."""

_NOTHING: Final = Decimal(0)


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
        charged: What a simulated provider's scenario charges.
        listed: What genai-prices lists, as a function of the tokens.
        free: The bill of a call that is known to cost nothing.
    """

    given: Price | None = None
    charged: Price | None = None
    listed: Listed | None = None
    free: Bill | None = None

    def bill(self, tokens: Tokens | None, *, simulated: bool = False) -> Bill:
        """What an answer cost that used `tokens`; None means that it did not say.

        A simulated answer costs what its provider or the user says, else nothing, and its source is always called so.
        """
        if simulated:
            told = self._told(tokens)
            return _SIMULATED if told is None else replace(told, source="simulated")
        told = self._told(tokens) or self.free
        if told is not None:
            return told
        if tokens is not None and self.listed is not None:
            return _bill(self.listed(tokens), "genai-prices")
        return UNKNOWN

    def most(self, prompt: int, answer: int) -> Decimal | None:
        """What an attempt can cost at most whose prompt and answer have at most so many tokens; None where unknown.

        The answer's cost as its provider will tell it goes first, as in a bill. A cache may be dearer than no cache.
        """
        price = self.charged or self.given
        if price is None and self.free is not None:
            return self.free.total
        parts = self.listed if price is None else partial(_parts, price)
        if parts is None:
            return None
        return max(MONEY.add(*parts(Tokens(prompt, answer, cached=cached))) for cached in (0, prompt))

    def _told(self, tokens: Tokens | None) -> Bill | None:
        if tokens is not None and tokens.cost is not None:
            return Bill(tokens.cost, "provider")
        if tokens is not None and self.given is not None:
            return _bill(_parts(self.given, tokens), "user")
        return None


def _parts(price: Price, tokens: Tokens) -> tuple[Decimal, Decimal]:
    return price.parts(tokens.input, tokens.output, tokens.cached)


def _bill(parts: tuple[Decimal, Decimal], source: CostSource) -> Bill:
    prompt, completion = parts
    return Bill(MONEY.add(prompt, completion), source, prompt, completion)


def pricing_of(
    address: Address, given: Price | None, charged: Price | None = None, *, half_price: bool = False
) -> Pricing:
    """How the calls of the model at `address` are priced. The first call reads the price list, 0.2 s of CPU."""
    provider = address.provider
    if provider.sdk == "simulated":
        return Pricing(given=given, charged=charged, free=_SIMULATED)
    if _is_free(provider, address.model):
        return Pricing(given=given, free=_LOCAL)
    if given is not None:
        return Pricing(given=given)
    listed = listed_price(provider.prices if address.own_endpoint else None, address.base_url or "", address.model)
    return Pricing(listed=partial(_halved, listed) if half_price and listed is not None else listed)


def _halved(listed: Listed, tokens: Tokens) -> tuple[Decimal, Decimal]:
    prompt, completion = listed(tokens)
    return MONEY.divide(prompt, 2), MONEY.divide(completion, 2)


def tells_costs(address: Address) -> bool:
    """Whether a provider may tell another cost in its answers than the one that its list says.

    Gateways do, and so may any server that stands where a provider was expected.
    """
    provider = address.provider
    return provider.name == "openrouter" or (provider.prices is not None and address.base_url != provider.base_url)


@lru_cache(maxsize=256)
def listed_price(provider: str | None, url: str, model: str) -> Listed | None:
    """The price that genai-prices lists for a model of a provider, known by its name or else by its address."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - costs 0.2 s

    try:
        _, found = get_snapshot().find_provider_model(model, None, provider, None if provider else url)
    except LookupError:
        return None
    prices = found.get_prices(datetime.now(UTC))
    if prices.input_mtok is None or prices.output_mtok is None:
        return None  # priced by something else than tokens
    price = _flat(prices)
    return partial(_calculated, prices) if price is None else partial(_parts, price)


def known_price(provider: Provider, model: str) -> Price | None:
    """What a provider's list says that a model costs there; None where it says nothing, or has no single price.

    Local models cost nothing. The first call reads the list, 0.2 s of CPU.
    """
    if _is_free(provider, model):
        return Price(input=_NOTHING, output=_NOTHING)
    listed = listed_price(provider.prices, "", model) if provider.prices else None
    price = listed.args[0] if isinstance(listed, partial) else None
    return price if isinstance(price, Price) else None


def _is_free(provider: Provider, model: str) -> bool:
    return provider.local and not model.endswith("cloud")  # Ollama's are called through the local server


def _flat(prices: Any) -> Price | None:
    """The price of a token, where it is the same for prompts of any length."""
    parts = [getattr(prices, name) for name in ("input_mtok", "output_mtok", "cache_read_mtok")]
    if not all(part is None or isinstance(part, Decimal) for part in parts):
        return None
    return Price(input=parts[0], output=parts[1], cached_input=parts[2])


def _calculated(prices: Any, tokens: Tokens) -> tuple[Decimal, Decimal]:
    """The list's own way, slow, where a price depends on the length of the prompt."""
    from genai_prices import Usage  # noqa: PLC0415

    used = Usage(input_tokens=tokens.input, output_tokens=tokens.output, cache_read_tokens=tokens.cached)
    priced = prices.calc_price(used)
    return priced["input_price"] or _NOTHING, priced["output_price"] or _NOTHING
