"""The speed-ups as a picture (SVG): one bar a level, readable on light and dark backgrounds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from ._measure import Row

_NAMESPACE: Final = "http://www.w3.org/2000/svg"
_WIDTH, _LEFT, _RIGHT, _TOP, _BAR, _STEP = 820, 300, 90, 76, 18, 28
_STYLE: Final = """
text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #24292f }
.title { font-size: 16px; font-weight: 600 } .small { font-size: 12px; fill: #57606a }
.card { fill: #ffffff } .line { stroke: #8c959f; stroke-width: 1; stroke-dasharray: 4 4 }
.loop, .asyncio { fill: #8a8f98 } .threads { fill: #c55000 } .processes { fill: #0072b2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9198a1 } .card { fill: #0d1117 } .line { stroke: #6e7681 }
  .threads { fill: #f0943a } .processes { fill: #56b4e9 }
}
"""


def plot(rows: Sequence[Row], *, workers: int, title: str) -> str:
    """The picture of what was measured."""
    height = _TOP + _STEP * len(rows) + 44
    most = max(2.0 * workers, *(row.speed_up for row in rows))
    parts = [*_scale(most, workers, height)]
    for number, row in enumerate(rows):
        parts += _bar(row, _TOP + _STEP * number, most)
    return "\n".join(
        [
            f'<svg xmlns="{_NAMESPACE}" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            f'<rect class="card" width="{_WIDTH}" height="{height}" rx="6"/>',
            _text(16, 26, title, "title"),
            _text(16, 47, "times as fast as a plain loop over the same puzzles; the scale is logarithmic", "small"),
            *parts,
            "</svg>\n",
        ]
    )


def _x(speed_up: float, most: float) -> float:
    """Where a speed-up ends: a quarter of the speed is at the left."""
    share = math.log(max(speed_up, 0.25) / 0.25) / math.log(most / 0.25)
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * share


def _scale(most: float, workers: int, height: int) -> Iterator[str]:
    marks = sorted({0.5, 1.0, float(workers), *(float(2**power) for power in range(2, 8) if 2**power <= most)})
    for mark in marks:
        x = _x(mark, most)
        yield f'<line class="line" x1="{x:.1f}" y1="{_TOP - 8}" x2="{x:.1f}" y2="{height - 34}"/>'
        yield f'<text class="small" x="{x:.1f}" y="{height - 16}" text-anchor="middle">{mark:g}x</text>'


def _bar(row: Row, y: int, most: float) -> Iterator[str]:
    end = _x(row.speed_up, most)
    yield f'<text x="{_LEFT - 10}" y="{y + 14}" text-anchor="end">{escape(row.level.name)}</text>'
    yield f'<rect class="{row.level.where}" x="{_LEFT}" y="{y}" width="{end - _LEFT:.1f}" height="{_BAR}" rx="2"/>'
    yield _text(end + 6, y + 14, f"{row.speed_up:.2f}x", "")


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'
