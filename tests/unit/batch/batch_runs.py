"""Runs of a batch over a store in memory, for the tests beside this."""

import asyncio
from collections.abc import Callable
from typing import Any

from llm_composition_patterns.batch import BatchReport
from llm_composition_patterns.batch._dispatcher import Dispatcher, RunSettings
from llm_composition_patterns.batch._memory_store import MemoryStore
from llm_composition_patterns.batch._transport import LocalTransport
from llm_composition_patterns.steps import JsonForm

SETTINGS: dict[str, Any] = {
    "name": "run_batch work",
    "branch_name": "work",
    "max_concurrency": 256,
    "budget": None,
    "max_attempts": 10,
    "retry": (),
    "drain_timeout": 30.0,
    "handle_signals": False,
    "progress": False,
}


def dispatcher(step: Callable[..., Any], store: MemoryStore, **settings: Any) -> Dispatcher:
    """A dispatcher of a step that runs here."""
    made = RunSettings(**{**SETTINGS, **settings})
    return Dispatcher(store, LocalTransport(step, None), JsonForm(None, of="work"), made)


async def run(step: Callable[..., Any], items: Any, store: MemoryStore, **settings: Any) -> BatchReport:
    """One run of a batch; items are keyed by themselves, as text."""
    return await dispatcher(step, store, **settings).run(items, None if isinstance(items, dict) else str)


async def killed(step: Callable[..., Any], items: Any, store: "DyingStore", **settings: Any) -> None:
    """One run of a batch whose process dies when the store does."""
    running = asyncio.ensure_future(run(step, items, store, **settings))
    await asyncio.wait((running, store.death), return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class DyingStore(MemoryStore):
    """A store whose process can die: from then on nothing is written any more."""

    def __init__(self) -> None:
        super().__init__()
        self.revive()

    def revive(self) -> None:
        """A new process opens it."""
        self.death = asyncio.get_running_loop().create_future()

    def put(self, *given: Any, **named: Any) -> asyncio.Future[None]:
        """Keep an item, while the process lives."""
        return asyncio.get_running_loop().create_future() if self.death.done() else super().put(*given, **named)

    def keep(self, *given: Any, **named: Any) -> asyncio.Future[None]:
        """Keep a step, while the process lives."""
        return asyncio.get_running_loop().create_future() if self.death.done() else super().keep(*given, **named)
