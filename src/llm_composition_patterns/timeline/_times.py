"""Times as people read them, and the round ones for a scale."""

from __future__ import annotations

import math

CENTISECOND = 0.01
MINUTE = 60
HOUR = 3600
STEPS = (30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


def duration(seconds: float) -> str:
    """Write a time with up to three figures: `4.2 ms`, `1.23 s`, `12.3 s`, `2 min 05 s`, `3 h 04 min`."""
    if seconds < CENTISECOND:
        return f"{seconds * 1000:.2g} ms" if seconds > 0 else "0 s"
    if round(seconds, 1) < 100:  # noqa: PLR2004  # three figures
        return f"{seconds:.2f} s" if round(seconds, 2) < 10 else f"{seconds:.1f} s"  # noqa: PLR2004  # as above
    minutes, rest = divmod(round(seconds), MINUTE)
    if minutes < 100:  # noqa: PLR2004  # as above
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def round_times(span: float, most: float) -> list[tuple[float, str]]:
    """Choose round times from 0 on, below `span` and about `most` of them at most, each with its label."""
    if span <= 0:
        return [(0.0, "0 s")]
    step = _step(span / most)
    return [(tick * step, _label(tick * step)) for tick in range(math.ceil(span / step))]


def _step(least: float) -> float:
    """Find the smallest round time that is not below `least`."""
    if least > STEPS[-1]:
        return math.ceil(least / STEPS[-1]) * STEPS[-1]
    if least > 20:  # noqa: PLR2004  # then minutes and hours are round, not powers of ten
        return next(step for step in STEPS if step >= least)
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def _label(time: float) -> str:
    if time >= HOUR:
        return f"{time / HOUR:.3g} h"
    if time >= MINUTE:
        return f"{time / MINUTE:.3g} min"
    return f"{time:.6g} s" if time >= CENTISECOND or time == 0 else f"{time * 1000:.6g} ms"
