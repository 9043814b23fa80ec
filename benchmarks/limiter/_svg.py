"""Charts as SVG, with no library: readable on light and dark backgrounds, and without telling colors apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

Points = Sequence[tuple[float, float]]

NAMESPACE: Final = "http://www.w3.org/2000/svg"

STYLE: Final = """
text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #24292f }
.title { font-size: 16px; font-weight: 600 }
.small { font-size: 12px; fill: #57606a }
.card { fill: #ffffff }
.grid { stroke: #d8dee4; stroke-width: 1 }
.axis { stroke: #8c959f; stroke-width: 1 }
.a { stroke: #0072b2; fill: #0072b2 } .b { stroke: #c55000; fill: #c55000 }
.c { stroke: #007a5e; fill: #007a5e } .d { stroke: #8a4a75; fill: #8a4a75 }
.line { fill: none; stroke-width: 2.2; stroke-linejoin: round }
.dashed { stroke-dasharray: 7 5 }
text.a, text.b, text.c, text.d { stroke: none; font-weight: 600 }
.hollow { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9198a1 } .card { fill: #0d1117 }
  .grid { stroke: #2b3138 } .axis { stroke: #6e7681 }
  .a { stroke: #56b4e9; fill: #56b4e9 } .b { stroke: #f0943a; fill: #f0943a }
  .c { stroke: #2fc7a0; fill: #2fc7a0 } .d { stroke: #d79bc4; fill: #d79bc4 }
  .hollow, .line { fill: none }
}
"""
"""The colors are those of Okabe and Ito, darker on white and lighter on black so that they can be read as text."""


def drawing(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    """An SVG document; `title` is what screen readers say."""
    return "\n".join(
        [
            f'<svg xmlns="{NAMESPACE}" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="card" width="{width}" height="{height}" rx="6"/>',
            *parts,
            "</svg>\n",
        ]
    )


def text(x: float, y: float, words: str, *, kind: str = "", anchor: str = "start") -> str:
    """Words; `anchor` is the side that stands at x."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def ticks(most: float, about: int = 6) -> list[float]:
    """Round numbers from 0 to `most`, about so many."""
    rough = most / about
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [step * index for index in range(int(most / step + 1e-9) + 1)]


@dataclass(slots=True, kw_only=True)
class TimeChart:
    """Numbers over time.

    Attributes:
        title: What there is to see.
        seconds: How much time is shown.
        most: The highest number that is shown.
        parts: What is drawn so far.
    """

    title: str
    seconds: float
    most: float
    parts: list[str] = field(default_factory=list)
    width: int = 760
    height: int = 300
    left: int = 56
    right: int = 150
    top: int = 62
    bottom: int = 46

    def x(self, seconds: float) -> float:
        """Where a time is."""
        return self.left + (self.width - self.left - self.right) * seconds / self.seconds

    def y(self, number: float) -> float:
        """Where a number is."""
        return self.height - self.bottom - (self.height - self.top - self.bottom) * min(number, self.most) / self.most

    def steps(self, points: Points, kind: str, label: str, *, label_at: float) -> None:
        """A line that keeps each number until the next; its label stands at the right, at the height of `label_at`."""
        shown = [(when, number) for when, number in points if when <= self.seconds]
        path = f"M{self.x(shown[0][0]):.1f} {self.y(shown[0][1]):.1f}"
        path += "".join(f"H{self.x(when):.1f}V{self.y(number):.1f}" for when, number in shown[1:])
        self.parts.append(f'<path d="{path}H{self.x(self.seconds):.1f}" class="line {kind}"/>')
        color = kind.partition(" ")[0]
        self.parts.append(text(self.width - self.right + 10, self.y(label_at) + 4, label, kind=color))

    def crosses(self, points: Points, kind: str) -> None:
        """A cross at each point."""
        for when, number in points:
            x, y = self.x(when), self.y(number)
            self.parts += [
                line(x - 4, y - 4, x + 4, y + 4, f"line {kind}"),
                line(x - 4, y + 4, x + 4, y - 4, f"line {kind}"),
            ]

    def svg(self, above: str) -> str:
        """The chart; `above` says what the numbers are."""
        bottom, right = self.y(0), self.width - self.right
        parts = [text(16, 26, self.title, kind="title"), text(16, 47, above, kind="small")]
        for number in ticks(self.most, 5):
            parts += [line(self.left, self.y(number), right, self.y(number), "grid")]
            parts += [text(self.left - 8, self.y(number) + 4, f"{number:g}", anchor="end", kind="small")]
        for when in ticks(self.seconds, 7):
            parts += [line(self.x(when), bottom, self.x(when), bottom + 5, "axis")]
            parts += [text(self.x(when), bottom + 19, f"{when:g}", anchor="middle", kind="small")]
        parts += [line(self.left, bottom, right, bottom, "axis")]
        parts += [text((self.left + right) / 2, bottom + 38, "seconds since the start", anchor="middle", kind="small")]
        return drawing(self.width, self.height, self.title, [*parts, *self.parts])
