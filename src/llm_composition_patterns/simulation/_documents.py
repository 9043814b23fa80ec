"""The JSON documents inside the text of a message."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
DEEPEST = 64
"""Levels of nesting that are looked into, of documents and of schemas: more would need a deep stack."""

_TRIES = 200
"""Braces that begin nothing are common in prose; a text made of them must not take for ever."""


def is_too_deep(value: Any) -> bool:
    """Whether a JSON value has more levels than are looked into."""
    level = [value]
    for _ in range(DEEPEST):
        level = [part for whole in level if isinstance(whole, (dict, list)) for part in _parts(whole)]
        if not level:
            return False
    return True


def _parts(whole: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return whole.values() if isinstance(whole, dict) else whole


def split_documents(text: str) -> tuple[str, list[Any]]:
    """The prose of `text`, and the JSON objects and lists found in it, in order."""
    if "{" not in text and not text.lstrip().startswith("["):
        return text, []
    whole = _decoded(text.strip())
    if whole is not None:
        return "", [whole]
    return _scanned(text)


def _decoded(text: str) -> Any:
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (dict, list)) and not is_too_deep(value) else None


def _scanned(text: str) -> tuple[str, list[Any]]:
    prose, documents, begin, start = [], [], 0, text.find("{")
    for _ in range(_TRIES):
        if start < 0:
            break
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            if value and not is_too_deep(value):  # `{}` is a place for something, not a document
                prose.append(text[begin:start])
                documents.append(value)
                begin = end
        start = text.find("{", end)
    return "".join([*prose, text[begin:]]), documents
