"""The words that every model speaks: messages in, a completion out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, NotRequired, Protocol, TypedDict, Unpack, runtime_checkable

from ..usage import NO_USAGE, Usage


class Message(TypedDict):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class ResponseSchema(TypedDict):
    """The JSON schema that an answer must fit, as `response_schema` of a call.

    Attributes:
        name: What the schema is called on the wire.
        schema: The JSON schema; its root is an object.
        strict: Whether the provider is asked to enforce every detail of it; True where it is left out.
    """

    name: str
    schema: dict[str, Any]
    strict: NotRequired[bool]


class ModelSettings(TypedDict, total=False):
    """Settings of one call, at the level of the wire. What is left out is the provider's default.

    Attributes:
        temperature: 0 for the likeliest answer.
        max_tokens: The most tokens the answer may have, reasoning included.
        response_schema: The JSON schema that the answer must fit.
        reasoning_effort: How much a reasoning model thinks first.
        seed: For repeatable answers where the provider offers them.
        stop: Texts at which the answer ends.
        on_text: Called with each piece of the answer as it streams in.
    """

    temperature: float
    max_tokens: int
    response_schema: ResponseSchema
    reasoning_effort: Literal["low", "medium", "high"]
    seed: int
    stop: str | Sequence[str]
    on_text: Callable[[str], None]


_SETTINGS: Final = frozenset(ModelSettings.__annotations__)


def check_settings(settings: Mapping[str, Any], where: str) -> None:
    """Refuse settings that do not exist: none is dropped without a word."""
    if not settings.keys() <= _SETTINGS:
        unknown = ", ".join(sorted(settings.keys() - _SETTINGS))
        raise TypeError(f"{where} has no setting {unknown}: the settings are {', '.join(sorted(_SETTINGS))}")
    on_text = settings.get("on_text")
    if on_text is not None and (not callable(on_text) or inspect.iscoroutinefunction(on_text)):
        raise TypeError(f"{where}: on_text is a plain function that is given each piece of text, not {on_text!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A model's answer.

    Attributes:
        text: The answer.
        model: What answered, as `provider:model`; a simulated model's name begins with `simulated/`, however it was
            reached.
        finish_reason: Why it ended: `stop`, `length`, or the provider's own word.
        usage: What the call used, retries included.
        cost: US dollars, or None when unknown.
        cost_source: Where `cost` comes from: `provider`, `user`, `genai-prices`, `local`, `simulated` or `unknown`.
        attempts: Attempts that the call took.
    """

    text: str
    model: str
    finish_reason: str = "stop"
    usage: Usage = NO_USAGE
    cost: Decimal | None = None
    cost_source: str = "unknown"
    attempts: int = 1


@runtime_checkable
class ChatModel(Protocol):
    """Anything that answers messages. Implement this one method to plug a client of your own in.

    `ask` adds the `usage` of the completion, or of the `ModelError` that is raised, to the runs and branches around
    it: with `calls=1` and its tokens it counts as one call, at the `cost` of the completion; leave it out for what
    used nothing, such as an answer from a cache. Where calls to models of `connect` were made inside, as in a wrapper
    of one, these have been added already, and what the wrapper tells is not added again. Calling `complete` of your
    own model directly adds nothing.

    Inside a `Budget` in US dollars, `ask` must know what a call can cost at most before it is made: give the model an
    attribute `price`, a `Price`, or None where the model only calls models of `connect`, which reserve for themselves.
    `max_tokens` is always among the settings inside a budget; keep to it.
    """

    async def complete(self, messages: str | Sequence[Message], /, **settings: Unpack[ModelSettings]) -> Completion:
        """Answer `messages`, a prompt or a conversation.

        Raises:
            ModelError: There is no usable answer; see the tree in `errors.py`.
        """
        ...
