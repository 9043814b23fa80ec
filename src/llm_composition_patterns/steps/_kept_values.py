"""Results as they are kept: JSON, and only what comes back from it as it was.

A store may be a file that somebody else has written to, so nothing is ever unpickled.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._annotations import answer_type
from ._cache_store import CacheStore
from ._same import is_same
from ._step import step_name

if TYPE_CHECKING:
    from pydantic import TypeAdapter


_log = logging.getLogger("llm_composition_patterns")


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
        self._warned = False

    async def get(self, key: str) -> tuple[bool, Any]:
        """Whether there is a value that can be read, and the value."""
        text = await self._store.get(key)
        if text is None:
            return False, None
        try:
            return True, self._read(text)
        except ValueError:  # of a type that has changed since, or not written by us
            return False, None

    async def put(self, key: str, value: Any) -> Exception | None:
        """Keep a value; what the store raised, if it could not.

        Raises:
            TypeError: It does not come back from JSON as it was.
        """
        text = self._written(value)
        try:
            await self._store.put(key, text)
        except Exception as error:  # noqa: BLE001 - a store is somebody else's, and the value was paid for
            self._warn(error)
            return error
        return None

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            _log.warning(
                "a result of %s could not be kept, and may be paid for again: %s: %s; this is said once",
                self._name,
                type(error).__name__,
                error,
            )

    def _written(self, value: Any) -> str:
        try:
            text = self._write(value)
            back = self._read(text)
            same = is_same(back, value)
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


def _adapter(annotated: Any) -> TypeAdapter[Any] | None:
    """How values of a type are written and read; None where the annotation does not say."""
    if annotated is None or annotated is Any or annotated is object:
        return None
    from pydantic import TypeAdapter  # noqa: PLC0415 - costs 0.1 s

    try:
        return TypeAdapter(annotated)
    except Exception:  # noqa: BLE001 - a type variable, a class of somebody else's: plain JSON is left
        return None
