"""What goes between this process and its workers: messages cut out of a stream, and the pickles inside them.

Small pickles are made on the event loop, large ones in a thread. There a pickle is written and read through plain
Python methods, piece by piece: between two of them the event loop gets its turn.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from ...errors import add_note
from ._child import HEADER, TooLarge, packed

LARGE: Final = 2**20
Body = bytes | bytearray


class Messages:
    """Cuts a stream into messages."""

    def __init__(self) -> None:
        self._head = b""
        self._kind = self._number = self._missing = 0
        self._body: bytearray | None = None

    def cut(self, data: bytes) -> Iterator[tuple[int, int, Body]]:
        """The messages that are whole with this piece of the stream."""
        view = memoryview(data)
        while view:
            view = self._take_head(view) if self._body is None else self._take_body(view)
            if self._body is not None and not self._missing:
                body, self._body = self._body, None
                yield self._kind, self._number, body

    def _take_head(self, view: memoryview) -> memoryview:
        missing = HEADER.size - len(self._head)
        self._head += bytes(view[:missing])
        if len(self._head) == HEADER.size:
            self._kind, self._number, self._missing = HEADER.unpack(self._head)
            self._head, self._body = b"", bytearray()
        return view[missing:]

    def _take_body(self, view: memoryview) -> memoryview:
        taken = view[: self._missing]
        if self._body is not None:
            self._body += taken  # it grows: to make room for all of it at once would stop the loop for a moment
        self._missing -= len(taken)
        return view[len(taken) :]


def is_main_nowhere() -> bool:
    """Whether the `__main__` of this process is in no file: that of a notebook, or the command line."""
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    return getattr(main, "__spec__", None) is None and (path is None or path.startswith("<"))


def where_main_is() -> dict[str, str]:
    """How another process imports the `__main__` of this one, as `multiprocessing` says it; empty if it cannot."""
    main = sys.modules["__main__"]
    spec, path = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        alone = spec.name == "__main__" or spec.name.endswith(".__main__")  # multiprocessing does not run those again
        return {} if alone else {"init_main_from_name": spec.name}
    return {} if path is None or is_main_nowhere() else {"init_main_from_path": path}


def refuse_while_main_is_imported() -> None:
    """Raise where worker processes are started because one of them imports the script that starts them.

    What is raised ends the event loop too: the script must not take it for an error like others, and go on.
    """
    process = sys.modules.get("multiprocessing.process")
    if process is not None and getattr(process.current_process(), "_inheriting", False):
        raise SystemExit(
            "the script starts worker processes whenever it is imported, and each of them imports it: put what it runs "
            'under `if __name__ == "__main__":`'
        )


async def packed_aside(value: object, *, by_value: bool) -> list[bytes]:
    """The pickle of a value, made in a thread if it is large."""
    try:
        return packed(value, by_value=by_value, most=LARGE)
    except TooLarge:
        return await asyncio.get_running_loop().run_in_executor(None, partial(packed, value, by_value=by_value))


async def unpacked_aside(body: Body) -> Any:
    """What a pickle holds, read in a thread if it is large."""
    if len(body) <= LARGE:
        return pickle.loads(body)  # noqa: S301 - from a process that was started here
    return await asyncio.get_running_loop().run_in_executor(None, lambda: pickle.Unpickler(_Pieces(body)).load())  # noqa: S301 - as above


class _Pieces:
    """Gives an unpickler what it asks for."""

    def __init__(self, body: Body) -> None:
        self._view = memoryview(body)

    def read(self, size: int) -> bytes:
        taken, self._view = self._view[:size], self._view[size:]
        return bytes(taken)

    def readinto(self, buffer: memoryview) -> int:
        size = len(buffer)
        for start in range(0, size, LARGE):
            buffer[start : start + LARGE] = self._view[start : min(start + LARGE, size)]
        self._view = self._view[size:]
        return size

    def readline(self) -> bytes:
        return self.read(bytes(self._view).index(b"\n") + 1)


def error_of(body: Body, where: str) -> tuple[Exception, list[Any]]:
    """The exception that came back, or one that describes it; and the spans that came with it."""
    pickled, kind, text, told, spans = pickle.loads(body)  # noqa: S301 - as above
    error = _unpickled(pickled) or RuntimeError(f"{kind}: {text} ({kind} itself could not be sent back)")
    if isinstance(error, StopIteration):
        error = RuntimeError("a function in a worker process raised StopIteration; raise something else")
    add_note(error, f"{where}:\n{told.rstrip()}")
    return error, spans


def _unpickled(pickled: bytes | None) -> Exception | None:
    try:
        error = pickle.loads(pickled) if pickled is not None else None  # noqa: S301 - as above
    except Exception:  # noqa: BLE001 - a class may want more to be built than its pickle has
        return None
    return error if isinstance(error, Exception) else None
