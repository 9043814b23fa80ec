"""`watch`: how a run goes on, read from its store: by another terminal, and also after it has stopped."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from llm_composition_patterns.batch import RunRecord, StoreStatus, read_progress, read_status
from llm_composition_patterns.console import (
    OK,
    duration,
    kinds_line,
    limit_line,
    print_json_line,
    printable,
    run_command,
    terminal,
)

from ._read import archive_files, read_entries


class _Shows(Protocol):
    def __call__(self, lines: Sequence[str]) -> None: ...


def watch(arguments: argparse.Namespace) -> int:
    """Show how far the batch has come until its run has ended; the exit code."""

    async def main() -> int:
        total = await asyncio.to_thread(_counted, arguments.records)
        with _shown(as_json=arguments.json) as show:
            while True:
                status, run = await asyncio.to_thread(_look, arguments.store, total)
                if arguments.json:
                    print_json_line(_record(status, run))
                    sys.stdout.flush()
                else:
                    show(lines(status, run, now=time.time()))
                if arguments.once or run is None or run.ended:
                    return OK
                await asyncio.sleep(arguments.every)

    return run_command(main, stopping="")


def lines(status: StoreStatus, run: RunRecord | None, *, now: float) -> list[str]:
    """What is shown, a line each; of a batch whose runs told nothing, only what its store has."""
    counts, cost = status.counts, status.spent.cost
    finished = sum(counts.get(state, 0) for state in ("succeeded", "failed", "abandoned"))
    failed = counts.get("failed", 0) + counts.get("abandoned", 0)
    total = None if run is None else run.total
    whole = "" if not total else f" of {total:,} ({finished / total:.1%})"
    waiting = f", {counts['pending']:,} wait ({kinds_line(status.waiting)})" if status.waiting else ""
    in_flight = f", {run.in_flight:,} in flight" if run is not None and run.in_flight else ""
    money = f"at least ${status.spent.known_cost:.4f}" if cost is None else f"${cost:.4f}"
    told = [f"papers: {finished:,}{whole} finished, {failed:,} failed{waiting}{in_flight}"]
    each = f", ${cost / finished:.6f} a paper" if cost is not None and finished else ""
    if run is None:
        return [*told, f"cost: {money}{each}"]
    left = "" if run.ended or run.seconds_left is None else f", about {duration(run.seconds_left)} left"
    told.append(f"pace: {run.per_second * 3600:,.0f} an hour{left}")
    told.append(f"cost: {money}{each}")
    if not run.ended:
        told += [limit_line("calls", limiter) for limiter in run.limiters]
    return [*map(printable, told), _state(run, now)]


def _state(run: RunRecord, now: float) -> str:
    if not run.ended:
        ago = max(0.0, now - run.began - run.seconds)
        return f"run {run.run}: for {duration(run.seconds)}, as it told {duration(ago)} ago"
    if run.ended_by is None:
        return f"run {run.run}: ended after {duration(run.seconds)}"
    return (
        f"run {run.run}: stopped after {duration(run.seconds)} ({run.ended_by}); the same command goes on with the rest"
    )


def _counted(records: Sequence[Path]) -> int | None:
    """How many papers there are, where the archive is given; a run that reads it as it goes does not know."""
    return sum(1 for _ in read_entries(archive_files(records))) if records else None


def _look(store: Path, total: int | None) -> tuple[StoreStatus, RunRecord | None]:
    run = read_progress(store)  # before the counts, so that a run that has ended is counted to its end
    if run is not None and total is not None:
        run = replace(run, total=total)
    return read_status(store), run


def _record(status: StoreStatus, run: RunRecord | None) -> Mapping[str, Any]:
    shown: dict[str, Any] = {
        "counts": dict(status.counts),
        "waiting": dict(status.waiting),
        "cost": None if status.spent.cost is None else float(status.spent.cost),
    }
    if run is not None:
        shown["run"] = {
            "number": run.run,
            "seconds": run.seconds,
            "ended": run.ended,
            "ended_by": run.ended_by,
            "total": run.total,
            "in_flight": run.in_flight,
            "papers_per_hour": run.per_second * 3600,
            "seconds_left": run.seconds_left,
        }
    return shown


@contextmanager
def _shown(*, as_json: bool) -> Iterator[_Shows]:
    """On a terminal in place, else a few lines for each look."""
    from rich.live import Live  # noqa: PLC0415 - only where it is shown
    from rich.text import Text  # noqa: PLC0415

    console = terminal(stderr=False)
    if as_json or not console.is_terminal:
        yield lambda given: print("\n".join(given), flush=True)
        return
    with Live(console=console, auto_refresh=False) as live:
        yield lambda given: live.update(Text("\n".join(given)), refresh=True)
