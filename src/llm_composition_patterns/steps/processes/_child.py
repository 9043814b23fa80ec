"""What runs in a worker process: the least that serves calls.

It is started by its path, as a script, and imports the standard library alone: the package comes into a worker only
with a function that imports it, or with a trace that is to be continued. What the other side needs too, the framing
and the pickling, it imports from here.

A message is a header (its kind, the number of its call, its length) and a body. The first one says how things stand on
the other side; then come calls, each of which gets one answer. A call is only begun with its ticket, which is in a pipe
that both sides read from: one whose ticket is gone was taken back. The end of the stream is the end of the worker, and
if nothing announced it, the other side is gone: what the worker has started ends with it then, as it does when it dies.

The script from which the other side was started is imported only for a pickle that refers to it. A script without a
guard would start workers of its own then: it is stopped, and the call is told why.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext, suppress
from importlib import import_module
from io import BytesIO
from types import CoroutineType
from typing import Any, BinaryIO, Final, TypedDict, cast

HEADER: Final = struct.Struct("!BQQ")
TICKET: Final = struct.Struct("!Q")
CALL, FINISH, READY, ANSWERED, FAILED, COMPLAINED = range(6)
_GRACE: Final = 1.0  # for closing the resource, when the other side is gone
_MAIN: Final = ("__main__", "__mp_main__")  # the latter in worker processes, as multiprocessing has it


class Setup(TypedDict):
    """How things stand on the other side.

    Attributes:
        path: Where it imports from.
        arguments: Its command line.
        main: What `multiprocessing` needs to import its `__main__`; empty where that cannot be imported.
        package: The name of this package there.
        function: The pickled function and resource factory.
        by_value: Whether its `__main__` is in no file, so that what is defined there is sent itself.
    """

    path: list[str]
    arguments: list[str]
    main: dict[str, Any]
    package: str
    function: bytes
    by_value: bool


class TooLarge(Exception):
    """A pickle is longer than was allowed."""


class _Parts:
    """Keeps what a pickler writes, in pieces that are not copied."""

    def __init__(self, most: int | None) -> None:
        self.pieces: list[bytes] = []
        self._left = most

    def write(self, data: Any) -> None:
        self.pieces.append(data if type(data) is bytes else bytes(data))
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise TooLarge


def packed(value: object, *, by_value: bool, most: int | None = None) -> list[bytes]:
    """The pickle of a value, in pieces.

    Args:
        value: What is to be sent.
        by_value: Whether functions and classes of `__main__` go along themselves, because the other side could not
            import it: that of a notebook. Needs cloudpickle.
        most: How long it may be; TooLarge is raised beyond.
    """
    if not by_value:
        parts = _Parts(most)
        pickle.Pickler(parts, pickle.HIGHEST_PROTOCOL).dump(value)
        return parts.pieces
    return _packed_by_name(value, most) or _packed_by_value(value, most)


def _packed_by_name(value: object, most: int | None) -> list[bytes] | None:
    """A pickle without cloudpickle, if that needs nothing of `__main__`."""
    parts = _Parts(most)
    try:
        _OutsideMain(parts, pickle.HIGHEST_PROTOCOL).dump(value)
    except TooLarge:
        raise
    except Exception:  # noqa: BLE001 - it is told by the way that remains
        return None
    return parts.pieces


class _OutsideMain(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        if getattr(obj, "__module__", None) in _MAIN:
            raise pickle.PicklingError("it is defined in __main__")
        return NotImplemented


def _packed_by_value(value: object, most: int | None) -> list[bytes]:
    try:
        import cloudpickle  # noqa: PLC0415 - optional
    except ImportError as error:
        raise pickle.PicklingError(
            "what is defined in a notebook or on the command line cannot be imported by another process: put it into "
            "a module, or `pip install cloudpickle`"
        ) from error
    parts = _Parts(most)
    cloudpickle.Pickler(parts, pickle.HIGHEST_PROTOCOL).dump(value)
    return parts.pieces


def as_context(resource: Any) -> AbstractContextManager[Any]:
    """A resource as a context manager: its own, or one that calls its `close` if it has one."""
    if hasattr(resource, "__enter__") and hasattr(resource, "__exit__"):
        return cast(AbstractContextManager[Any], resource)
    return closing(resource) if hasattr(resource, "close") else nullcontext(resource)


class Server:
    """Serves the calls of one worker, one after the other, with one resource."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO, tickets: int) -> None:
        self._incoming, self._outgoing, self._tickets = incoming, outgoing, tickets
        self._ticket: int | None = None
        self._main = _Main({})
        self._by_value = False
        self._package = ""
        self._function: Callable[..., Any]
        self._resource: Callable[[], Any] | None
        self._held: tuple[Any, ...] | None = None
        self._spans: Any = None

    def serve(self) -> bool:
        """Serve calls until there are no more; False if the other side is gone."""
        failed_to, is_there = "go on", True
        try:
            with ExitStack() as stack:
                try:
                    is_there = self._serve(stack)
                except ConnectionError:
                    is_there = False
                failed_to = "close its resource"
        except Exception as error:  # noqa: BLE001 - nobody is left to raise it to
            with suppress(ConnectionError):
                self._send(COMPLAINED, 0, [f"{failed_to}:\n{_told(error)}".encode(errors="replace")])
        return is_there

    def _serve(self, stack: ExitStack) -> bool:
        if (message := self._receive()) is not None:
            self._prepare(pickle.loads(message[2]))  # noqa: S301 - from the process that started this one
            self._send(READY, 0, [])
        while (message := self._receive()) is not None and message[0] != FINISH:
            _, number, body = message
            if self._may_begin(number):
                how, pieces = self._answer(body, stack)
                self._send(how, number, pieces)
        return message is not None

    def _prepare(self, setup: Setup) -> None:
        sys.path[:], sys.argv[:] = setup["path"], setup["arguments"]
        self._main, self._package = _Main(setup["main"]), setup["package"]
        self._by_value = setup["by_value"]
        try:
            self._function, self._resource = self._loaded(setup["function"])
        except BaseException as error:  # noqa: BLE001 - each call is told
            self._function, self._resource = _refusing(error), None

    def _answer(self, body: bytes, stack: ExitStack) -> tuple[int, list[bytes]]:
        try:
            value = self._value(body, stack)
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            return FAILED, self._failure(error, self._ended_spans())
        spans = self._ended_spans()
        try:
            return ANSWERED, self._packed((value, spans))
        except Exception as error:  # noqa: BLE001 - pickling runs what classes bring along
            refusal = TypeError(f"its result cannot be sent back from the worker process: {error}")
            return FAILED, self._failure(refusal, spans)

    def _value(self, body: bytes, stack: ExitStack) -> Any:
        trace, args, kwargs = self._loaded(body)
        with nullcontext() if trace is None else self._continuing(trace):
            if self._held is None:
                self._held = () if self._resource is None else (stack.enter_context(as_context(self._resource())),)
            value = self._function(*self._held, *args, **kwargs)
        if type(value) is CoroutineType:
            value.close()
            raise TypeError("it is async already: use it as a step as it is, or make it a plain `def`")
        return value

    def _loaded(self, pickled: bytes) -> Any:
        unpickler = _BringingMain(BytesIO(pickled))
        unpickler.main = self._main
        return unpickler.load()

    def _continuing(self, trace: Any) -> AbstractContextManager[None]:
        if self._spans is None:
            self._spans = import_module(f"{self._package}._child_spans").ChildSpans()
        return cast(AbstractContextManager[None], self._spans.continuing(trace))

    def _ended_spans(self) -> list[Any]:
        return [] if self._spans is None else cast(list[Any], self._spans.take())

    def _failure(self, error: BaseException, spans: list[Any]) -> list[bytes]:
        try:
            pickled = b"".join(self._packed(error)) if isinstance(error, Exception) else None
        except Exception:  # noqa: BLE001 - it is described instead
            pickled = None
        kind = type(error).__qualname__
        return [pickle.dumps((pickled, kind, _text(error), _told(error), spans))]

    def _packed(self, value: object) -> list[bytes]:
        return packed(value, by_value=self._by_value)

    def _may_begin(self, number: int) -> bool:
        """Take the ticket of a call; False if it was taken back."""
        if self._ticket is None:
            try:
                (self._ticket,) = TICKET.unpack(os.read(self._tickets, TICKET.size))
            except BlockingIOError:
                return False
        if self._ticket != number:  # it is that of a later call
            return False
        self._ticket = None
        return True

    def _receive(self) -> tuple[int, int, bytes] | None:
        header = self._incoming.read(HEADER.size)
        if len(header) < HEADER.size:
            return None
        kind, number, size = HEADER.unpack(header)
        body = self._incoming.read(size)
        return (kind, number, body) if len(body) == size else None

    def _send(self, kind: int, number: int, pieces: list[bytes]) -> None:
        self._outgoing.write(HEADER.pack(kind, number, sum(map(len, pieces))))
        self._outgoing.writelines(pieces)
        self._outgoing.flush()


