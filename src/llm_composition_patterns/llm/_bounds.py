"""The most that one attempt can use, known before it is made: pure, and looked at only inside a budget.

**The prompt.** Common models count text by byte-level pair encodings: a token stands for at least one byte of UTF-8, so
a text has never more tokens than bytes. What surrounds the texts is counted on top: the chat template with its markers
for each message and the words that some templates put before all of them, and a schema that the provider puts into the
prompt. These are allowances, several times of what known templates take. A simulated provider in this process says how
it counts, so there the bound is exact.

**The answer.** `max_tokens` is sent to the provider, which counts reasoning in. A call without it gets one:
`MOST_TOKENS`, or, where what is left of the budget can never pay for those, four times the longest answer of the model
so far.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..simulation import count_tokens
from ._types import Message, ModelSettings
from ._wire import Body

MOST_TOKENS: Final = 4096
"""What a call inside a budget is sent with as `max_tokens` where its caller names none."""

_LONGER: Final = 4
_AT_FIRST: Final = 256

_OF_A_TEMPLATE: Final = 128
_OF_A_MESSAGE: Final = 8


def bounded(settings: ModelSettings) -> ModelSettings:
    """The settings of a call inside a budget: `max_tokens` is among them in any case.

    Raises:
        ValueError: `max_tokens` is no bound.
    """
    most: object = settings.get("max_tokens")
    if most is None:
        return {**settings, "max_tokens": MOST_TOKENS}
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise ValueError(f"max_tokens={most!r} is no bound for a budget: give a whole number above 0, or leave it out")
    return settings


def rooms(most: int, longest: int, *, fixed: bool) -> tuple[int, ...]:
    """How many tokens the answer of a call may have, the best number first.

    Args:
        most: The call's `max_tokens`.
        longest: Tokens of the model's longest answer so far; 0 where there is none.
        fixed: The caller has named `max_tokens`.
    """
    return (most,) if fixed else (most, min(most, _LONGER * longest or _AT_FIRST))


def with_room(body: Body, most: int) -> Body:
    """The request with another limit on its answer."""
    return {**body, **{name: most for name in ("max_tokens", "max_completion_tokens") if name in body}}


def unknown_price(model: str, scope: str) -> str:
    """What is wrong with a call to `model` inside a budget in US dollars, and how to mend it."""
    return (
        f"the price of {model} is not known, so the budget of {scope!r} in US dollars would not hold: say it by "
        f"connect(..., price=Price(input=..., output=...)), US dollars per million tokens, or give Budget(tokens=...)"
    )


def prompt_bound(body: Body, *, simulated: bool) -> int:
    """The most tokens that the prompt of a request may be counted as.

    Args:
        body: The request.
        simulated: The simulated provider in this process is asked.
    """
    messages: Sequence[Message] = body["messages"]
    texts = [_text(message["content"]) for message in messages]
    if simulated:
        return count_tokens("\n".join(texts))
    around = _OF_A_TEMPLATE + _OF_A_MESSAGE * len(texts)
    return around + sum([_bytes(text) for text in texts]) + _of_format(body.get("response_format"))


def _of_format(wanted: Mapping[str, Any] | None) -> int:
    return 0 if wanted is None else _bytes(json.dumps(wanted))


def _text(content: object) -> str:
    return content if isinstance(content, str) else json.dumps(content)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="replace"))
