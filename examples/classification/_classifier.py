"""Classifies reports: packed into calls, shared among servers, each with its own result or its own error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel

from llm_composition_patterns import (
    ConnectedModel,
    InvalidOutput,
    Message,
    ModelSettings,
    ModelTimeout,
    ModelUnavailable,
    Refused,
    StepTimeout,
    Success,
    ask,
    micro_batched,
    parallelize,
    with_timeout,
)

from ._endpoints import Endpoints
from ._items import Entry, Item
from ._labels import Classification, Classified
from ._pack import PROMPT, SYSTEM, answer_of, answers, question, usable

WAIT: Final = 0.05
"""Seconds that the first report of a pack waits for others."""

_TOKENS: Final = 400
"""Tokens that an answer about one report may take, and what a reasoning model may think before all of them."""


class NotAReport(ValueError):
    """A line that cannot be classified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What decides the answers, and how they are asked for.

    Attributes:
        model: What is asked, as `provider:model`.
        simulated: Whether its answers are made up.
        pack: Reports in a call, at most.
        settings: Of each call.
        timeout: Seconds for one call at one server, its retries included.
    """

    model: str
    simulated: bool
    pack: int = 1
    settings: ModelSettings = field(default_factory=ModelSettings)
    timeout: float | None = None

    @property
    def version(self) -> str:
        """What results of a store have in common. How many are packed is in each of them."""
        given = f"seed {self.settings['seed']}" if "seed" in self.settings else "no seed"
        return f"{self.model}, prompt {PROMPT}, {given}"


class Classifier:
    """Asks for the labels of reports.

    Args:
        endpoints: Whom.
        job: How.
    """

    def __init__(self, endpoints: Endpoints, job: Job) -> None:
        self._endpoints = endpoints
        self.job = job
        # Waiting for a server is no part of the time: the clock starts when the call has its turn at one.
        self._ask = self._answered if job.timeout is None else with_timeout(self._answered, job.timeout)
        self.classify = micro_batched(self.classify_pack, max_size=job.pack, max_wait=WAIT)

    async def classify_pack(self, items: Sequence[Item]) -> list[Classified | BaseException]:
        """The labels of some reports by one call, or why there are none.

        Those that an invalid answer has no valid labels for are asked about one by one.

        Raises:
            ModelError: There is no answer at all.
        """
        try:
            found = await self._in_time(items)
        except (InvalidOutput, Refused) as error:
            if len(items) == 1:
                return [error]
            return await self._salvaged(items, error)
        return [self._recorded(one, len(items)) for one in found]

    async def _salvaged(
        self, items: Sequence[Item], error: InvalidOutput | Refused
    ) -> list[Classified | BaseException]:
        size = len(items)
        kept = usable(error, size) if isinstance(error, InvalidOutput) else [None] * size
        lost = [item for item, one in zip(items, kept, strict=True) if one is None]
        alone = iter(await parallelize(self._alone, lost, name="ask one by one", on_error="collect"))
        mended: list[Classified | BaseException] = []
        for one in kept:
            if one is not None:
                mended.append(self._recorded(one, size))
                continue
            outcome = next(alone)
            mended.append(outcome.value if isinstance(outcome, Success) else outcome.error)
        return mended

    async def _alone(self, item: Item) -> Classified:
        [one] = await self._in_time([item])
        return self._recorded(one, 1)

    async def _in_time(self, items: Sequence[Item]) -> list[Classification]:
        try:
            return await self._asked(items)
        except StepTimeout as error:  # trouble of the provider, which leaves the reports for the next run
            raise ModelTimeout(f"no answer about {len(items)} reports within {self.job.timeout:g} s") from error

    async def _asked(self, items: Sequence[Item]) -> list[Classification]:
        """What a server says; one that is away is not the last one to be asked."""
        failed: list[ConnectedModel] = []
        while True:
            try:
                async with self._endpoints.nearest(besides=failed) as model:
                    return await self._ask(model, question(items), len(items))
            except ModelUnavailable:
                failed.append(model)
                if len(failed) == len(self._endpoints.models):
                    raise

    async def _answered(self, model: ConnectedModel, messages: list[Message], size: int) -> list[Classification]:
        settings: ModelSettings = {"max_tokens": _TOKENS * (size + 1), **self.job.settings}
        value: BaseModel = await ask(model, messages, system=SYSTEM, output=answer_of(size), **settings)
        return answers(value, size)

    def _recorded(self, one: Classification, packed: int) -> Classified:
        return Classified(**one.model_dump(), model=self.job.model, simulated=self.job.simulated, packed=packed)


async def classify_entry(classifier: Classifier, entry: Entry) -> Classified:
    """The step of the batch.

    Raises:
        NotAReport: There is nothing to classify at this line.
        ModelError: There are no labels.
    """
    if entry.item is None:
        raise NotAReport(entry.problem)
    return await classifier.classify(entry.item)


@asynccontextmanager
async def opened(classifier: Classifier) -> AsyncIterator[Classifier]:
    """A classifier whose models are open already, as the resource of a batch."""
    yield classifier
