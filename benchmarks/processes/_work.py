"""What is computed: pure Python for a given time. It imports little, because every worker imports it."""

from __future__ import annotations

import time


def compute(steps: int) -> int:
    total = 0
    for step in range(steps):
        total += step * step % 7
    return total


def steps_for(seconds: float) -> int:
    """How many steps take so long on this machine, when nothing disturbs them."""
    steps = 10_000
    return int(steps * seconds / min(_time(steps) for _ in range(50)))


def _time(steps: int) -> float:
    began = time.perf_counter()
    compute(steps)
    return time.perf_counter() - began
