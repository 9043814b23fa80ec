"""The wire request of a chat completion, checked and read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ._documents import is_too_deep

CONTEXT_WINDOW = 131_072
"""Tokens that a request may have, prompt and answer together."""

LETTERS_OF_A_TOKEN = 4
"""How tokens are estimated."""

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_INSTRUCTING = frozenset({"system", "developer"})


class BadRequest(ValueError):
    """A request that no provider would accept.

    Attributes:
        code: The word that the error's body gives.
        parameter: The part of the request that is wrong.
    """

    def __init__(self, message: str, *, code: str | None = None, parameter: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.parameter = parameter


@dataclass(frozen=True, slots=True)
class Turn:
    """One message: who speaks, and the text of it."""

    role: str
    text: str

    @property
    def instructs(self) -> bool:
        """Whether it is the system's."""
        return self.role in _INSTRUCTING


@dataclass(frozen=True, slots=True)
class Request:
    """A checked request.

    Attributes:
        wire: The request as it came.
        model: The model asked for.
        turns: The messages.
        text: The text of all messages.
        max_tokens: The most tokens that the answer may have.
        stop: Texts at which the answer ends.
        format: The kind of answer wanted.
        schema: The JSON schema of the response format, or None.
        stream: Whether the answer is wanted in pieces.
        include_usage: Whether a stream ends with its usage.
    """

    wire: Mapping[str, Any]
    model: str
    turns: tuple[Turn, ...]
    text: str
    max_tokens: int | None
    stop: tuple[str, ...]
    format: Literal["text", "json_object", "json_schema"]
    schema: Any
    stream: bool
    include_usage: bool

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the messages, estimated."""
        return count_tokens(self.text)


def count_tokens(text: str) -> int:
    """Tokens of a text, estimated."""
    return -(-len(text) // LETTERS_OF_A_TOKEN)


def read_request(wire: Any) -> Request:
    """Check a wire request.

    Raises:
        BadRequest: It is not one.
    """
    if not isinstance(wire, Mapping):
        raise BadRequest("the body must be a JSON object")
    model = wire.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest("you must provide a model parameter, a string", parameter="model")
    turns = _turns(wire.get("messages"))
    _check_settings(wire)
    kind, schema = _format(wire.get("response_format"))
    options = wire.get("stream_options") or {}
    request = Request(
        wire=wire,
        model=model,
        turns=turns,
        text="\n".join([turn.text for turn in turns]),
        max_tokens=wire.get("max_completion_tokens") or wire.get("max_tokens"),
        stop=_stop(wire.get("stop")),
        format=kind,
        schema=schema,
        stream=bool(wire.get("stream")),
        include_usage=bool(options.get("include_usage")),
    )
    _check_length(request)
    return request


def _check_length(request: Request) -> None:
    if request.prompt_tokens > CONTEXT_WINDOW:
        raise BadRequest(
            f"this model's context window is {CONTEXT_WINDOW} tokens; the messages have {request.prompt_tokens}",
            code="context_length_exceeded",
            parameter="messages",
        )


def _turns(messages: Any) -> tuple[Turn, ...]:
    if not isinstance(messages, (list, tuple)) or not messages:
        raise BadRequest("messages must be a list of at least one message", parameter="messages")
    return tuple([_turn(message, index) for index, message in enumerate(messages)])


def _turn(message: Any, index: int) -> Turn:
    where = f"messages.{index}"
    if not isinstance(message, Mapping):
        raise BadRequest(f"{where} must be an object", parameter=where)
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise BadRequest(f"{where}.role must be one of {', '.join(sorted(ROLES))}", parameter=f"{where}.role")
    return Turn(role, _text(message.get("content"), f"{where}.content", may_be_empty=role == "assistant"))


def _text(content: Any, where: str, *, may_be_empty: bool) -> str:
    if isinstance(content, str):
        return content
    if content is None and may_be_empty:
        return ""
    if not isinstance(content, (list, tuple)):
        raise BadRequest(f"{where} must be a string or a list of parts", parameter=where)
    return "\n".join([_part(part, where) for part in content])


def _part(part: Any, where: str) -> str:
    if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
        raise BadRequest(f"{where} must have parts with a type", parameter=where)
    text = part.get("text", "")
    if not isinstance(text, str):
        raise BadRequest(f"{where} has a part whose text is not a string", parameter=where)
    return text


def _check_settings(wire: Mapping[str, Any]) -> None:
    for name, (fits, wanted) in _SETTINGS.items():
        value = wire.get(name)
        if value is not None and not fits(value):
            raise BadRequest(f"{name} must be {wanted}", parameter=name)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_SETTINGS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "temperature": (lambda value: _is_number(value) and 0 <= value <= 2, "a number from 0 to 2"),  # noqa: PLR2004
    "top_p": (lambda value: _is_number(value) and 0 <= value <= 1, "a number from 0 to 1"),
    "max_tokens": (lambda value: _is_whole(value) and value > 0, "a whole number, 1 or more"),
    "max_completion_tokens": (lambda value: _is_whole(value) and value > 0, "a whole number, 1 or more"),
    "seed": (_is_whole, "a whole number"),
    "n": (lambda value: _is_whole(value) and value == 1, "1: one answer a request"),
    "stream": (lambda value: isinstance(value, bool), "true or false"),
    "stream_options": (lambda value: isinstance(value, Mapping), "an object"),
}


def _stop(stop: Any) -> tuple[str, ...]:
    texts = (stop,) if isinstance(stop, str) else tuple(stop) if isinstance(stop, (list, tuple)) else stop
    if texts is None:
        return ()
    if not isinstance(texts, tuple) or not all(isinstance(text, str) for text in texts):
        raise BadRequest("stop must be a string or a list of strings", parameter="stop")
    return tuple(text for text in texts if text)


def _format(wanted: Any) -> tuple[Literal["text", "json_object", "json_schema"], Any]:
    if wanted is None:
        return "text", None
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if kind == "text" or kind == "json_object":  # noqa: PLR1714 - narrows the type
        return kind, None
    if kind != "json_schema":
        message = "response_format.type must be text, json_object or json_schema"
        raise BadRequest(message, parameter="response_format.type")
    described = wanted.get("json_schema")
    schema = described.get("schema") if isinstance(described, Mapping) else None
    if not isinstance(schema, Mapping) or not isinstance(described.get("name"), str):
        message = "response_format.json_schema must have a name and a schema, an object"
        raise BadRequest(message, parameter="response_format.json_schema")
    if is_too_deep(schema):
        raise BadRequest("the schema is nested too deeply", parameter="response_format.json_schema")
    return kind, schema
