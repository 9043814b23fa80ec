"""What Ctrl-C and SIGTERM do to a run: the first one drains it, the second one ends it at once."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from ._report import Interruption

_SIGNALS: Final[tuple[tuple[signal.Signals, Interruption], ...]] = (
    (signal.SIGINT, "SIGINT"),
    (signal.SIGTERM, "SIGTERM"),
)


@contextmanager
def handling_signals(on_signal: Callable[[Interruption], None]) -> Iterator[None]:
    """Call `on_signal` on the event loop for each signal; what handled them before does so again afterwards.

    Handlers that were added to the loop itself (`loop.add_signal_handler`) are gone then: it does not tell which they
    were.

    Raises:
        ValueError: This is not the main thread, where signals arrive.
    """
    if threading.current_thread() is not threading.main_thread():
        raise ValueError("handle_signals=True works in the main thread only, where signals arrive")
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number, _ in _SIGNALS}
    try:
        for number, name in _SIGNALS:
            loop.add_signal_handler(number, on_signal, name)
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
