"""What calls to models used: tokens, calls and money, as a value that adds up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal
from types import MappingProxyType
from typing import Any, Final

_NONE: Mapping[str, Usage] = MappingProxyType({})
_ZERO = Decimal(0)

MONEY: Final = Context(prec=60)
"""How money is counted: exactly, whatever decimal context the application has set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What some calls used. Values add up with `+`.

    Attributes:
        input_tokens: Tokens of the prompts.
        output_tokens: Tokens of the answers, reasoning included.
        reasoning_tokens: The part of `output_tokens` that was reasoning.
        calls: Calls made to models; a call that was attempted three times is one call and two retries.
        retries: Attempts beyond the first one of each call.
        known_cost: US dollars, as far as prices are known.
        estimated_cost: The part of `known_cost` that is an upper bound: under a budget, attempts that ended without
            usage (cancelled, lost) count with all that was reserved for them.
        unpriced: Attempts whose cost is unknown: no price for the model, or, without a budget, no usage came back.
        by_model: The same, for each `provider:model`; empty in the parts themselves.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    calls: int = 0
    retries: int = 0
    known_cost: Decimal = _ZERO
    estimated_cost: Decimal = _ZERO
    unpriced: int = 0
    by_model: Mapping[str, Usage] = field(default_factory=lambda: _NONE, hash=False)

    @property
    def attempts(self) -> int:
        """Attempts made at providers."""
        return self.calls + self.retries

    @property
    def total_tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens

    @property
    def cost(self) -> Decimal | None:
        """US dollars, or None when a part of it is unknown (then see `known_cost`)."""
        return None if self.unpriced else self.known_cost

    def of_model(self, name: str) -> Usage:
        """The same usage, filed under the model `name` (as `provider:model`)."""
        part = replace(self, by_model=_NONE) if self.by_model else self
        return replace(self, by_model=MappingProxyType({name: part}))

    def __add__(self, other: Usage) -> Usage:
        if not isinstance(other, Usage):
            return NotImplemented
        if self is NO_USAGE:
            return other
        if other is NO_USAGE:
            return self
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            calls=self.calls + other.calls,
            retries=self.retries + other.retries,
            known_cost=MONEY.add(self.known_cost, other.known_cost),
            estimated_cost=MONEY.add(self.estimated_cost, other.estimated_cost),
            unpriced=self.unpriced + other.unpriced,
            by_model=_joined(self.by_model, other.by_model),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the mapping as a plain dict: a read-only view cannot be pickled."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return _restored, ({**values, "by_model": dict(self.by_model)},)


def _joined(left: Mapping[str, Usage], right: Mapping[str, Usage]) -> Mapping[str, Usage]:
    if not left or not right:
        return left or right
    both = dict(left)
    for name, usage in right.items():
        both[name] = both[name] + usage if name in both else usage
    return MappingProxyType(both)


def _restored(values: dict[str, Any]) -> Usage:
    return Usage(**{**values, "by_model": MappingProxyType(values["by_model"])})


NO_USAGE = Usage()
"""Nothing was used; the neutral element of `+`."""
