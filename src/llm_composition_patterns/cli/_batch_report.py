"""`llm-patterns batch report`: the five figures of a batch, on a terminal and as a file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ..batch import JobReport, StoreReport, read_report
from ..console import (
    OK,
    check_apart,
    counted,
    duration,
    kinds_line,
    print_json,
    printable,
    say,
    table,
    terminal,
    write_atomically,
)

MORE: Final = """\
A job is what has a store of its own: a shard, or the whole batch. Its time is that of its runs, without the pauses
between them. Workers are at work while an item of theirs runs and does not wait for a permit. Response times are those
of attempts at models of connect(), within 5 %.

examples:
  {prog} papers.db
  {prog} papers.db --output report.md"""
_SHARES: Final = ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %"))
_HEADINGS: Final = ("job", "runs", "items", "time", "items/hour", "busy")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the action's flags."""
    parser.add_argument("store", type=Path, metavar="STORE", help="the file of a batch")
    parser.add_argument("--output", type=Path, metavar="FILE.md", help="also write it as Markdown")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else there")


def run(arguments: argparse.Namespace) -> int:
    """Print the report, and write it where that is asked for; gives the exit code."""
    report = read_report(arguments.store)
    figures, jobs = _figures(report), [_job_row(job) for job in report.jobs]
    if arguments.output is not None:
        check_apart(arguments.output, arguments.store)
        write_atomically(arguments.output, _markdown(arguments.store.name, figures, jobs))
        say(f"written into {arguments.output}")
    if arguments.json:
        print_json(_record(report))
        return OK
    console = terminal(stderr=False)
    console.print(table(("figure", "of the batch"), figures))
    if jobs:
        console.print("")
        console.print(table(_HEADINGS, jobs))
    return OK


def _figures(report: StoreReport) -> list[tuple[str, str]]:
    return [
        ("completion time per job", _times(report)),
        ("worker utilization", _percent(report.utilization)),
        ("API response times", _responses(report)),
        ("error rate of items", _item_errors(report)),
        ("error rate of attempts", _attempt_errors(report)),
        ("cost per item", _cost(report)),
    ]


def _times(report: StoreReport) -> str:
    times = [job.seconds for job in report.jobs]
    if not times:
        return "not recorded"
    if len(times) == 1:
        return duration(times[0])
    return f"{duration(sum(times) / len(times))} on average, {duration(max(times))} the longest, {len(times)} jobs"


def _responses(report: StoreReport) -> str:
    times = report.responses
    if not times.number:
        return "none recorded"
    shares = [f"{name} {duration(times.within(share))}" for share, name in _SHARES]
    return ", ".join([*shares, f"longest {duration(times.longest)}", f"mean {duration(times.mean)}"])


def _item_errors(report: StoreReport) -> str:
    if not report.reached:
        return "no item was reached"
    kinds = [
        f"{state} {kinds_line(report.errors[state])}"
        for state in ("failed", "abandoned", "pending")
        if state in report.errors
    ]
    told = f": {'; '.join(kinds)}" if kinds else ""
    return f"{_percent(report.failed / report.reached)}, {report.failed:,} of {report.reached:,}{told}"


def _attempt_errors(report: StoreReport) -> str:
    number = report.responses.number
    if not number:
        return "none recorded"
    return f"{_percent(report.unaccepted / number)}, {report.unaccepted:,} of {number:,} failed or were refused"


def _cost(report: StoreReport) -> str:
    spent, done = report.spent, report.counts.get("succeeded", 0)
    if report.cost_per_item is None:
        return f"not known, at least ${spent.known_cost:.4f} in all" if spent.unpriced else "no item has succeeded"
    return f"${report.cost_per_item:.6f}, ${spent.known_cost:.4f} for {counted(done, 'item')} that succeeded"


def _percent(share: float | None) -> str:
    return "not recorded" if share is None else f"{share:.1%}"


def _job_row(job: JobReport) -> tuple[str, ...]:
    hourly = f"{job.items / job.seconds * 3600:,.0f}" if job.seconds else ""
    return (
        job.name,
        str(len(job.runs)),
        f"{job.items:,}",
        duration(job.seconds),
        hourly,
        _percent(job.utilization),
    )


def _markdown(name: str, figures: Sequence[Sequence[str]], jobs: Sequence[Sequence[str]]) -> str:
    parts = [f"# {printable(name)}", _rows(("figure", "of the batch"), figures)]
    if jobs:
        parts.append(_rows(_HEADINGS, jobs))
    return "\n\n".join(parts) + "\n"


def _rows(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(printable(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _record(report: StoreReport) -> dict[str, Any]:
    times, number = report.responses, report.responses.number
    return {
        "jobs": [
            {
                "name": job.name,
                "runs": len(job.runs),
                "items": job.items,
                "seconds": job.seconds,
                "utilization": job.utilization,
            }
            for job in report.jobs
        ],
        "utilization": report.utilization,
        "response_seconds": {
            "attempts": number,
            "mean": times.mean,
            "median": times.within(0.5),
            "p95": times.within(0.95),
            "p99": times.within(0.99),
            "longest": times.longest,
        },
        "errors": {
            "items": report.failed / report.reached if report.reached else None,
            "kinds": {state: dict(kinds) for state, kinds in report.errors.items()},
            "attempts": report.unaccepted / number if number else None,
        },
        "cost_per_item": None if report.cost_per_item is None else float(report.cost_per_item),
        "cost": None if report.spent.cost is None else float(report.spent.cost),
    }
