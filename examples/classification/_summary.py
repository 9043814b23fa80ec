"""What came of a batch: read from its store, compared with what people say, printed."""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from llm_composition_patterns import ConfigurationError, Failure, Success, Usage, read_results
from llm_composition_patterns.batch import read_status
from llm_composition_patterns.console import printable, table, terminal, usage_line, usage_record
from llm_composition_patterns.usage import NO_USAGE

from ._accuracy import Pair, Share, accuracy
from ._baseline import baseline
from ._embedded import WORDS, Vectors
from ._items import Item, read_entries
from ._labels import Classified

_URGENT: Final = 5
_LISTED: Final = 20


@dataclass(slots=True, kw_only=True)
class Summary:
    """What came of a batch.

    Attributes:
        counts: Reports in each state.
        waiting: Those that wait for another run, by the kind of reason.
        spent: What all runs used.
        repeated: Reports that may have been paid twice.
        types: Classified reports by their main threat type.
        industries: The same by each industry.
        severities: The same by severity.
        urgent: Priority, report and reasoning of the most urgent.
        failures: Reports that failed, and why; the first of them.
        kinds: How many failed, by the kind of failure.
        simulated: Whether anything is made up.
        said: What was said of the labeled reports.
        right: How often that was right.
        baseline: The same for the baseline, on the same reports.
        vectors: What the baseline compares.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)
    spent: Usage = NO_USAGE
    repeated: Sequence[str] = ()
    types: Counter[str] = field(default_factory=Counter)
    industries: Counter[str] = field(default_factory=Counter)
    severities: Counter[str] = field(default_factory=Counter)
    urgent: list[tuple[int, str, str]] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    simulated: bool = False
    said: dict[str, Classified] = field(default_factory=dict)
    right: Mapping[str, Share] = field(default_factory=dict)
    baseline: Mapping[str, Share] = field(default_factory=dict)
    vectors: str = ""

    def add(self, key: str, one: Classified) -> None:
        """Count a classified report."""
        self.types[one.threat_types[0]] += 1
        self.industries.update(one.industries)
        self.severities[one.severity] += 1
        self.simulated |= one.simulated
        heapq.heappush(self.urgent, (one.priority, key, one.reasoning))
        if len(self.urgent) > _URGENT:
            heapq.heappop(self.urgent)


def read_labeled(path: Path) -> list[Item]:
    """Reports with what people say of them.

    Raises:
        ConfigurationError: There are none.
    """
    if not path.is_file():
        raise ConfigurationError(f"there is no file {path}: --labeled is one of JSON lines whose reports have labels")
    items = [one.item for one in read_entries([path]) if one.item is not None and one.item.labels is not None]
    if not items:
        raise ConfigurationError(
            f"{path} has no report with labels: they look like those in data/threats/labeled.jsonl"
        )
    return items


async def summarize(store: Path, labeled: Sequence[Item], vectors: Vectors = WORDS) -> Summary:
    """Read the store.

    Raises:
        BatchError: There is none.
    """
    status = await asyncio.to_thread(read_status, store)
    summary = Summary(
        counts=status.counts, waiting=status.waiting, spent=status.spent, repeated=status.possibly_repeated
    )
    wanted = {item.id for item in labeled}
    async for outcome in read_results(store, output=Classified):
        match outcome:
            case Success(key=key, value=one):
                summary.add(key, one)
                if key in wanted:
                    summary.said[key] = one
            case Failure(key=key, kind=kind, error=error):
                summary.kinds[kind] += 1
                if len(summary.failures) < _LISTED:
                    summary.failures.append((key, f"{kind}: {error}"))
    await asyncio.to_thread(_compare, summary, labeled, vectors)
    return summary


def _compare(summary: Summary, labeled: Sequence[Item], vectors: Vectors) -> None:
    """How often what was said of the labeled reports is right, and what the baseline says of the same ones."""
    if not summary.said:
        return
    pairs: list[Pair] = []
    simple: list[Pair] = []
    for item, guess in zip(labeled, baseline(labeled, vectors), strict=True):
        one = summary.said.get(item.id)
        if one is not None and item.labels is not None:
            pairs.append((one, item.labels))
            simple.append((guess, item.labels))
    summary.right, summary.baseline = accuracy(pairs), accuracy(simple)
    summary.vectors = vectors.name


def show(summary: Summary) -> None:
    """Print it on stdout."""
    note = " (SIMULATED)" if summary.simulated else ""
    console = terminal(stderr=False)
    for line in _counted(summary, note):
        console.print(printable(line))
    if summary.urgent:
        console.print()
        console.print(table(["priority", "report", "why"], sorted(summary.urgent, reverse=True)))
    if summary.right:
        console.print()
        compared = [(name, str(share), str(summary.baseline[name])) for name, share in summary.right.items()]
        console.print(table(["right", f"model{note}", f"nearest centroid ({summary.vectors})"], compared))
        console.print(f"of {len(summary.said):,} labeled reports; in brackets the 95 % interval")
    console.print()
    console.print(f"in all runs: {usage_line(summary.spent)}{note}")


def _counted(summary: Summary, note: str) -> Iterator[str]:
    counts = summary.counts
    yield (
        f"{counts['succeeded']:,} classified, {counts['failed']:,} failed, {counts['pending']:,} pending, "
        f"{counts['abandoned']:,} abandoned{note}"
    )
    shown = {"threat types": summary.types, "industries": summary.industries, "severities": summary.severities}
    for title, counted in shown.items():
        told = ", ".join(f"{label} {number:,}" for label, number in counted.most_common())
        yield f"{title}: {told or 'none'}"


def summary_record(summary: Summary) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "counts": dict(summary.counts),
        "failures": dict(summary.kinds),
        "waiting": dict(summary.waiting),
        "threat_types": dict(summary.types),
        "industries": dict(summary.industries),
        "severities": dict(summary.severities),
        "urgent": [
            {"id": key, "priority": priority, "reasoning": reasoning}
            for priority, key, reasoning in sorted(summary.urgent, reverse=True)
        ],
        "accuracy": {name: _share(share) for name, share in summary.right.items()},
        "baseline": {name: _share(share) for name, share in summary.baseline.items()},
        "baseline_vectors": summary.vectors,
        "possibly_repeated": list(summary.repeated),
        "usage": usage_record(summary.spent),
        "simulated": summary.simulated,
    }


def _share(share: Share) -> dict[str, Any]:
    return {"value": share.value, "interval": list(share.interval), "n": share.of}
