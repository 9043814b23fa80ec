"""What is printed of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_composition_patterns import BatchReport
from llm_composition_patterns.console import counted, terminal, usage_record

from ._export import Summary


def show(summary: Summary, counts: Mapping[str, int]) -> None:
    """Print it on stdout."""
    console = terminal(stderr=False)
    left = "".join(f", {counts[state]:,} {state}" for state in ("pending", "running") if counts.get(state))
    note = " (SIMULATED)" if summary.simulated else ""
    console.print(
        f"{summary.done:,} done, {summary.reported:,} reported, {summary.quarantined:,} quarantined{left}{note}"
    )
    console.print(
        f"{summary.pages:,} pages ({summary.without_text:,} without text), {summary.chunks:,} chunks, "
        f"{summary.entities:,} entities, {summary.invented:,} left out"
    )
    console.print(f"embeddings: {summary.embedder or 'none'}")
    console.print(f"{counted(summary.calls, 'call')}, {_cost(summary)}{note}")


def _cost(summary: Summary) -> str:
    if summary.unpriced:
        return f"cost unknown for {summary.unpriced:,} documents, at least ${summary.cost:.6f}"
    return f"cost ${summary.cost:.6f}"


def summary_record(summary: Summary, counts: Mapping[str, int]) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "done": summary.done,
        "reported": summary.reported,
        "quarantined": summary.quarantined,
        "pending": counts.get("pending", 0) + counts.get("running", 0),
        "reasons": summary.reasons,
        "pages": summary.pages,
        "pages_without_text": summary.without_text,
        "chunks": summary.chunks,
        "entities": summary.entities,
        "entities_left_out": summary.invented,
        "embedder": summary.embedder,
        "calls": summary.calls,
        "simulated": summary.simulated,
        "cost_usd": None if summary.unpriced else float(summary.cost),
    }


def run_record(report: BatchReport | None, built: Mapping[str, int], workers: Mapping[str, int]) -> dict[str, Any]:
    """What a run did, as JSON; nothing where it did not come to its end."""
    if report is None:
        return {}
    return {
        "run": {
            "executed": report.executed,
            "seconds": round(report.elapsed, 3),
            "built": dict(built),
            "workers": dict(workers),
            "interrupted": report.interrupted,
            "possibly_repeated": list(report.possibly_repeated),
            "usage": usage_record(report.usage),
        },
    }
