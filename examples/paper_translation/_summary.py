"""What is printed of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_composition_patterns import BatchReport
from llm_composition_patterns.console import kinds_line, terminal, usage_record

from ._export import Summary


def show(summary: Summary, waiting: Mapping[str, int] | None = None) -> None:
    """Print it on stdout; with the papers that wait for another run, by the kinds of reasons, where they are given."""
    console = terminal(stderr=False)
    pending = "" if waiting is None else f", {sum(waiting.values()):,} pending"
    pending += f" ({kinds_line(waiting)})" if waiting else ""
    note = " (SIMULATED)" if summary.simulated else ""
    console.print(f"{summary.done:,} done, {summary.flagged:,} flagged, {summary.failed:,} failed{pending}{note}")
    console.print(f"{summary.calls:,} calls, {summary.tokens:,} tokens, {_cost(summary)}{note}")


def _cost(summary: Summary) -> str:
    if summary.unpriced:
        return f"cost unknown for {summary.unpriced:,} papers, at least ${summary.cost:.6f}"
    papers = summary.translated + summary.failed
    return f"cost ${summary.cost:.6f}" + (f", ${summary.cost / papers:.6f} a paper" if papers else "")


def summary_record(summary: Summary) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "done": summary.done,
        "flagged": summary.flagged,
        "failed": summary.failed,
        "failures": summary.kinds,
        "calls": summary.calls,
        "tokens": summary.tokens,
        "simulated": summary.simulated,
        "cost_usd": None if summary.unpriced else float(summary.cost),
    }


def waiting_record(waiting: Mapping[str, int]) -> dict[str, Any]:
    """The papers that wait for another run, as JSON."""
    return {"pending": sum(waiting.values()), "waiting": dict(waiting)}


def run_record(report: BatchReport | None) -> dict[str, Any]:
    """What a run did, as JSON; nothing where it did not come to its end."""
    if report is None:
        return {}
    return {
        "run": {
            "executed": report.executed,
            "seconds": round(report.elapsed, 3),
            "interrupted": report.interrupted,
            "possibly_repeated": list(report.possibly_repeated),
            "usage": usage_record(report.usage),
        },
    }
