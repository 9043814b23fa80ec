"""Lines that a person types, while an event loop runs."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import suppress

PROMPT = "\n> "
MOST = 65_536


async def typed_lines(prompt: str = PROMPT) -> AsyncIterator[str]:
    """Each line that is typed, without blanks around it, until the end of the input; empty ones are left out.

    A thread waits for the keyboard, because nothing else can be done beside it on every system. It is a daemon: who is
    cancelled here does not wait for one more line. It reads the terminal itself and not `sys.stdin`, whose lock it
    would hold when the interpreter ends.
    """
    unread = b""
    while True:
        print(prompt, end="", file=sys.stderr, flush=True)
        try:
            while b"\n" not in unread and (typed := await _typed()):
                unread += typed
        finally:
            if b"\n" not in unread:  # whatever comes next starts on a line of its own
                print(file=sys.stderr, flush=True)
        line, newline, unread = unread.partition(b"\n")
        if text := line.decode(sys.stdin.encoding or "utf-8", errors="replace").strip():
            yield text
        if not newline:
            return


async def _typed() -> bytes:
    """What is typed next, as a rule one line; nothing at the end of the input."""
    loop = asyncio.get_running_loop()
    typed: asyncio.Future[bytes] = loop.create_future()

    def give(data: bytes) -> None:
        if not typed.done():
            typed.set_result(data)

    def read() -> None:
        try:
            data = os.read(sys.stdin.fileno(), MOST)
        except OSError:  # the terminal was closed
            data = b""
        with suppress(RuntimeError):  # the loop was closed: nobody waits for it any more
            loop.call_soon_threadsafe(give, data)

    threading.Thread(target=read, name="keyboard", daemon=True).start()
    return await typed
