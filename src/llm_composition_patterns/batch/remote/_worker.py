"""A worker: the process that runs items for a dispatcher elsewhere.

It connects to the dispatcher, imports the step, opens the resource once, and runs the items that it is sent until the
dispatcher hangs up. What is scarce is the dispatcher's: permits, budgets, what `once` records. A worker that loses its
dispatcher cancels what it runs.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

from ...limits import limiter_source
from ...runs import current_account
from ...steps import JsonForm, answer_type, step_name
from .._execution import Execution, current_execution
from .._transport import NotWritten, run_here
from . import _inside
from ._errors import write_error
from ._line import LONGEST, Line, Lost, Message
from ._places import function_at, input_type, read_type
from ._remote_budget import account_of
from ._remote_limiter import RemoteLimiters
from ._remote_records import RemoteRecords
from ._traces import WorkerSpans


async def work(url: str, token: str, name: str, *, alone: bool = False) -> None:
    """Run what a dispatcher sends, until it needs this worker no more.

    Args:
        url: Where it listens.
        token: What it knows its workers by.
        name: What this one is called in messages.
        alone: Whether its process does nothing else.

    Raises:
        OSError: It cannot be reached, or is gone.
        RuntimeError: This worker cannot begin; the dispatcher was told.
    """
    from aiohttp import ClientSession, WSServerHandshakeError  # noqa: PLC0415 - only in a worker

    headers = {"Authorization": f"Bearer {token}", "Worker-Name": name}
    async with ClientSession() as session:
        try:
            wire = await session.ws_connect(url, headers=headers, max_msg_size=LONGEST)
        except WSServerHandshakeError as refused:
            raise ConnectionError(f"the dispatcher at {url} refused this worker: {refused.status}") from None
        async with wire, Line(wire) as line:
            await Worker(line, alone=alone).serve()


class Worker:
    """Serves one dispatcher.

    Args:
        line: To it.
        alone: Whether this process does nothing else.
    """

    def __init__(self, line: Line, *, alone: bool) -> None:
        self._line = line
        self._alone = alone
        self._spans = WorkerSpans()
        self._limiters = RemoteLimiters(line)
        self._items: dict[int, asyncio.Task[None]] = {}
        self._step: Callable[..., Any]
        self._over = asyncio.Event()
        self._dismissed = False
        self._unable = ""
        self._keeping: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Run items until the dispatcher says that there are no more.

        Raises:
            Lost: It is gone.
            RuntimeError: This worker cannot begin.
        """
        listening = asyncio.create_task(self._listen())
        over = asyncio.create_task(self._over.wait())
        try:
            await asyncio.wait([listening, over], return_when=asyncio.FIRST_COMPLETED)
            await self._end()
            await self._line.said()
        finally:
            over.cancel()
            listening.cancel()
            await asyncio.wait([listening, over])
        if not self._dismissed:
            raise RuntimeError(self._unable) if self._unable else Lost("the dispatcher is gone")

    async def _listen(self) -> None:
        async for message in self._line.heard():
            match message["is"]:
                case "begin":
                    self._keeping = asyncio.create_task(self._keep(message))
                case "run":
                    self._items[message["item"]] = asyncio.create_task(self._run(message))
                case "forget":
                    if (running := self._items.get(message["item"])) is not None:
                        running.cancel()
                case "finish":
                    self._dismissed = True
                    self._over.set()

    async def _end(self) -> None:
        self._over.set()
        while running := [*self._items.values()]:
            for task in running:
                task.cancel()
            await asyncio.wait(running)
        if self._keeping is not None:
            await asyncio.wait([self._keeping])
            self._keeping.result()

    async def _keep(self, setup: Message) -> None:
        """Open the resource, and close it at the end."""
        limiter_source.set(self._limiters)
        try:
            await asyncio.get_running_loop().run_in_executor(None, _see, setup["path"])
            self._step = function_at(setup["step"])
            self._input = JsonForm(input_type(self._step, after_resource=bool(setup["resource"])), of="the step")
            output = read_type(setup["output"])
            self._output = JsonForm(answer_type(self._step) if output is None else output, of=step_name(self._step))
            async with AsyncExitStack() as stack:
                self._held: tuple[Any, ...] = ()
                if setup["resource"]:
                    self._held = (await stack.enter_async_context(function_at(setup["resource"])()),)
                if self._alone:
                    gc.collect()
                    gc.freeze()  # else what was imported is searched for garbage again and again, for 0.1 s each time
                self._line.say(**{"is": "ready"})
                await self._over.wait()
                while self._items:
                    await asyncio.wait([*self._items.values()])
        except Exception as error:  # noqa: BLE001 - it is told to the dispatcher
            self._line.say(**{"is": "unable", "error": write_error(error)})
            self._unable = f"{type(error).__name__}: {error}"
            self._over.set()

    async def _run(self, message: Message) -> None:
        """Run an item, and tell what became of it."""
        item = message["item"]
        try:
            with self._inside(item, message):
                value = await run_here(self._step, *self._held, self._input.read(message["input"]))
            text = self._written(value)
        except BaseException as error:
            self._line.say(**{"is": "failed", "item": item, "error": write_error(error), "spans": self._spans.take()})
            if isinstance(error, asyncio.CancelledError):
                raise
        else:
            self._line.say(**{"is": "done", "item": item, "value": text, "spans": self._spans.take()})
        finally:
            del self._items[item]

    def _inside(self, item: int, message: Message) -> AbstractContextManager[None]:
        """Make this task, which is the item's alone, one of the item; its spans, in the body."""
        limiter_source.set(self._limiters)
        _inside.current.set(item)
        account = account_of(self._line, item, message["budgets"])
        current_account.set(account)
        current_execution.set(Execution(message["key"], RemoteRecords(self._line, item), account))
        return self._spans.continuing(message["trace"])

    def _written(self, value: Any) -> str:
        try:
            return self._output.written(value)
        except TypeError as error:
            raise NotWritten(str(error)) from error


def _see(path: list[str]) -> None:
    """Import from where the dispatcher imports from, too, as far as that is there."""
    sys.path.extend(place for place in path if place not in sys.path and Path(place).exists())
