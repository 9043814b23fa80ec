"""One execution of one item, as the steps inside it see it."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TypeVar

from ..runs import Account
from ..steps import JsonForm, Step, run_step
from ..usage import Usage
from ._store import Store
from ._usage_since import usage_since

A = TypeVar("A")
B = TypeVar("B")


class Execution:
    """What an item's steps are recorded by, and what they used.

    Args:
        key: The item's.
        store: Where the results of its steps are recorded.
        account: What the calls inside it use.
    """

    def __init__(self, key: str, store: Store, account: Account) -> None:
        self.key = key
        self._store = store
        self._account = account
        self._recorded = self._told = account.usage
        self._turns: dict[str, asyncio.Lock] = {}

    def unrecorded(self) -> Usage:
        """What was used since this was asked last, for what all runs spent: steps inside are recorded one by one."""
        before, self._recorded = self._recorded, self._account.usage
        return usage_since(before, self._recorded)

    def used(self) -> Usage:
        """What was used since this was asked last, for the item, steps inside it included."""
        before, self._told = self._told, self._account.usage
        return usage_since(before, self._told)

    async def once(self, step: Step[A, B], input: A, key: str, form: JsonForm) -> B:
        """The recorded result of a step, or its result, recorded."""
        async with self._turns.setdefault(key, asyncio.Lock()):
            text = await self._store.recall(self.key, key)
            if text is not None:
                recalled: B = form.read(text)
                return recalled
            value = await run_step(step, input)
            await self._store.keep(self.key, key, form.written(value), usage=self.unrecorded())
            return value


current_execution: ContextVar[Execution | None] = ContextVar("llm_composition_execution", default=None)
"""The execution that the caller is inside of."""
