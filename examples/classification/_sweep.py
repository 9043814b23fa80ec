"""Measures a server at several numbers of calls in flight, and finds where more of them gain nothing."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from llm_composition_patterns import ConnectedModel, Limiter, Outcome, Success, parallelize

from ._classifier import Classifier, Job
from ._endpoints import Endpoints
from ._invented import invented
from ._items import Item
from ._labels import Classified

AUTO: Final = "auto"
_MOST: Final = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one setting came to.

    Attributes:
        setting: Calls in flight, or `auto`.
        limit: Calls that might be in flight at the end: the same number, or what the limiter had come to.
        seconds: How long it took.
        classified: Reports that were.
        failed: Reports that were not, by the kind of failure.
        latencies: Seconds from sending a call to its answer, rising; of calls that were answered.
    """

    setting: str
    limit: int
    seconds: float
    classified: int
    failed: Mapping[str, int] = field(default_factory=dict)
    latencies: Sequence[float] = ()

    @property
    def rate(self) -> float:
        """Classified reports a second; those that failed count for nothing."""
        return self.classified / self.seconds if self.seconds else 0.0

    @property
    def p50(self) -> float:
        """What half of the calls took at most."""
        return median(self.latencies) if self.latencies else math.nan

    @property
    def p99(self) -> float:
        """What 99 of 100 calls took at most."""
        return self.latencies[int(_MOST * len(self.latencies))] if self.latencies else math.nan


Connect = Callable[[Limiter | None], ConnectedModel]
"""Names the model, for a limiter, or for an automatic one that knows nothing yet."""


async def measure(settings: Sequence[str], connected: Connect, job: Job, *, items: int) -> AsyncGenerator[Measured]:
    """Measure one setting after the other, each on invented reports of its own, so that no cache helps the later ones.

    Raises:
        ModelError: The first call, which is not measured, has no answer.
    """
    for number, setting in enumerate(settings):
        reports = list(invented(items, seed=number))
        async with connected(None if setting == AUTO else Limiter(fixed=int(setting))) as model:
            classifier = Classifier(Endpoints([model]), job)
            if not number:
                await classifier.classify_pack(list(invented(1, seed=len(settings))))  # has the server load the model
            measured = await _measured(setting, classifier, model, reports)
        yield measured


async def _measured(setting: str, classifier: Classifier, model: ConnectedModel, items: Sequence[Item]) -> Measured:
    size = classifier.job.pack
    packs = [items[place : place + size] for place in range(0, len(items), size)]
    clock = asyncio.get_running_loop().time
    began = clock()
    outcomes = await parallelize(
        classifier.classify_pack, packs, name=f"sweep {setting}", max_concurrency=len(packs), on_error="collect"
    )
    seconds = clock() - began
    now = model.statistics()
    failed = Counter(kind for outcome in outcomes for kind in _failures(outcome))
    return Measured(
        setting=setting,
        limit=0 if now is None else now.limit,
        seconds=seconds,
        classified=len(items) - failed.total(),
        failed=failed,
        latencies=sorted(outcome.elapsed for outcome in outcomes if isinstance(outcome, Success)),
    )


def _failures(outcome: Outcome[list[Classified | BaseException]]) -> list[str]:
    """The kind of failure of each report of a pack that failed."""
    if not isinstance(outcome, Success):
        return [outcome.kind] * len(outcome.input)
    return [getattr(one, "kind", "error") for one in outcome.value if isinstance(one, BaseException)]


def knee(found: Sequence[Measured]) -> float | None:
    """Calls in flight at which a server is just busy: its best throughput times the time of a call that never waits.

    Beyond it more calls only wait for each other, whatever their number (Denning and Buzen, The Operational Analysis of
    Queueing Network Models, 1978). None where nothing was answered.
    """
    answered = [one for one in found if one.latencies]
    if not answered:
        return None
    throughput = max(len(one.latencies) / one.seconds for one in answered)
    return throughput * min(one.p50 for one in answered)
