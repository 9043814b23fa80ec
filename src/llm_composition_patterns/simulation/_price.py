"""What tokens cost: of a model that answers, and of one that is simulated."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ..usage import MONEY
from ._settings import check_number

_A_MILLIONTH: Final = -6
_MOST: Final = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model costs, in US dollars per million tokens.

    Attributes:
        input: Of the prompt.
        output: Of the answer, reasoning included.
        cached_input: Of the part of the prompt that the provider had in its cache; `input` where it is left out.

    Raises:
        ValueError: A price is no number, below 0, or above a thousand dollars a token.
    """

    input: Decimal | float
    output: Decimal | float
    cached_input: Decimal | float | None = None

    def __post_init__(self) -> None:
        for name in ("input", "output", "cached_input"):
            value = getattr(self, name)
            if value is None and name == "cached_input":
                continue
            check_number(name, float(value) if isinstance(value, Decimal) else value, most=_MOST)
            object.__setattr__(self, name, _exact(value))

    def parts(self, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> tuple[Decimal, Decimal]:
        """US dollars of a prompt and of its answer.

        Args:
            input_tokens: Of the prompt.
            output_tokens: Of the answer.
            cached_tokens: How many of the prompt's were in the provider's cache.
        """
        price = _exact(self.input)
        cached = price if self.cached_input is None else _exact(self.cached_input)
        fresh = MONEY.multiply(price, input_tokens - cached_tokens)
        prompt = MONEY.add(fresh, MONEY.multiply(cached, cached_tokens))
        answer = MONEY.multiply(_exact(self.output), output_tokens)
        return prompt.scaleb(_A_MILLIONTH, MONEY), answer.scaleb(_A_MILLIONTH, MONEY)

    def total(self, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> Decimal:
        """US dollars of both; see `parts`."""
        return MONEY.add(*self.parts(input_tokens, output_tokens, cached_tokens))


def _exact(value: Decimal | float) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))