class _BringingMain(pickle.Unpickler):
    main: _Main

    def find_class(self, module: str, name: str) -> Any:
        if module in _MAIN:
            self.main.bring()
        return super().find_class(module, name)


class _Main:
    """The script, or the module, from which the other side was started; true if it can be imported."""

    def __init__(self, where: dict[str, Any]) -> None:
        self._where = where
        self._brought = False
        self._refuse: Callable[..., Any] | None = None

    def __bool__(self) -> bool:
        return bool(self._where)

    def bring(self) -> None:
        """Import it as `__main__`, once; say again what went wrong, if anything did."""
        if self._refuse is not None:
            self._refuse()
        if not self._brought and self._where:
            try:
                self._import()
            except BaseException as error:  # noqa: BLE001 - each call is told
                self._refuse = _refusing(error)
                self._refuse()
        self._brought = True

    def _import(self) -> None:
        # Not before it is needed: that costs as much as all the rest.
        from multiprocessing import process, spawn  # noqa: PLC0415

        process.current_process()._inheriting = True  # type: ignore[attr-defined]  # noqa: SLF001 - refuses children meanwhile
        try:
            spawn.prepare(self._where)
        finally:
            del process.current_process()._inheriting  # type: ignore[attr-defined]  # noqa: SLF001


def _refusing(error: BaseException) -> Callable[..., Any]:
    """What is called instead of a function that could not be imported."""
    message = f"the worker process could not import what it needs: {type(error).__name__}: {_text(error)}"
    notes = [_told(error)]
    if isinstance(error, SystemExit) and isinstance(error.code, str):  # this package's own, for want of a guard
        message, notes = error.code, []

    def refuse(*_: object, **__: object) -> None:
        refusal = RuntimeError(message)
        for note in notes:
            refusal.add_note(note)
        raise refusal

    return refuse


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an error that cannot even be told
        return "(no message)"


def _told(error: BaseException) -> str:
    """The traceback of an error from where this module called what is not its own."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))


def _end_with_the_other_side() -> None:
    """End this process soon after the one that started it: standard input is a pipe that nobody else holds open."""
    leash = os.dup(0)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - pathlib would have to be imported
        os.dup2(nothing.fileno(), 0)

    def wait() -> None:
        os.read(leash, 1)
        time.sleep(_GRACE)
        os.killpg(0, signal.SIGKILL)  # it leads the group of what it has started

    threading.Thread(target=wait, name="end with the other side", daemon=True).start()


def main() -> None:
    """Serve what comes over the file descriptors that the command line names."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the other side, which ends this one
    _end_with_the_other_side()
    connection, tickets = map(int, sys.argv[1:3])
    for descriptor in (connection, tickets):
        os.set_inheritable(descriptor, False)
    with open(connection, "rb") as incoming, open(os.dup(connection), "wb") as outgoing:  # noqa: PTH123 - as above
        other_side_is_there = Server(incoming, outgoing, tickets).serve()
    if not other_side_is_there:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):  # nobody may read it any more
                stream.flush()
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
