"""Halves of characters (lone surrogates), which JSON may have and neither a store nor a file takes."""

from __future__ import annotations

import re
from typing import Any, Final

_HALF: Final = re.compile("[\ud800-\udfff]")


def whole(value: Any) -> Any:
    """A JSON value with the mark of what is unreadable (U+FFFD) in the place of half a character."""
    if isinstance(value, str):
        return value if value.isascii() else _HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [whole(one) for one in value]
    if isinstance(value, dict):
        return {whole(name): whole(one) for name, one in value.items()}
    return value
