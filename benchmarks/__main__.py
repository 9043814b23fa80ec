"""`python -m benchmarks [contest ...]`: measure, print, and exit with 1 if a bar is missed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import _tables, batches, calls, coming_from, fan_out, limiter, processes, start_up
from ._contest import Contest
from ._run import Result, run, version
from ._verdicts import Verdict, exit_code, verdicts

INSTALL = """
    python -m pip install --group bench
    python -m pip install --no-deps --group bench-no-deps"""
CONTESTS: dict[str, Callable[[], Contest]] = {
    "fan-out": fan_out.contest,
    "calls": calls.contest,
    "processes": processes.contest,
    "batches": batches.contest,
    "start-up": start_up.contest,
    "limiter": limiter.backends,
    "limiter-promises": limiter.promises,
    "limiter-http": limiter.over_http,
    "coming-from": coming_from.tasks,
    "coming-from-faults": coming_from.faults,
    "coming-from-interrupted": coming_from.interrupted,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the contests that are named, all by default."""
    wanted = _parser().parse_args(arguments)
    if wanted.plots is not None:
        limiter.draw(wanted.plots, report=_report)
        return 0
    found: dict[str, Any] = {}
    judged: list[Verdict] = []
    for name in _chosen(wanted.contests):
        contest = CONTESTS[name]()
        rounds = 1 if wanted.quick else contest.rounds
        result = run(contest, rounds=rounds, quick=wanted.quick, report=_report)
        of_contest = verdicts(contest, result.medians, quick=wanted.quick)
        judged += of_contest
        found[name] = record(result, of_contest)
        if not wanted.json:
            print(text(contest, result, of_contest), flush=True)
    if wanted.json:
        print(json.dumps({"machine": _tables.machine(), "contests": found}, indent=2))
    return exit_code(judged)


def text(contest: Contest, result: Result, judged: list[Verdict]) -> str:
    """What is printed for one contest."""
    parts = [f"## {contest.title}", _versions(contest), _tables.measured(contest, result.medians)]
    if result.missing:
        parts.append(
            f"Skipped, because not installed: {', '.join(result.missing)}. `make bench` installs them, or:\n{INSTALL}"
        )
    parts.append(_tables.judged(contest, judged))
    return "\n\n".join(parts) + "\n"


def record(result: Result, judged: list[Verdict]) -> Mapping[str, Any]:
    """What `--json` gives for one contest."""
    return {**asdict(result), "bars": [asdict(verdict) for verdict in judged]}


def _versions(contest: Contest) -> str:
    names = sorted({*contest.shows, *(name for entry in contest.entries for name in entry.needs)})
    known = [f"{name} {found}" for name in names if (found := version(name)) is not None]
    return f"{', '.join([_tables.machine(), *known])}."


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _chosen(names: list[str]) -> list[str]:
    """Every contest that is named, and those whose names go on from it: `limiter` is all of the limiter's."""
    return [known for known in CONTESTS if any(known == name or known.startswith(f"{name}-") for name in names)]


def _known(name: str) -> str:
    if name not in CONTESTS:
        raise argparse.ArgumentTypeError(f"no contest {name!r}; there are {', '.join(CONTESTS)}")
    return name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "contests", nargs="*", type=_known, default=[*CONTESTS], metavar="contest", help="; ".join(CONTESTS)
    )
    parser.add_argument("--quick", action="store_true", help="one round, of smaller jobs: a glance, not a measurement")
    parser.add_argument(
        "--plots", type=Path, metavar="DIRECTORY", help="draw the limiter's pictures there, and measure nothing else"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    return parser


if __name__ == "__main__":
    sys.exit(main())
