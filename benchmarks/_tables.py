"""The tables that are printed, and quoted in the docs: Markdown, readable as it is."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence

from ._contest import Bar, Contest, Figure, Figures
from ._verdicts import Verdict, ratio


def machine() -> str:
    """The machine, as far as it matters."""
    return f"{os.cpu_count()} cores, {platform.python_implementation()} {platform.python_version()}"


def measured(contest: Contest, results: Mapping[str, Figures]) -> str:
    """The figures of every entry, with the ratio of the first figure to the entry that it is compared with."""
    compared = ["ratio", "to"] if any(entry.against for entry in contest.entries) else []
    head = ["", *(figure.unit for figure in contest.figures), *compared]
    rows = [_row(contest, entry.name, entry.against, results) for entry in contest.entries]
    rows += [_row(contest, summary.name, None, results) for summary in contest.summaries]
    return table(head, [row[: len(head)] for row in rows])


def judged(contest: Contest, found: Sequence[Verdict]) -> str:
    """Each bar, what was measured, and whether it was cleared."""
    units = {figure.name: figure for figure in contest.figures}
    rows = [
        [verdict.bar.entry, units[verdict.bar.figure].unit, _value(verdict, units), _bound(verdict.bar), verdict.word]
        for verdict in found
    ]
    return table(["bar", "figure", "measured", "wanted", ""], rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with aligned columns: the first one left, the others as they come."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    shown = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([shown[0], rule, *shown[1:]])


def _row(contest: Contest, name: str, against: str | None, results: Mapping[str, Figures]) -> list[str]:
    figures = results.get(name)
    if figures is None:
        return [name, *("skipped" for _ in contest.figures), "", ""]
    compared = ratio(results, name, against, contest.figures[0].name)
    return [
        name,
        *(number(figures[figure.name], figure) if figure.name in figures else "" for figure in contest.figures),
        "" if compared is None else f"{compared:.3g}",
        "" if compared is None else str(against),
    ]


def number(value: float, figure: Figure) -> str:
    """A figure with its digits."""
    return f"{value:,.{figure.digits}f}"


def _value(verdict: Verdict, units: Mapping[str, Figure]) -> str:
    if verdict.value is None:
        return ""
    return number(verdict.value, units[verdict.bar.figure]) if verdict.bar.of is None else f"{verdict.value:.3g}x"


def _bound(bar: Bar) -> str:
    if bar.most is not None and bar.least is not None:
        return f"{bar.least:.3g} to {bar.most:.3g}"
    sign, bound = ("<=", bar.most) if bar.most is not None else (">=", bar.least)
    return f"{sign} {bound:.3g}" if bar.of is None else f"{sign} {bound:.3g}x {bar.of}"
