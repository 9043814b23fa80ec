"""Translating the cases with one model."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from llm_composition_patterns import Outcome, Scenario, connect
from llm_composition_patterns.patterns.brindlehaw import Product
from llm_composition_patterns.patterns.parallelization.product_translation.translate import (
    ProductResult,
    Translation,
    Translator,
)

from ._cases import LANGUAGES, Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a model made of one case.

    Attributes:
        case: The case.
        outcome: The translation, or why there is none.
        trace_id: The trace of its product.
        started: When it was begun.
    """

    case: Case
    outcome: Outcome[Translation]
    trace_id: str | None
    started: datetime

    @property
    def ended(self) -> datetime:
        """When it was done."""
        return self.started + timedelta(seconds=self.outcome.elapsed)


async def translate(
    model: str,
    wanted: Sequence[Case],
    *,
    scenario: Scenario | None = None,
    timeout: float = 120.0,
    max_concurrency: int | None = None,
) -> list[Run]:
    """Translate the cases with the model of that name, in the order given; a failure is an outcome.

    Raises:
        ModelError: What would fail every translation, such as a refused key.
    """
    products = {case.product.product_id: case.product for case in wanted}
    async with connect(
        model, concurrency=max_concurrency or "auto", timeout=min(60.0, timeout), scenario=scenario
    ) as connected:
        translator = Translator(
            models=dict.fromkeys(LANGUAGES, (model, connected)), timeout=timeout, keep=lambda _: None
        )
        done = await _each(translator, products)
    return [_run(case, *done[case.product.product_id]) for case in wanted]


async def _each(translator: Translator, products: Mapping[int, Product]) -> dict[int, tuple[datetime, ProductResult]]:
    # Not in one fan-out, which would be one trace: what is looked at in Phoenix is one translation.
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {key: group.create_task(_product(translator, product)) for key, product in products.items()}
    except ExceptionGroup as errors:  # only what stops all of them, a refused key for instance: one says it
        raise errors.exceptions[0] from None
    return {key: task.result() for key, task in tasks.items()}


async def _product(translator: Translator, product: Product) -> tuple[datetime, ProductResult]:
    began, result = datetime.now(UTC), ProductResult(product, LANGUAGES)
    await translator.product(result)
    return began, result


def _run(case: Case, began: datetime, result: ProductResult) -> Run:
    outcome = result.outcomes[case.language]
    return Run(case=case, outcome=outcome, trace_id=result.trace_id, started=began + timedelta(seconds=outcome.started))
