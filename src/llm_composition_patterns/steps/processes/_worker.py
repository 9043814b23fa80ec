"""A worker: one process, and one socket to it.

A thread starts the process, and waits for its end: nothing else tells of it for certain, because what the function
started may hold the socket open. The process leads a session of its own. So Ctrl-C in a terminal does not reach it,
killing its group ends what it started, also when it died by itself, and a system that shares the processors between
sessions first does not let it take the event loop's share, nor leaves two of them on one processor. Its standard input
is a pipe whose end, when this process is gone, ends it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from io import FileIO
from typing import Final

from .._pooled import on_loop
from . import _child
from ._child import CALL, FINISH, HEADER, TICKET
from ._pool import Call, Pool
from ._wire import LARGE, Messages

_CHUNK: Final = 2**16
_SENDS_AT_ONCE: Final = 4
_READS_AT_ONCE: Final = 16  # more than a socket holds
_MAY_TAKE_TO_END: Final = 5.0  # once it has closed the socket
_PYTHON: Final = (sys.executable, *subprocess._args_from_interpreter_flags(), "-P")  # type: ignore[attr-defined]  # noqa: SLF001 - as multiprocessing does


class ProcessWorker:
    """A worker process, from its start to its end.

    Attributes:
        calls: What was sent to it and is not answered, by number.
    """

    def __init__(self, pool: Pool, name: str, setup: bytes) -> None:
        self.calls: dict[int, Call] = {}
        self._pool, self._name, self._setup = pool, name, setup
        self._messages = Messages()
        self._unsent: deque[memoryview] = deque()
        self._writing = False
        self._socket: socket.socket | None = None
        self._tickets: _Tickets | None = None
        self._last: asyncio.TimerHandle | None = None
        self._pid = 0
        self._lock = threading.Lock()  # between killing the process and its end
        self._running = self._killed = self._finishing = False
        thread = threading.Thread(target=self._live, name=f"{name} worker", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            pool.loop.call_soon(self._end, f"it could not be started: {error}", None)

    def __str__(self) -> str:
        return f"worker process {self._pid}" if self._pid else "a worker process"

    def kill(self) -> None:
        """End the process at once, and what it started; one that is being started ends then."""
        with self._lock:
            self._killed = True
            if self._running:
                with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of one that is dead
                    os.killpg(self._pid, signal.SIGKILL)

    # In the thread

    def _live(self) -> None:
        try:
            process = self._start()
        except OSError as error:
            self._let_go()
            self._report(f"it could not be started: {error}", None)
            return
        if not (_ends_well(process) and self._finishing):
            self.kill()  # what it started: until the end of the process is taken note of, the number is its own
        with self._lock:
            self._running = False
        code = process.wait()
        if process.stdin is not None:
            process.stdin.close()
        self._report(_how(code), code)

    def _report(self, how: str, code: int | None) -> None:
        if not on_loop(self._pool.loop, self._end, how, code):
            self._let_go()

    def _start(self) -> subprocess.Popen[bytes]:
        ours, theirs = socket.socketpair()
        self._socket, self._tickets = ours, _Tickets()
        with theirs:
            shared = theirs.fileno(), self._tickets.fileno()
            process = subprocess.Popen(  # noqa: S603 - Python itself
                [*_PYTHON, _child.__file__, *map(str, shared), self._name],
                stdin=subprocess.PIPE,
                pass_fds=shared,
                start_new_session=True,
            )
        with self._lock:
            self._pid, self._running = process.pid, True
            killed = self._killed
        if killed:
            self.kill()
        with suppress(OSError):  # it died already
            ours.sendall(HEADER.pack(0, 0, len(self._setup)) + self._setup)
        ours.setblocking(False)
        on_loop(self._pool.loop, self._connect)
        return process

    # On the event loop

    def _connect(self) -> None:
        if self._socket is not None:
            self._pool.loop.add_reader(self._socket, self._read)

    def _read(self) -> None:
        if self._received() == b"" and self._socket is not None:
            self._pool.loop.remove_reader(self._socket)
            self._last = self._pool.loop.call_later(_MAY_TAKE_TO_END, self.kill)

    def listen(self) -> None:
        """Tell the pool what has come: all that was written before, and not much of what is written meanwhile."""
        for _ in range(_READS_AT_ONCE):
            if not self._received():
                return

    def _received(self) -> bytes | None:
        """Take what has come and pass on what is whole; None if nothing has come, empty at the end of the stream."""
        try:
            data = self._socket.recv(_CHUNK) if self._socket is not None else b""
        except BlockingIOError:
            return None
        except OSError:
            return b""
        for message in self._messages.cut(data):
            self._pool.heard(self, *message)
        return data

    def send(self, call: Call) -> None:
        """Send a call and its ticket: as much as is taken now, and the rest when it will be."""
        if self._tickets is not None:
            self._tickets.give(call.number)
        size = sum(map(len, call.pieces))
        pieces = HEADER.pack(CALL, call.number, size), *call.pieces
        self._unsent.extend(map(memoryview, pieces if size > LARGE else (b"".join(pieces),)))
        self._write()

    def take_back(self) -> list[int]:
        """Take back the tickets of the calls that the process has not begun; their numbers."""
        return self._tickets.take_back() if self._tickets is not None else []

    def _write(self) -> None:
        if self._socket is None:
            return
        try:
            for _ in range(_SENDS_AT_ONCE):
                if self._unsent:
                    sent = self._socket.send(self._unsent[0])
                    self._unsent[0] = self._unsent[0][sent:]
                    if not self._unsent[0]:
                        self._unsent.popleft()
        except BlockingIOError:
            pass
        except OSError:  # it is dead: its end will be told
            self._unsent.clear()
        self._await_room()

    def _await_room(self) -> None:
        """Go on writing when there is room, if there is more to write."""
        if bool(self._unsent) == self._writing or self._socket is None:
            return
        self._writing = bool(self._unsent)
        if self._writing:
            self._pool.loop.add_writer(self._socket, self._write)
        else:
            self._pool.loop.remove_writer(self._socket)

    def finish(self) -> None:
        """Let the process close its resource and end: there are no more calls."""
        self._finishing = True
        if self._socket is not None:
            with suppress(OSError):  # it is dead already
                self._socket.send(HEADER.pack(FINISH, 0, 0))
                self._socket.shutdown(socket.SHUT_WR)

    def _end(self, how: str, code: int | None) -> None:
        """Take what the process sent last, tell the pool, and let go of it."""
        while self._received():
            pass
        self._pool.ended(self, how, code)
        if self._last is not None:
            self._last.cancel()
        self._unsent.clear()
        self._await_room()
        if self._socket is not None:
            self._pool.loop.remove_reader(self._socket)
        self._let_go()

    def _let_go(self) -> None:
        for held in (self._socket, self._tickets):
            if held is not None:
                held.close()
        self._socket = self._tickets = None


class _Tickets:
    """The tickets of calls that are not begun, in a pipe: whoever reads one has it."""

    def __init__(self) -> None:
        taken_from, given_to = os.pipe()
        for end in (taken_from, given_to):
            os.set_blocking(end, False)
        self._taken_from, self._given_to = FileIO(taken_from, "rb"), FileIO(given_to, "wb")

    def fileno(self) -> int:
        """What the process reads from."""
        return self._taken_from.fileno()

    def give(self, number: int) -> None:
        self._given_to.write(TICKET.pack(number))

    def take_back(self) -> list[int]:
        """Those that are left."""
        return [number for (number,) in TICKET.iter_unpack(self._taken_from.read(_CHUNK) or b"")]

    def close(self) -> None:
        self._taken_from.close()
        self._given_to.close()


def _ends_well(process: subprocess.Popen[bytes]) -> bool:
    """Wait for the end of a process, where possible without taking note of it; whether its exit code is 0."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return process.wait() == 0
    with suppress(ChildProcessError):  # somebody else in this program takes note of everything that ends
        end = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        return end is not None and end.si_status == 0
    return False


def _how(code: int) -> str:
    """How a process ended, and what to do about it."""
    if code >= 0:
        return (
            f"it ended with exit code {code}, and what it wrote on stderr may say why. A function must not end its "
            "process: let it return or raise"
        )
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL":
        return (
            "it was killed by SIGKILL; that is what the system does when memory runs out: let fewer workers or "
            "smaller inputs use it"
        )
    return f"it was killed by {name}; native code that crashes does that: try the function on this input alone"
