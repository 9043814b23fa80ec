"""Writing a laid-out timeline as SVG.

It stands alone: no script, no font and no address but the name of its own language. Texts are escaped. Waiting,
running and failed differ in their filling and their marks, not in color alone. Colors follow the reader's choice of
light or dark; a ground of its own keeps it readable on whatever page it is put, because a notebook may show it as a
picture that does not know the page's colors.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from zlib import crc32

from ._bars import Kind
from ._layout import BAR, HEIGHTS, LEGEND, MARGIN, Drawing, Rectangle, Row, Strip

STYLE = """\
.llm-timeline{--ink:#1f2430;--ground:#fff;--run:#2f6db5;--wait:#7d8aa0;--fail:#c03a12;color:var(--ink);\
font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
@media (prefers-color-scheme:dark){.llm-timeline{--ink:#e4e8f0;--ground:#14181f;--run:#6ca6f0;--wait:#8592a8;\
--fail:#ff8659}}
.llm-timeline text{fill:currentColor;font-variant-numeric:tabular-nums}
.llm-timeline .ground{fill:var(--ground)}
.llm-timeline .title{font-size:14px;font-weight:600}
.llm-timeline .quiet{opacity:.72}
.llm-timeline .grid{stroke:currentColor;opacity:.16}
.llm-timeline .run{fill:var(--run)}
.llm-timeline .between{fill:var(--run)}
.llm-timeline .retry,.llm-timeline .hedge{stroke:var(--run)}
.llm-timeline .bars{stroke:var(--run);stroke-width:2.4}
.llm-timeline .group{fill:currentColor;opacity:.55}
.llm-timeline .queued{stroke:var(--wait);stroke-dasharray:2 2}
.llm-timeline .failed{stroke:var(--fail)}
.llm-timeline .failed.strip{fill:var(--fail);stroke:none}
.llm-timeline .cancelled{stroke:var(--wait)}
.llm-timeline .cross{stroke:var(--fail);stroke-width:2;fill:none}
.llm-timeline .bad{fill:var(--fail);font-weight:600}
.llm-timeline .dots{fill:var(--wait)}
.llm-timeline .stripes{stroke:var(--fail);stroke-width:3}
.llm-timeline .pale{stroke:var(--wait);stroke-width:1.5}"""
BASELINE = 4.0
PATTERNS = frozenset({"queued", "retry", "hedge", "failed", "cancelled"})


def write_svg(drawing: Drawing, title: str) -> str:
    """Write it; equal drawings with equal titles are equal texts."""
    body = "\n".join(_body(drawing, title))
    # On a page with several timelines each refers to its own patterns.
    mark = f"t{crc32(body.encode('utf-8', 'backslashreplace')):08x}"
    size = f'viewBox="0 0 {_n(drawing.width)} {_n(drawing.height)}" width="{_n(drawing.width)}"'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="llm-timeline" role="img" {size} height="{_n(drawing.height)}"'
        f' style="max-width:100%;height:auto" aria-labelledby="{mark}-title {mark}-desc">\n'
        f'<title id="{mark}-title">{escape(title)}</title>\n'
        f'<desc id="{mark}-desc">{escape(drawing.description)}</desc>\n<style>\n{STYLE}\n</style>\n'
    )
    return f"{head}{_definitions(drawing, mark)}\n{body.replace('url(#', f'url(#{mark}-')}\n</svg>\n"


def _definitions(drawing: Drawing, mark: str) -> str:
    stripes = 'patternUnits="userSpaceOnUse" width="6" height="6" patternTransform="rotate(45)"'
    return (
        f'<defs><pattern id="{mark}-queued" patternUnits="userSpaceOnUse" width="4" height="4">'
        '<circle class="dots" cx="2" cy="2" r=".8"/></pattern>'
        f'<pattern id="{mark}-retry" patternUnits="userSpaceOnUse" width="4" height="4">'
        '<line class="bars" x1="2" y1="0" x2="2" y2="4"/></pattern>'
        f'<pattern id="{mark}-hedge" patternUnits="userSpaceOnUse" width="4" height="4">'
        '<line class="bars" x1="0" y1="2" x2="4" y2="2"/></pattern>'
        f'<pattern id="{mark}-failed" {stripes}><line class="stripes" x1="1.5" y1="0" x2="1.5" y2="6"/></pattern>'
        f'<pattern id="{mark}-cancelled" {stripes}><line class="pale" x1="1" y1="0" x2="1" y2="6"/></pattern>'
        f'<clipPath id="{mark}-names"><rect x="0" y="0" width="{_n(drawing.left - MARGIN / 4)}"'
        f' height="{_n(drawing.height)}"/></clipPath></defs>'
    )


def _body(drawing: Drawing, title: str) -> Iterable[str]:
    yield f'<rect class="ground" width="{_n(drawing.width)}" height="{_n(drawing.height)}" rx="6"/>'
    yield _text(MARGIN, MARGIN + 6, title, "title")
    for x, label in drawing.ticks:
        ends = f'x1="{_n(x)}" x2="{_n(x)}" y1="{_n(drawing.top - 4)}" y2="{_n(drawing.bottom)}"'
        yield f'<line class="grid" {ends}/>'
        yield _text(x, drawing.top - 8, label, "quiet")
    yield '<g clip-path="url(#names)">'
    yield from (_text(row.x, row.y + BASELINE, row.label) for row in drawing.rows)
    yield "</g>"
    for strip in drawing.strips:
        yield from _strip(strip, drawing.right)
    for row in drawing.rows:
        yield from _row(row, drawing.right)
    for x, y, kind in drawing.legend:
        yield from _key(x, y, kind)
    yield from (_text(MARGIN, y + BASELINE, line, "quiet") for y, line in drawing.lines)


def _row(row: Row, right: float) -> Iterable[str]:
    yield f'<g class="bar"><title>{escape(row.told)}</title>'
    # A failed attempt may be too short to be seen: it is as thin as can be, and over what follows.
    yield from map(_rectangle, sorted(row.rectangles, key=lambda one: one.kind == "failed"))
    if row.failed:
        yield _cross(max(one.x + one.width for one in row.rectangles) + 7, row.y)
    yield "</g>"
    yield _text(right + MARGIN + 4, row.y + BASELINE, row.note, "bad" if row.failed else "quiet")


def _strip(strip: Strip, right: float) -> Iterable[str]:
    hill = "".join(f"H{_n(x)}V{_n(strip.y - height)}" for x, height in strip.hill)
    fill = f' fill="url(#{strip.kind})"' if strip.kind in PATTERNS else ""
    yield f'<path class="{strip.kind} strip" d="M{_n(strip.hill[0][0])} {_n(strip.y)}{hill}Z"{fill}/>'
    yield _text(MARGIN, strip.y - MARGIN / 2, strip.label)
    yield _text(right + MARGIN + 4, strip.y - MARGIN / 2, strip.note, "bad" if strip.kind == "failed" else "quiet")


def _key(x: float, y: float, kind: Kind) -> Iterable[str]:
    height = HEIGHTS.get(kind, BAR)
    yield _rectangle(Rectangle(kind, x, y - height / 2, MARGIN, height))
    if kind == "failed":
        yield _cross(x + MARGIN + 7, y)
    yield _text(x + MARGIN + (16 if kind == "failed" else 6), y + BASELINE, LEGEND[kind], "quiet")


def _rectangle(it: Rectangle) -> str:
    # A pattern that were filled by CSS would need its address there, and the address is this drawing's own.
    fill = f' fill="url(#{it.kind})"' if it.kind in PATTERNS else ' rx="1"'
    place = f'x="{_n(it.x)}" y="{_n(it.y)}" width="{_n(it.width)}" height="{_n(it.height)}"'
    return f'<rect class="{it.kind}" {place}{fill}/>'


def _cross(x: float, y: float) -> str:
    arm = 3.5
    from_left = f"M{_n(x - arm)} {_n(y - arm)}L{_n(x + arm)} {_n(y + arm)}"
    return f'<path class="cross" d="{from_left}M{_n(x + arm)} {_n(y - arm)}L{_n(x - arm)} {_n(y + arm)}"/>'


def _text(x: float, y: float, text: str, style: str = "") -> str:
    of_style = f' class="{style}"' if style else ""
    return f'<text x="{_n(x)}" y="{_n(y)}"{of_style}>{escape(text)}</text>'


def _n(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".")
