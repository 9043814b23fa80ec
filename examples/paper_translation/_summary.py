"""What is printed of a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llm_composition_patterns.batch import BatchReport
from llm_composition_patterns.console import terminal, usage_record

from ._export import Summary


def show(summary: Summary, report: BatchReport | None, *, simulated: bool) -> None:
    """Print it on stdout."""
    console = terminal(stderr=False)
    pending = "" if report is None else f", {report.counts.get('pending', 0):,} pending"
    note = " (SIMULATED)" if simulated else ""
    console.print(f"{summary.done:,} done, {summary.flagged:,} flagged, {summary.failed:,} failed{pending}{note}")
    console.print(f"{summary.calls:,} calls, {summary.tokens:,} tokens, {_cost(summary)}")


def _cost(summary: Summary) -> str:
    if summary.unpriced:
        return f"cost unknown for {summary.unpriced:,} papers, at least ${summary.cost:.6f}"
    papers = summary.translated + summary.failed
    return f"cost ${summary.cost:.6f}" + (f", ${summary.cost / papers:.6f} a paper" if papers else "")


def summary_record(summary: Summary, report: BatchReport | None, model: str, output: Path | None) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "done": summary.done,
        "flagged": summary.flagged,
        "failed": summary.failed,
        "failures": summary.kinds,
        "calls": summary.calls,
        "tokens": summary.tokens,
        "cost_usd": None if summary.unpriced else float(summary.cost),
        "model": model,
        "output": None if output is None else str(output),
        **({} if report is None else _of_run(report)),
    }


def _of_run(report: BatchReport) -> dict[str, Any]:
    return {
        "pending": report.counts.get("pending", 0),
        "run": {
            "executed": report.executed,
            "seconds": round(report.elapsed, 3),
            "interrupted": report.interrupted,
            "possibly_repeated": list(report.possibly_repeated),
            "usage": usage_record(report.usage),
        },
    }
