"""The most that one attempt can use, known before it is made: pure, and looked at only inside a budget.

**The prompt.** Common models count text by byte-level pair encodings: a token stands for at least one byte of UTF-8, so
a text has never more tokens than bytes. What surrounds the texts is counted on top: the chat template with its markers
for each message and the words that some templates put before all of them, and a schema that the provider puts into the
prompt. These are allowances, several times of what known templates take. A simulated provider in this process says how
it counts, so there the bound is exact.

**The answer.** `max_tokens` is sent to the provider, which counts reasoning in. A call without it gets one:
`MOST_TOKENS`, or, where what is left of the budget can never pay for those, four times the longest answer of the model
so far. Before its first answer there is nothing to go by: then it is a half, a quarter ... of `MOST_TOKENS`, the most
that can be paid for, so that an answer is not cut off for want of room that there was.
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
_AT_FIRST: Final = tuple(MOST_TOKENS >> halvings for halvings in range(5))

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
    if fixed:
        return (most,)
    return (most, min(most, _LONGER * longest)) if longest else _AT_FIRST


def with_room(body: Body, most: int) -> Body:
    """The request with another limit on its answer."""
    return {**body, **{name: most for name in ("max_tokens", "max_completion_tokens") if name in body}}


def prompt_bound(body: Body, *, simulated: bool) -> int:
    """The most tokens that the texts of a request, its schema among them, may be counted as.

    Args:
        body: The request.
        simulated: The simulated provider in this process is asked, which counts nothing else.
    """
    messages: Sequence[Message] = body["messages"]
    texts = [_text(message["content"]) for message in messages]
    if simulated:
        return count_tokens("\n".join(texts))
    return sum([_bytes(text) for text in texts]) + _of_format(body.get("response_format"))


def template_bound(messages: int, shortest: int) -> int:
    """The most tokens that a chat template may add.

    Args:
        messages: How many messages there are.
        shortest: Tokens of the model's shortest prompt so far; 0 where there is none. A template is a part of each
            prompt, so it has no more.
    """
    one = _OF_A_TEMPLATE + _OF_A_MESSAGE
    return (min(one, shortest) if shortest else one) + _OF_A_MESSAGE * (messages - 1)


def _of_format(wanted: Mapping[str, Any] | None) -> int:
    return 0 if wanted is None else _bytes(json.dumps(wanted))


def _text(content: object) -> str:
    return content if isinstance(content, str) else json.dumps(content)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="replace"))
