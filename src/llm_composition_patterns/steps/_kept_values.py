"""Results as they are kept: what the cache keeps, and what it does where a store fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ._annotations import answer_type
from ._cache_store import CacheStore
from ._json_form import JsonForm
from ._step import step_name

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
        self._form = JsonForm(answer_type(step), of=self._name)
        self._warned = False

    async def get(self, key: str) -> tuple[bool, Any]:
        """Whether there is a value that can be read, and the value."""
        text = await self._store.get(key)
        if text is None:
            return False, None
        try:
            return True, self._form.read(text)
        except ValueError:  # of a type that has changed since, or not written by us
            return False, None

    async def put(self, key: str, value: Any) -> Exception | None:
        """Keep a value; what the store raised, if it could not.

        Raises:
            TypeError: It does not come back from JSON as it was.
        """
        text = self._form.written(value)
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
