"""Values as JSON, and only those that come back from it as they were.

What is kept may lie in a file that somebody else has written to, so nothing is ever unpickled.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ._same import is_same

if TYPE_CHECKING:
    from pydantic import TypeAdapter


class JsonForm:
    """How the values of one type are written and read.

    Args:
        annotated: The type; where nothing is said, None, Any or object, only plain JSON can be kept.
        of: The step that gives them, for messages.
    """

    def __init__(self, annotated: Any, *, of: str) -> None:
        self._name = of
        self._type = annotated
        self._adapter = _adapter(annotated)

    def written(self, value: Any) -> str:
        """A value as JSON.

        Raises:
            TypeError: It does not come back from JSON as it was.
        """
        try:
            text = self._write(value)
            back = self.read(text)
            same = is_same(back, value)
        except Exception as error:
            raise self._not_kept(value) from error
        if not same:
            raise self._not_kept(value)
        return text

    def read(self, text: str) -> Any:
        """The value that was written.

        Raises:
            ValueError: It is of another type, or was written by somebody else.
        """
        return json.loads(text) if self._adapter is None else self._adapter.validate_json(text)

    def _write(self, value: Any) -> str:
        if self._adapter is None:
            return json.dumps(value, allow_nan=False)
        return self._adapter.dump_json(value, warnings="error").decode()

    def _not_kept(self, value: Any) -> TypeError:
        kind = type(value).__name__
        if self._adapter is None:
            return TypeError(
                f"{self._name} gave a {kind} that does not come back from JSON as it was, so it cannot be kept: "
                "annotate what the step returns with a pydantic model, or another type that says how it is read"
            )
        return TypeError(
            f"{self._name} gave a {kind} that does not come back from JSON as {self._type!r}, so it cannot be kept: "
            "annotate the step with the type that it really returns"
        )


def _adapter(annotated: Any) -> TypeAdapter[Any] | None:
    """How values of a type are written and read; None where the annotation does not say."""
    if annotated is None or annotated is Any or annotated is object:
        return None
    try:
        return _made(annotated)
    except TypeError:  # it cannot be hashed
        return _made.__wrapped__(annotated)


@lru_cache(maxsize=128)  # a step inside an item is a new function for each of them, of one type
def _made(annotated: Any) -> TypeAdapter[Any] | None:
    from pydantic import TypeAdapter  # noqa: PLC0415 - costs 0.1 s

    try:
        return TypeAdapter(annotated)
    except Exception:  # noqa: BLE001 - a type variable, a class of somebody else's: plain JSON is left
        return None
