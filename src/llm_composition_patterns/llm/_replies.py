"""The body of a reply to an answer: text, finish reason and usage, whatever a server sends.

Nothing here raises: what is not understood is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Final

from ..tracing import spelled

_MOST_TOKENS: Final = 10**7
_MOST_MONEY: Final = 10**9
"""What is above is a mistake: no context is that long."""

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(slots=True)
class Tokens:
    """What a reply says it used.

    Attributes:
        input: Tokens of the prompt.
        output: Tokens of the answer, reasoning included.
        reasoning: The part of `output` that was reasoning.
        cached: The part of `input` that the provider had in its cache.
        cost: US dollars, where the provider says so.
    """

    input: int
    output: int
    reasoning: int = 0
    cached: int = 0
    cost: Decimal | None = None


@dataclass(slots=True)
class Answer:
    """A chat completion, read.

    Attributes:
        text: The answer's text; empty where there is none.
        finish_reason: Why it ended.
        refusal: Why the model declined; None where it did not.
        model: What the reply says that answered.
        tokens: What it used; None where it does not say.
    """

    text: str
    finish_reason: str
    refusal: str | None
    model: str
    tokens: Tokens | None


def read_answer(body: Any) -> Answer | None:
    """The answer in a reply's body; None where there is none."""
    choice = _first_choice(body)
    if choice is None:
        return None
    message = _mapping(choice.get("message"))
    text = _text(message.get("content"))
    reason = _string(choice.get("finish_reason")) or "stop"
    refusal = _string(message.get("refusal")) or None
    if reason == "content_filter":
        refusal = refusal or "the provider's content filter stopped the answer"
    return Answer(text, reason, refusal, _string(body.get("model")), read_tokens(body))


def read_tokens(body: Any) -> Tokens | None:
    """What a reply's body says that it used; None where it does not say."""
    usage = _mapping(body).get("usage")
    if not isinstance(usage, dict):
        usage = _mapping(_mapping(_mapping(body).get("x_groq")).get("usage"))
    if "prompt_tokens" not in usage and "completion_tokens" not in usage:
        return None
    prompt, output = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    return Tokens(
        input=prompt,
        output=output,
        reasoning=min(output, _detail(usage, "completion_tokens_details", "reasoning_tokens")),
        cached=min(prompt, _detail(usage, "prompt_tokens_details", "cached_tokens")),
        cost=_money(usage.get("cost")),
    )


@dataclass(slots=True)
class Complaint:
    """The error in a reply, read.

    Attributes:
        message: The provider's own words.
        code: The provider's word for the error; empty where there is none.
        param: The setting that the provider objects to; empty where it names none.
        status: The status that the error itself names; None where it names none.
        headers: Headers that are told inside the body, by lower-case names.
    """

    message: str
    code: str = ""
    param: str = ""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


def read_complaint(body: Any) -> Complaint | None:
    """The error in a reply's body; None where there is none."""
    said = _mapping(body)
    error = said.get("error", said.get("detail"))
    if error is None or error == {}:
        choice = _first_choice(body)
        error = None if choice is None else choice.get("error")
    if isinstance(error, str):
        return Complaint(error, code=_string(said.get("code")))
    if not isinstance(error, dict):
        return None if error is None else Complaint(str(error))
    code = error.get("code")
    metadata = _mapping(error.get("metadata"))
    return Complaint(
        message=_string(error.get("message")) or "no reason given",
        code=_string(code) or _string(error.get("type")),
        param=_string(error.get("param")),
        status=code if type(code) is int else None,
        headers={str(name).lower(): str(value) for name, value in _mapping(metadata.get("headers")).items()},
    )


def _first_choice(body: Any) -> dict[str, Any] | None:
    choices = _mapping(body).get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return None
    return choices[0]


def _text(content: Any) -> str:
    if isinstance(content, list):  # some servers answer in parts
        content = "".join(_string(_mapping(part).get("text")) for part in content)
    return spelled(_string(content))


def _detail(usage: Mapping[str, Any], group: str, name: str) -> int:
    return _count(_mapping(usage.get(group)).get(name))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _NOTHING


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int:
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else 0


def _money(value: Any) -> Decimal | None:
    if type(value) not in (int, float, str):
        return None
    try:
        money = Decimal(str(value))
    except (InvalidOperation, ValueError):
        return None
    return money if money.is_finite() and 0 <= money <= _MOST_MONEY else None
