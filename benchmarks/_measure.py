"""The fresh process: `python -m benchmarks._measure MODULE:FUNCTION SETTINGS` prints the figures as JSON."""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from ._contest import Figures

_MEGABYTE = 2**20


def fan_out(run: Callable[[int], Awaitable[int]], items: int) -> Figures:
    """CPU time an item, after a small run that does what is done once in a process, and the process's peak memory."""

    async def measured() -> float:
        await _complete(run, min(items, 200))
        gc.collect()
        began = time.process_time()
        await _complete(run, items)
        return time.process_time() - began

    return {"us": asyncio.run(measured()) / items * 1e6, "mb": peak_memory()}


async def _complete(run: Callable[[int], Awaitable[int]], items: int) -> None:
    if (done := await run(items)) != items:
        raise RuntimeError(f"{done} of {items} items were done")


def peak_memory() -> float:
    """The most memory that this process has held so far, in MB."""
    # What getrusage says on Linux is no less than what the parent held when it started this process.
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MEGABYTE


def main(contestant: str, settings: str) -> None:
    """Run a contestant."""
    module, function = contestant.split(":")
    print(json.dumps(getattr(importlib.import_module(module), function)(**json.loads(settings))))


if __name__ == "__main__":
    main(*sys.argv[1:])
