"""One end of a connection between a dispatcher and a worker: JSON messages over a WebSocket, both ways.

Messages that are sent in one moment go in one frame: a call to a model takes five of them. Each side may ask; every
question has a number, which its answer repeats.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from itertools import count
from types import TracebackType
from typing import Any, Final, NamedTuple, Protocol, Self, TypeAlias

from ._errors import read_error

Message: TypeAlias = dict[str, Any]
"""What is said; `is` says which kind it is of."""

LONGEST: Final = 0
"""Bytes that a frame may have: any number, for results are up to megabytes."""

_IDLE, _BETWEEN, _UNANSWERED = 4, 2, 3
"""Seconds of silence before the other host is asked whether it lives, seconds between two such questions, and how many
remain unanswered before it is taken for dead. The kernels do that, so a step that blocks its process is no dead one."""


class Socket(Protocol):
    """A WebSocket of aiohttp, of either side."""

    async def send_str(self, data: str) -> None: ...
    async def receive(self) -> Any: ...
    def get_extra_info(self, name: str, default: Any = None) -> Any: ...


class Asked(NamedTuple):
    """A question.

    Attributes:
        number: By which it is known.
        answer: What is answered; fails with what it was answered with, or with `Lost` where the other side is gone.
    """

    number: int
    answer: asyncio.Future[Message]


class Lost(ConnectionError):
    """The other side is gone."""


class Line:
    """Says and hears messages, from entering to leaving `async with`.

    Args:
        wire: The open WebSocket.
    """

    def __init__(self, wire: Socket) -> None:
        self._wire = wire
        self._numbers = count()
        self._unsaid: list[Message] = []
        self._something = asyncio.Event()
        self._all_sent = asyncio.Event()
        self._all_sent.set()
        self._answers: dict[int, asyncio.Future[Message]] = {}
        self._gone = False

    async def __aenter__(self) -> Self:
        _keep_alive(self._wire.get_extra_info("socket"))
        self._writer = asyncio.create_task(self._write())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.cancel()
        await asyncio.wait([self._writer])
        self._hang_up()

    def say(self, **message: Any) -> None:
        """Send a message, some time soon; one that can no longer be sent is lost with its receiver."""
        self._unsaid.append(message)
        self._something.set()
        self._all_sent.clear()

    def ask(self, **message: Any) -> Asked:
        """Send a question."""
        number = next(self._numbers)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda _: self._answers.pop(number, None))
        if self._gone:
            answer.set_exception(Lost("the other side is gone"))
            answer.exception()
        else:
            self._answers[number] = answer
            self.say(number=number, **message)
        return Asked(number, answer)

    async def heard(self) -> AsyncIterator[Message]:
        """What the other side says, but for its answers, until it hangs up."""
        from aiohttp import WSMsgType  # noqa: PLC0415 - only where there is a connection

        try:
            while (frame := await self._wire.receive()).type is WSMsgType.TEXT:
                for message in json.loads(frame.data):
                    if message["is"] != "answer":
                        yield message
                    else:
                        self._answered(message)
        finally:
            self._hang_up()

    def _answered(self, message: Message) -> None:
        answer = self._answers.get(message["number"])
        if answer is None or answer.done():
            return  # nobody waits for it any more
        if "error" in message:
            answer.set_exception(read_error(message["error"], "the dispatcher"))
        else:
            answer.set_result(message)

    async def said(self) -> None:
        """Wait until everything was sent."""
        if not self._writer.done():
            await self._all_sent.wait()

    async def _write(self) -> None:
        try:
            while True:
                await self._something.wait()
                self._something.clear()
                saying, self._unsaid = self._unsaid, []
                await self._wire.send_str(json.dumps(saying, separators=(",", ":")))
                if not self._unsaid:
                    self._all_sent.set()
        except ConnectionError:
            pass  # the reading side sees it too, and tells
        finally:
            self._all_sent.set()

    def _hang_up(self) -> None:
        self._gone = True
        for answer in [*self._answers.values()]:
            if not answer.done():
                answer.set_exception(Lost("the other side is gone"))
                answer.exception()  # whoever still waits for it is told


def _keep_alive(connection: socket.socket | None) -> None:
    """Find out within some seconds when the other host is dead or cut off, which closes nothing."""
    if connection is None:
        return
    settings = [("TCP_KEEPIDLE", _IDLE), ("TCP_KEEPALIVE", _IDLE), ("TCP_KEEPINTVL", _BETWEEN)]
    settings += [("TCP_KEEPCNT", _UNANSWERED), ("TCP_USER_TIMEOUT", 1000 * (_IDLE + _BETWEEN * _UNANSWERED))]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in settings:  # not every system has all of them
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
