"""The JSON documents inside the text of a message."""

from __future__ import annotations

import json
from typing import Any


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
_TRIES = 200
"""Braces that begin nothing are common in prose; a text made of them must not take for ever."""


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
    return value if isinstance(value, (dict, list)) else None


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
            if value:  # `{}` is a place for something, not a document
                prose.append(text[begin:start])
                documents.append(value)
                begin = end
        start = text.find("{", end)
    return "".join([*prose, text[begin:]]), documents
