"""Charts as SVG, with no library: readable on light and dark backgrounds, and without telling colors apart."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from typing import Final

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
