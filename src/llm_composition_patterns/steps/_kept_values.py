"""Results as they are kept: JSON, and only what comes back from it as it was.

A store may be a file that somebody else has written to, so nothing is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._annotations import answer_type
from ._cache_store import CacheStore
from ._step import step_name

if TYPE_CHECKING:
    from pydantic import TypeAdapter


class KeptValues:
    """The results of a step in a store.

    Args:
        step: Its annotated return type says how values are written and read.
        store: Where they are kept.
    """

    def __init__(self, step: Callable[..., Any], store: CacheStore) -> None:
        self._name = step_name(step)
        self._store = store
        self._type = answer_type(step)
        self._adapter = _adapter(self._type)

    async def get(self, key: str) -> tuple[bool, Any]:
        """Whether there is a value that can be read, and the value."""
        text = await self._store.get(key)
        if text is None:
            return False, None
        try:
            return True, self._read(text)
        except ValueError:  # of a type that has changed since, or not written by us
            return False, None

    async def put(self, key: str, value: Any) -> None:
        """Keep a value.

        Raises:
            TypeError: It does not come back from JSON as it was.
        """
        await self._store.put(key, self._written(value))

    def _written(self, value: Any) -> str:
        try:
            text = self._write(value)
            back = self._read(text)
            same = bool(_alike(type(back), type(value)) and back == value)
        except Exception as error:
            raise self._not_kept(value) from error
        if not same:
            raise self._not_kept(value)
        return text

    def _write(self, value: Any) -> str:
        if self._adapter is None:
            return json.dumps(value, allow_nan=False)
        return self._adapter.dump_json(value, warnings="error").decode()

    def _read(self, text: str) -> Any:
        return json.loads(text) if self._adapter is None else self._adapter.validate_json(text)

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


def _alike(one: type, other: type) -> bool:
    """Whether values of two types may be the same value: an int is a float to type checkers."""
    return one is other or {one, other} == {int, float}


def _adapter(annotated: Any) -> TypeAdapter[Any] | None:
    """How values of a type are written and read; None where the annotation does not say."""
    if annotated is None or annotated is Any or annotated is object:
        return None
    from pydantic import TypeAdapter  # noqa: PLC0415 - costs 0.1 s

    try:
        return TypeAdapter(annotated)
    except Exception:  # noqa: BLE001 - a type variable, a class of somebody else's: plain JSON is left
        return None
