"""The dispatcher's side of its workers: they connect to it, are sent items, and ask it for what is scarce.

It listens on one address for WebSockets that know its token. A worker is there from when it says that it is ready until
its connection ends, however that happens; the items that it held are then lost with it. An item goes to the worker that
holds the fewest.
"""

from __future__ import annotations

import asyncio
import contextvars
import hmac
import logging
import secrets
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from ...errors import ConfigurationError, WorkerLost
from ...runs import purses
from .._endings import is_fatal
from .._execution import current_execution
from .._transport import Written
from ._errors import read_error
from ._limiters import Limiters
from ._line import LONGEST, Line, Message
from ._requests import ItemHere, Requests
from ._traces import deliver, trace_here

if TYPE_CHECKING:
    from aiohttp import web

_log: Final = logging.getLogger("llm_composition_patterns")
_UNAUTHORIZED: Final = 401
_CLOSING: Final = 30.0
"""Seconds that workers have to close their resources at the end."""

_OTHERS: Final = 10.0
"""Seconds after one worker that cannot begin in which another one may, before none is expected to."""

_FORGETTING: Final = 5.0
"""Seconds that a worker has to end an item that is not wanted any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What every worker begins with.

    Attributes:
        step: Where the step is, as `module:name`.
        resource: Where the factory of its resource is; None where it needs none.
        output: The type of the results, as `write_type` has it.
        path: Where this process imports from.
    """

    step: str
    resource: str | None
    output: str | None
    path: list[str]


@dataclass(slots=True, eq=False)
class _Peer:
    """A worker that is connected."""

    name: str
    line: Line
    items: dict[int, ItemHere] = field(default_factory=dict)


