"""Messages and settings to the body of a chat-completions request: pure, and lean because every attempt builds one.

A `response_schema` can be asked for in three ways, best first: the provider enforces the schema, the provider
enforces JSON and the prompt holds the schema, or the prompt alone asks for it. They are the rungs of a ladder that a
model goes down when its provider refuses one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..tracing import spelled
from ._providers import Provider
from ._types import Message, ModelSettings, ResponseSchema

ENFORCED_SCHEMA: Final = 0
ENFORCED_JSON: Final = 1
ASKED_FOR: Final = 2
LAST_RUNG: Final = ASKED_FOR

Body = dict[str, Any]

_AS_THEY_ARE: Final = ("temperature", "seed", "stop", "reasoning_effort")
_MESSAGE: Final = "{'role': 'user', 'content': '...'}"
_GROQ_ENFORCES: Final = ("gpt-oss-20b", "gpt-oss-120b")


def conversation(messages: str | Sequence[Message], system: str | None = None) -> list[Message]:
    """A prompt or a conversation as the messages of the wire.

    Raises:
        TypeError: It is neither, or `system` is no text.
        ValueError: The conversation is empty.
    """
    if isinstance(messages, str):
        told: list[Message] = [{"role": "user", "content": spelled(messages)}]
    else:
        told = _listed(messages)
    if system is not None and not isinstance(system, str):
        raise TypeError(f"system is text that the model is told before the prompt, not {type(system).__name__}")
    return told if system is None else [{"role": "system", "content": spelled(system)}, *told]


def _listed(messages: Sequence[Message]) -> list[Message]:
    if not isinstance(messages, Iterable):
        raise TypeError(f"a prompt is text or a list of messages such as {_MESSAGE}, not {type(messages).__name__}")
    told = [_checked(message) for message in messages]
    if not told:
        raise ValueError(f"a conversation needs at least one message, such as {_MESSAGE}")
    return told


def _checked(message: Message) -> Message:
    if not isinstance(message, Mapping) or "role" not in message or "content" not in message:
        raise TypeError(f"a message of a conversation is a dict such as {_MESSAGE}")
    content = message["content"]
    if not isinstance(content, str) or content.isascii():
        return message
    return {**message, "content": spelled(content)}


def first_rung(provider: Provider, model: str) -> int:
    """The best way that the provider is known to have for this model."""
    if provider.name == "groq" and not model.endswith(_GROQ_ENFORCES):
        return ENFORCED_JSON
    if provider.name == "ollama" and model.endswith("cloud"):
        return ENFORCED_JSON  # Ollama's cloud accepts a schema and ignores it
    return ENFORCED_SCHEMA


def request_body(
    provider: Provider,
    model: str,
    messages: list[Message],
    settings: ModelSettings,
    *,
    rung: int = ENFORCED_SCHEMA,
    without: frozenset[str] = frozenset(),
) -> Body:
    """The body of a request.

    Args:
        provider: Whose dialect to write.
        model: The model's name there.
        messages: The conversation.
        settings: The settings of the call.
        rung: How to ask for the answer's schema.
        without: Settings that the provider was found to refuse.
    """
    body: Body = {"model": model, "messages": messages}
    for name in _AS_THEY_ARE:
        value = settings.get(name)
        if value is not None and name not in without:
            body[name] = value
    if (most := settings.get("max_tokens")) is not None:
        body[_other_limit(provider) if provider.limit_setting in without else provider.limit_setting] = most
    if "gpt-oss" in model and "reasoning_effort" not in without:
        body.setdefault("reasoning_effort", "low")
    if (schema := settings.get("response_schema")) is not None:
        _ask_for(body, schema, rung)
    if settings.get("on_text") is not None:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    return body


def _other_limit(provider: Provider) -> str:
    return "max_tokens" if provider.limit_setting == "max_completion_tokens" else "max_completion_tokens"


def _ask_for(body: Body, schema: ResponseSchema, rung: int) -> None:
    if rung == ENFORCED_SCHEMA:
        strict = schema.get("strict", True)
        asked = {"name": schema["name"], "schema": schema["schema"], "strict": strict}
        body["response_format"] = {"type": "json_schema", "json_schema": asked}
        return
    body["messages"] = _with_schema(body["messages"], schema)
    if rung == ENFORCED_JSON:
        body["response_format"] = {"type": "json_object"}


def _with_schema(messages: list[Message], schema: ResponseSchema) -> list[Message]:
    wanted = schema_in_words(schema)
    first = messages[0]
    if first["role"] == "system":
        return [{"role": "system", "content": f"{first['content']}\n\n{wanted}"}, *messages[1:]]
    return [{"role": "system", "content": wanted}, *messages]


def schema_in_words(schema: ResponseSchema) -> str:
    """The request for an answer that fits a schema, to stand in a prompt."""
    shown = json.dumps(schema["schema"], ensure_ascii=False, separators=(",", ":"))
    return f"Answer with one JSON object and nothing else. It must fit this JSON schema:\n{shown}"
