"""What is measured: entries side by side in one run, the figures of each, and the bars that ours must clear.

An entry's function is a contestant. It runs in a process of its own, does its work, and gives its figures. Modules of
contestants import what they measure inside the functions, so that the runner stays light and a peer that is not
installed costs its own entries only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

Figures = dict[str, float]
"""What a contestant measured, by the names of figures."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One column of a contest's table."""

    name: str
    unit: str
    digits: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One contestant with what it is given.

    Attributes:
        name: As the table shows it; unique in its contest.
        contestant: The function to run in a fresh process.
        settings: Its keyword arguments: JSON values.
        needs: Distributions that it needs and this package does not.
        against: The entry that the ratio column compares it with.
    """

    name: str
    contestant: Callable[..., Figures]
    settings: Mapping[str, object] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    against: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A row made of others when all of them are measured.

    Attributes:
        name: As the table shows it.
        of: The entries.
        made: Makes its figures of theirs.
    """

    name: str
    of: tuple[str, ...]
    made: Callable[[Sequence[Figures]], Figures]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What a figure must come to: `most` or `least`, in times of another entry's figure where `of` names one.

    Attributes:
        whole: It is judged by the whole measurement only; the job of a quick run is too small for it.
    """

    entry: str
    figure: str
    most: float | None = None
    least: float | None = None
    of: str | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Entries that are measured in one run.

    Attributes:
        name: As on the command line.
        title: Above its table.
        figures: The columns; the ratio column compares the first.
        entries: The rows.
        summaries: Rows below the entries, made of them.
        bars: What must hold.
        rounds: How often each entry is measured.
        quick: Settings that replace those of every entry where only a glance is wanted.
        side_by_side: Entries that are measured at the same time: more than one where no figure tells of the machine.
        shows: Distributions whose versions are shown with the result, beside the peers.
        around: What must run meanwhile; gives settings that every entry gets.
    """

    name: str
    title: str
    figures: tuple[Figure, ...]
    entries: tuple[Entry, ...]
    summaries: tuple[Summary, ...] = ()
    bars: tuple[Bar, ...] = ()
    rounds: int = 5
    quick: Mapping[str, object] = field(default_factory=dict)
    side_by_side: int = 1
    shows: tuple[str, ...] = ()
    around: Callable[[], AbstractContextManager[Mapping[str, object]]] = field(default=lambda: nullcontext({}))
