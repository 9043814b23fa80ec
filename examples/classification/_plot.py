"""The sweep as a picture: throughput and latency by calls in flight, with the knee."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ..drawing import drawing, line, text, ticks
from ._sweep import AUTO, Measured

_WIDTH: Final = 760
_HEIGHT: Final = 350
_TOP: Final = 92
_BOTTOM: Final = 52
_LABEL: Final = 70
"""What the knee's label takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """One of the two charts; calls in flight are on a logarithmic axis."""

    left: float
    width: float
    title: str
    of: Callable[[Measured], float]
    most_calls: float
    most: float

    def x(self, calls: float) -> float:
        """Where a number of calls is."""
        return self.left + self.width * math.log(max(1.0, calls)) / math.log(max(2.0, self.most_calls))

    def y(self, value: float) -> float:
        """Where a value is."""
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * min(value, self.most) / self.most

    def frame(self, calls: Sequence[int]) -> Iterator[str]:
        """Title, axes and grid."""
        right, bottom = self.left + self.width, self.y(0)
        yield text(self.left, _TOP - 18, self.title, kind="small")
        for value in ticks(self.most, 5):
            yield line(self.left, self.y(value), right, self.y(value), "grid")
            yield text(self.left - 8, self.y(value) + 4, f"{value:g}", anchor="end", kind="small")
        for number in calls:
            yield text(self.x(number), bottom + 18, f"{number}", anchor="middle", kind="small")
        yield line(self.left, bottom, right, bottom, "axis")
        yield text((self.left + right) / 2, bottom + 38, "calls in flight", anchor="middle", kind="small")

    def curve(self, found: Sequence[Measured]) -> Iterator[str]:
        """Fixed numbers as a line of points, and `auto` as a ring where it ended."""
        fixed = sorted((one for one in found if one.setting != AUTO), key=lambda one: one.limit)
        points = [(self.x(one.limit), self.y(self.of(one))) for one in fixed]
        if points:
            path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
            yield f'<path d="{path}" class="line b"/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="b"/>' for x, y in points)
        for one in found:
            if one.setting == AUTO:
                x, y = self.x(one.limit), self.y(self.of(one))
                yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" class="hollow a"/>'
                yield text(x + 12, y - 9, "auto", kind="a")

    def mark(self, calls: float) -> Iterator[str]:
        """The knee."""
        x = self.x(calls)
        yield line(x, _TOP - 8, x, self.y(0), "line dashed c")
        beside = (x - 6, "end") if x - self.left > _LABEL else (x + 6, "start")
        yield text(beside[0], _TOP + 2, f"knee: {calls:.1f}", anchor=beside[1], kind="c")


_SHOWN: Final[Sequence[tuple[float, str, Callable[[Measured], float]]]] = (
    (62.0, "classified reports a second", lambda one: one.rate),
    (442.0, "p99 of a call, in seconds", lambda one: one.p99),
)


def plot(found: Sequence[Measured], knee: float | None, title: str) -> str:
    """The picture, as SVG."""
    answered = [one for one in found if one.latencies]
    calls = sorted({one.limit for one in answered if one.setting != AUTO})
    most_calls = max([one.limit for one in answered], default=2) * 1.25
    parts = [text(16, 26, title, kind="title")]
    parts.append(text(16, 47, "beyond the knee more calls gain nothing, and each waits longer", kind="small"))
    for left, name, of in _SHOWN:
        most = 1.1 * max([of(one) for one in answered], default=1.0) or 1.0
        panel = _Panel(left=left, width=290.0, title=name, of=of, most_calls=most_calls, most=most)
        parts += [*panel.frame(calls), *panel.curve(answered)]
        if knee is not None:
            parts += panel.mark(knee)
    return drawing(_WIDTH, _HEIGHT, title, parts)
