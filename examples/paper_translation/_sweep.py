"""`sweep`: the original's four strategies, as it published them, as planned and as rehearsed, side by side."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from llm_composition_patterns import Price
from llm_composition_patterns.batch.planning import (
    RUNNERS,
    STRATEGIES,
    Case,
    Figures,
    Strategy,
    Workload,
    plan,
    rehearse,
)
from llm_composition_patterns.console import OK, print_json, say, table, terminal
from llm_composition_patterns.testing import run_in_virtual_time

PUBLISHED_COST: Final = 0.0013
"""US dollars a paper."""

_PRICE: Final = Price(input=Decimal("0.10"), output=Decimal("0.40"))
_INPUT, _OUTPUT = 5000, 2000
_HEADINGS: Final = ("jobs x workers", "", "papers/hour", "hours", "$ a paper", "busy")

Row = tuple[Strategy, Mapping[str, Figures]]


def sweep(arguments: argparse.Namespace) -> int:
    """Plan and rehearse each strategy, and print it beside what was published; the exit code."""
    rows = [(each, _figures(each, arguments)) for each in STRATEGIES]
    if arguments.json:
        print_json({"simulated": True, "papers": arguments.papers, "strategies": [_record(*row) for row in rows]})
        return OK
    terminal(stderr=False).print(table(_HEADINGS, [line for row in rows for line in _lines(*row, arguments.papers)]))
    for strategy, figures in rows:
        say(f"{strategy.name}: held up by {', '.join([*figures.values()][-1].binds)}")
    return OK


def case(strategy: Strategy, papers: int, seconds_per_paper: float | None = None) -> Case:
    """A strategy as a batch; a paper takes as long as the original's figures say, and costs as much."""
    workload = Workload(
        items=papers,
        seconds_per_item=seconds_per_paper or strategy.seconds_per_item,
        input_tokens=_INPUT,
        output_tokens=_OUTPUT,
        price=_PRICE,
    )
    return Case(workload=workload, workers=strategy.workers, jobs=strategy.jobs, runner=RUNNERS["free"])


def _figures(strategy: Strategy, arguments: argparse.Namespace) -> Mapping[str, Figures]:
    given = case(strategy, arguments.papers, arguments.seconds_per_paper)
    planned = {"planned": plan(given)}
    if arguments.plan_only:
        return planned
    say(f"rehearsing {strategy.name}: {arguments.papers:,} papers, simulated ...")
    return {**planned, "rehearsed": run_in_virtual_time(rehearse(given))}


def _lines(strategy: Strategy, figures: Mapping[str, Figures], papers: int) -> Iterator[Sequence[str]]:
    label, hourly = f"{strategy.name} {strategy.jobs} x {strategy.workers}", strategy.expected_per_hour
    yield label, "published", f"{hourly:,}", f"{papers / hourly:,.1f}", f"{PUBLISHED_COST:.4f}", ""
    for kind, each in figures.items():
        cost = f"{each.cost / max(1, each.done):.4f}"
        yield "", kind, f"{each.items_per_hour:,.0f}", f"{each.seconds / 3600:,.1f}", cost, f"{each.utilization:.0%}"


def _record(strategy: Strategy, figures: Mapping[str, Figures]) -> dict[str, Any]:
    return {
        "name": strategy.name,
        "jobs": strategy.jobs,
        "workers": strategy.workers,
        "published": {"papers_per_hour": strategy.expected_per_hour, "cost_per_paper": PUBLISHED_COST},
        **{kind: shown(each) for kind, each in figures.items()},
    }


def shown(figures: Figures) -> dict[str, Any]:
    """Figures as JSON."""
    return {
        "papers_per_hour": figures.items_per_hour,
        "hours": figures.seconds / 3600,
        "cost": float(figures.cost),
        "cost_per_paper": float(figures.cost) / max(1, figures.done),
        "utilization": figures.utilization,
        "done": figures.done,
        "left": figures.left,
        "binds": list(figures.binds),
    }
