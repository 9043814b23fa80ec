"""Runs a contest: round after round, every entry once a round, each in a process of its own."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path

from ._contest import Contest, Entry, Figures
from ._verdicts import medians

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Result:
    """What a contest gave.

    Attributes:
        medians: By the names of entries; those that were skipped are missing.
        missing: Distributions that are not installed.
    """

    medians: dict[str, Figures]
    missing: tuple[str, ...]


def run(
    contest: Contest, *, rounds: int, quick: bool = False, report: Callable[[str], object] = lambda _: None
) -> Result:
    """Measure every entry whose peers are installed, interleaved."""
    missing = tuple(dict.fromkeys(name for entry in contest.entries for name in entry.needs if not installed(name)))
    entries = [entry for entry in contest.entries if not set(entry.needs) & set(missing)]
    found: dict[str, list[Figures]] = {entry.name: [] for entry in entries}
    with contest.around() as given, ThreadPoolExecutor(contest.side_by_side) as threads:
        settings = {**given, **(contest.quick if quick else {})}

        def measured(turn: int, entry: Entry) -> None:
            report(f"{contest.name}: round {turn} of {rounds}: {entry.name}")
            found[entry.name].append(in_fresh_process(entry, settings))

        for turn in range(1, rounds + 1):
            for _ in threads.map(measured, repeat(turn), entries):
                pass
    return Result(_summed_up(contest, {name: medians(figures) for name, figures in found.items()}), missing)


def _summed_up(contest: Contest, results: dict[str, Figures]) -> dict[str, Figures]:
    """The results with the rows that are made of them."""
    whole = [summary for summary in contest.summaries if set(summary.of) <= set(results)]
    return results | {summary.name: summary.made([results[name] for name in summary.of]) for summary in whole}


def without_peers(contest: Contest) -> Contest:
    """The contest with the entries that need nothing but this package."""
    return replace(contest, entries=tuple(entry for entry in contest.entries if not entry.needs))


def installed(distribution: str) -> bool:
    """Whether a distribution is there."""
    return version(distribution) is not None


def version(distribution: str) -> str | None:
    """The version of a distribution, or None where it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def in_fresh_process(entry: Entry, given: Mapping[str, object]) -> Figures:
    """Run a contestant in a process of its own.

    Raises:
        RuntimeError: It failed; with what it printed.
    """
    contestant = f"{entry.contestant.__module__}:{entry.contestant.__qualname__}"
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks._measure", contestant, json.dumps({**entry.settings, **given})],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise RuntimeError(f"{entry.name} failed:\n{ran.stderr}")
    figures: Figures = json.loads(ran.stdout.splitlines()[-1])
    return figures


def environment() -> dict[str, str]:
    """The environment of a fresh process: this checkout comes first."""
    paths = [str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
