"""`plan`: how long an archive takes and what it costs, from its records, before anything is paid."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from llm_composition_patterns import ConfigurationError, Price
from llm_composition_patterns.batch import read_report
from llm_composition_patterns.batch.planning import RUNNERS, STRATEGIES, Case, Figures, Rates, Workload, plan
from llm_composition_patterns.console import OK, duration, print_json, say, terminal

from ._dry_run import counted_archive
from ._read import archive_files
from ._sweep import shown

_ORIGINAL: Final = STRATEGIES[0].seconds_per_item
"""Seconds that a paper took one of the original's workers, as it measured."""


def show_plan(arguments: argparse.Namespace) -> int:
    """Reckon and print; the exit code."""
    counted, _ = counted_archive(archive_files(arguments.records), arguments.shard, arguments.limit)
    if not counted["papers"]:
        raise ConfigurationError("there is no paper to plan for: give an archive that has some")
    try:
        case = _case(arguments, counted, _seconds(arguments))
    except ValueError as error:
        raise ConfigurationError(str(error).replace("seconds_per_item", "--seconds-per-paper")) from error
    figures = plan(case)
    if arguments.json:
        print_json({**counted, "seconds_per_paper": case.workload.seconds_per_item, "planned": shown(figures)})
    else:
        _print(counted, case, figures)
    return OK


def _seconds(arguments: argparse.Namespace) -> float:
    """How long a paper takes a worker: as given, as measured in the store, or as the original measured."""
    if arguments.seconds_per_paper is not None:
        return float(arguments.seconds_per_paper)
    measured = _measured(arguments.store)
    if measured is not None:
        say(f"{measured:.1f} s a paper, as measured in {arguments.store}")
        return measured
    say(f"{_ORIGINAL:.0f} s a paper, as the original measured: translate a few first, or give --seconds-per-paper")
    return _ORIGINAL


def _measured(store: Path) -> float | None:
    if not store.exists():
        return None
    report = read_report(store)
    done = sum(job.items for job in report.jobs)
    return sum(run.busy for run in report.runs) / done or None if done else None


def _case(arguments: argparse.Namespace, counted: Mapping[str, int], seconds: float) -> Case:
    papers = counted["papers"]
    calls = max(1, round(counted["calls"] / papers))
    workload = Workload(
        items=papers,
        seconds_per_item=seconds,
        calls_per_item=calls,
        input_tokens=max(calls, round(counted["input_tokens"] / papers)),
        output_tokens=max(calls, round(counted["output_tokens"] / papers)),
        price=Price(input=arguments.input_price, output=arguments.output_price),
    )
    return Case(
        workload=workload,
        workers=arguments.workers,
        jobs=arguments.jobs,
        rates=Rates(requests_per_minute=arguments.requests_per_minute, tokens_per_minute=arguments.tokens_per_minute),
        runner=RUNNERS[arguments.runner],
        budget=None if arguments.budget is None else arguments.budget.usd,
    )


def _print(counted: Mapping[str, int], case: Case, figures: Figures) -> None:
    console = terminal(stderr=False)
    tokens = counted["input_tokens"] + counted["output_tokens"]
    console.print(f"{counted['papers']:,} papers, about {counted['calls']:,} calls and {tokens:,} tokens")
    pace = f"{duration(figures.seconds)}, {figures.items_per_hour:,.0f} papers an hour"
    console.print(f"{case.jobs} x {case.workers} workers: {pace}")
    console.print(f"cost ${figures.cost:,.2f}, ${figures.cost / max(1, figures.done):.6f} a paper")
    console.print(f"held up by {', '.join(figures.binds)}")
    if figures.left:
        console.print(f"{figures.left:,} papers are left for another run")
