"""Lines that a person types, while an event loop runs."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator

PROMPT = "> "


async def typed_lines(prompt: str = PROMPT) -> AsyncIterator[str]:
    """Each line that is typed, without blanks around it, until the end of the input; empty ones are left out.

    A thread waits for the keyboard, because nothing else can be done beside it on every system. It is a daemon: who is
    cancelled here does not wait for one more line.
    """
    while (line := await _line(prompt)) is not None:
        if line:
            yield line


async def _line(prompt: str) -> str | None:
    loop = asyncio.get_running_loop()
    typed: asyncio.Future[str] = loop.create_future()

    def give(line: str) -> None:
        if not typed.done():
            typed.set_result(line)

    def read() -> None:
        line = sys.stdin.readline()
        if not loop.is_closed():
            loop.call_soon_threadsafe(give, line)

    print(prompt, end="", file=sys.stderr, flush=True)
    threading.Thread(target=read, name="keyboard", daemon=True).start()
    line = await typed
    return line.strip() if line else None
