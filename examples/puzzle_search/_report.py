"""What is printed of a measurement: a table, or JSON."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from llm_composition_patterns.console import table, terminal

from ._measure import Row

_ORDER = ("loop", "asyncio", "threads", "processes")


def in_order(rows: Sequence[Row]) -> list[Row]:
    """The plain loop first, then from the smallest branches to the largest."""
    return sorted(rows, key=lambda row: (row.level.where != "loop", row.each, _ORDER.index(row.level.where)))


def show(rows: Sequence[Row]) -> None:
    """Print the table."""
    headings = ["branch", "where", "branches", "each", "seconds", "speed-up", "by CPU", "inside", "others", "rounds"]
    terminal(stderr=False).print(table(headings, map(_cells, rows)))


def _cells(row: Row) -> list[str]:
    return [
        row.level.branch,
        row.level.where,
        f"{row.branches:,}",
        f"{row.each * 1000:.3g} ms",
        f"{row.seconds:.1f}",
        f"{row.speed_up:.2f}x",
        f"{row.by_cpu:.2f}x",
        f"{row.inside:.0%}",
        "?" if row.others is None else f"{row.others:.2f}",
        f"{len(row.counted)} of {len(row.pairs)}",
    ]


def record(rows: Sequence[Row], *, workers: int, tasks: int) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "puzzles": tasks,
        "workers": workers,
        "processors": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "levels": [
            {
                "branch": row.level.branch,
                "where": row.level.where,
                "branches": row.branches,
                "milliseconds_each": round(row.each * 1000, 4),
                "seconds": round(row.seconds, 3),
                "speed_up": round(row.speed_up, 3),
                "speed_up_by_cpu": round(row.by_cpu, 3),
                "share_inside_branches": round(row.inside, 4),
                "others": None if row.others is None else round(row.others, 2),
                "rounds_counted": len(row.counted),
                "rounds": [
                    {"speed_up": round(pair.speed_up, 3), "others": pair.others and round(pair.others, 2)}
                    for pair in row.pairs
                ],
            }
            for row in rows
        ],
    }