class Hub:
    """Sends items to whoever connects, from entering to leaving `async with`.

    Args:
        setup: What every worker begins with.
        host: The address to listen on.
        of: How many workers there are to be.

    Attributes:
        token: What workers prove themselves by.
        url: Where they connect to.
        unable: What none of the workers can begin for; None while some may.
    """

    def __init__(self, setup: Setup, host: str, *, of: int = 1) -> None:
        self._setup = setup
        self._host = host
        self._step = setup.step.rpartition(":")[2]
        self._numbers = count()
        self._ready: list[_Peer] = []
        self._changed = asyncio.Event()
        self._limiters = Limiters()
        self._stack = AsyncExitStack()
        self._closing = False
        self._of = of
        self._cannot: dict[str, str] = {}  # what a worker cannot begin for
        self._patience: asyncio.TimerHandle | None = None
        self.token: Final = secrets.token_urlsafe(32)
        self.url: str = ""
        self.unable: BaseException | None = None

    async def __aenter__(self) -> Self:
        from aiohttp import web  # noqa: PLC0415 - only where there are workers elsewhere

        app = web.Application()
        app.router.add_get("/", self._meet)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        self._stack.push_async_callback(self._limiters.aclose)
        site = web.TCPSite(runner, self._host, 0)
        await site.start()
        port = runner.addresses[0][1]
        self.url = f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{port}/"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        if self._patience is not None:
            self._patience.cancel()
        try:
            for peer in self._ready:
                peer.line.say(**{"is": "finish"})
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSING):
                    while self._ready:
                        await self._change()
        finally:
            await self._stack.aclose()

    @property
    def workers(self) -> int:
        """How many workers are ready."""
        return len(self._ready)

    async def until_changed(self) -> None:
        """Wait until a worker has come, gone, or could not begin."""
        await self._change()

    def fail(self, error: BaseException) -> None:
        """Let every item fail that waits for a worker."""
        self.unable = error
        self._wake()

    async def run(self, key: str, text: str) -> Written:
        """The result of an item, as JSON.

        Args:
            key: The item's.
            text: Its input, as JSON.

        Raises:
            WorkerLost: The worker that ran it was lost.
            ConfigurationError: No worker can begin.
            BaseException: What the step raised.
        """
        peer = await self._free_peer()
        number = next(self._numbers)
        execution = current_execution.get()
        assert execution is not None  # noqa: S101 - the dispatcher sets one
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        peer.items[number] = ItemHere(execution, contextvars.copy_context(), answer)
        budgets = [(purse.scope, _text(purse.budget.usd), purse.budget.tokens) for purse in purses()]
        peer.line.say(
            **{"is": "run", "item": number, "key": key, "input": text, "trace": trace_here(), "budgets": budgets}
        )
        try:
            told = await self._answered(peer, number, answer)
        finally:
            peer.items.pop(number, None)
        deliver(told["spans"])
        if told["is"] == "done":
            return Written(told["value"])
        raise read_error(told["error"], peer.name)

    async def _answered(self, peer: _Peer, number: int, answer: asyncio.Future[Message]) -> Message:
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            if answer.done() and not answer.cancelled():
                answer.exception()
                raise
            peer.line.say(**{"is": "forget", "item": number})
            with suppress(TimeoutError, WorkerLost):
                told = await asyncio.wait_for(answer, _FORGETTING)  # what it used comes before it has ended
                deliver(told["spans"])
            raise

    async def _free_peer(self) -> _Peer:
        while not self._ready:
            if self.unable is not None:
                raise self._for_all(self.unable)
            await self._change()
        return min(self._ready, key=lambda peer: len(peer.items))

    def _for_all(self, error: BaseException) -> BaseException:
        """What ends the run where no worker can begin: it is no fault of the item that waits for one."""
        if is_fatal(error):
            return error
        told = ConfigurationError(
            f"no worker can begin with {self._step}: {type(error).__name__}: {error}. What is finished is kept: mend "
            "that, and run the same batch again"
        )
        told.__cause__ = error
        return told

    async def _change(self) -> None:
        await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    # A worker

    async def _meet(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web  # noqa: PLC0415 - as above

        told = request.headers.get("Authorization", "")
        if self._closing or not hmac.compare_digest(told.encode(), f"Bearer {self.token}".encode()):
            return web.Response(status=_UNAUTHORIZED)
        wire = web.WebSocketResponse(max_msg_size=LONGEST, compress=False)
        await wire.prepare(request)
        async with Line(wire) as line:
            peer = _Peer(request.headers.get("Worker-Name", "a worker"), line)
            await self._serve(peer)
        return wire

    async def _serve(self, peer: _Peer) -> None:
        requests = Requests(peer.line, peer.items, self._limiters)
        setup = self._setup
        peer.line.say(**{"is": "begin"}, step=setup.step, resource=setup.resource, output=setup.output, path=setup.path)
        try:
            async for message in peer.line.heard():
                match message["is"]:
                    case "ready":
                        self._welcome(peer)
                    case "unable":
                        self._tell_of(peer, read_error(message["error"], peer.name))
                    case "done" | "failed":
                        if (item := peer.items.get(message["item"])) is not None and not item.answer.done():
                            item.answer.set_result(message)
                    case _:
                        requests.take(message)
        finally:
            if peer in self._ready:
                self._ready.remove(peer)
            await requests.aclose()
            self._lose(peer)
            self._wake()

    def _welcome(self, peer: _Peer) -> None:
        if self._closing:
            peer.line.say(**{"is": "finish"})
            return
        self.unable = None
        self._cannot.pop(peer.name, None)
        self._ready.append(peer)
        self._wake()

    def _tell_of(self, peer: _Peer, error: BaseException) -> None:
        """A worker cannot begin. It tries again, so only what was not told of it already is worth a warning."""
        level = logging.DEBUG if self._cannot.get(peer.name) == str(error) else logging.WARNING
        _log.log(level, "%s cannot begin with %s: %s", peer.name, self._step, error)
        self._cannot[peer.name] = str(error)
        if len(self._cannot) >= self._of:
            self.fail(error)
        elif self._patience is None:
            self._patience = asyncio.get_running_loop().call_later(_OTHERS, self._give_up_others, error)

    def _give_up_others(self, error: BaseException) -> None:
        self._patience = None
        if not self._ready:
            self.fail(error)

    def _lose(self, peer: _Peer) -> None:
        """The worker is gone, and with it what it ran."""
        if peer.items:
            _log.warning("%s was lost with %d items of %s: they begin again", peer.name, len(peer.items), self._step)
        for item in peer.items.values():
            if not item.answer.done():
                lost = WorkerLost(f"{peer.name} was lost while it ran the item: its connection ended", step=self._step)
                item.answer.set_exception(lost)
                item.answer.exception()  # one that is not wanted any more is awaited by nobody


def _text(usd: Any) -> str | None:
    return None if usd is None else str(usd)
