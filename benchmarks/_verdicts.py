"""From measurements to medians, ratios and verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from ._contest import Bar, Contest, Figures

Word = Literal["PASS", "FAIL", "SKIPPED", "TOO SMALL"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a bar was cleared.

    Attributes:
        bar: The bar.
        word: PASS, FAIL, or SKIPPED where one of its entries was not measured, TOO SMALL where the job of a quick
            run says nothing of it.
        value: What is held against the bar: the figure, or its ratio to the other entry's.
    """

    bar: Bar
    word: Word
    value: float | None


def medians(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure over the rounds of one entry."""
    return {name: median(figures[name] for figures in rounds) for name in rounds[0]} if rounds else {}


def ratio(results: Mapping[str, Figures], entry: str, against: str | None, figure: str) -> float | None:
    """An entry's figure in times of another's; None where one of them was not measured."""
    if against is None or entry not in results or against not in results:
        return None
    theirs = results[against][figure]
    return results[entry][figure] / theirs if theirs else None


def verdicts(contest: Contest, results: Mapping[str, Figures], *, quick: bool = False) -> list[Verdict]:
    """Each bar of a contest against the medians of its entries."""
    return [_verdict(bar, results, quick=quick) for bar in contest.bars]


def exit_code(judged: Sequence[Verdict]) -> int:
    """1 if a bar was missed, else 0."""
    return int(any(verdict.word == "FAIL" for verdict in judged))


def _verdict(bar: Bar, results: Mapping[str, Figures], *, quick: bool) -> Verdict:
    if bar.of is None:
        value = results[bar.entry][bar.figure] if bar.entry in results else None
    else:
        value = ratio(results, bar.entry, bar.of, bar.figure)
    if value is None:
        return Verdict(bar, "SKIPPED", None)
    if quick and bar.whole:
        return Verdict(bar, "TOO SMALL", value)
    cleared = (bar.most is None or value <= bar.most) and (bar.least is None or value >= bar.least)
    return Verdict(bar, "PASS" if cleared else "FAIL", value)
