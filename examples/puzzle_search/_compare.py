"""`levels` and `generate`: what each level of parallelism gives, and the puzzles it is measured with."""

from __future__ import annotations

import argparse
import os

from llm_composition_patterns import ConfigurationError
from llm_composition_patterns.console import (
    OK,
    check_writable,
    print_json,
    print_json_line,
    run_command,
    say,
    write_atomically,
)

from ._levels import Level
from ._measure import Row, measured
from ._plot import plot
from ._report import in_order, record, show
from ._tasks import Task, invented
from ._tasks import record as task_record


def levels(arguments: argparse.Namespace) -> int:
    """Run the command; the exit code."""
    _check_installed()
    if arguments.plot is not None:
        check_writable(arguments.plot.parent)
    tasks = [*invented(arguments.puzzles, arguments.seed)]
    workers = arguments.workers or os.cpu_count() or 1
    rows: list[Row] = []

    async def main() -> int:
        rows.extend(in_order(await measured(tasks, workers=workers, report=_report)))
        return OK

    return run_command(main, show=lambda code: _shown(code, arguments, rows, tasks, workers))


def _check_installed() -> None:
    try:
        import numpy  # noqa: F401, ICN001, PLC0415
    except ImportError:
        raise ConfigurationError("micro-batches need NumPy: pip install '.[puzzles]'") from None


def _report(number: int, rounds: int, level: Level) -> None:
    say(f"round {number + 1} of {rounds}: {level.name}")


def _shown(code: int, arguments: argparse.Namespace, rows: list[Row], tasks: list[Task], workers: int) -> int:
    if not rows:
        return code
    if arguments.plot is not None:
        title = f"{len(tasks)} puzzles at each level of parallelism, {workers} workers"
        write_atomically(arguments.plot, plot(rows, workers=workers, title=title))
        say(f"plot written: {arguments.plot}")
    if arguments.json:
        print_json(record(rows, workers=workers, tasks=len(tasks)))
    else:
        show(rows)
        print(f"load of the machine: {', '.join(f'{load:.2f}' for load in os.getloadavg())} (1, 5, 15 minutes)")
    return code


def generate(arguments: argparse.Namespace) -> int:
    """Print invented puzzles, a line each."""
    for task in invented(arguments.count, arguments.seed):
        print_json_line(task_record(task))
    return OK
