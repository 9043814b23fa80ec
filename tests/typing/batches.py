"""What checkers think of batches. Never run."""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, assert_type

from pydantic import BaseModel

from llm_composition_patterns import BatchReport, Budget, Outcome, once, read_results, run_batch


class Paper(BaseModel):
    """An item."""

    id: str


class Model:
    """A resource."""


@asynccontextmanager
async def model() -> AsyncGenerator[Model, None]:
    """Opens it."""
    yield Model()


async def translate(paper: Paper) -> str:
    """A step."""
    return paper.id


async def translate_with(model: Model, paper: Paper) -> str:
    """A step with a resource."""
    return paper.id


def key(paper: Paper) -> str:
    """What an item is known by."""
    return paper.id


async def papers() -> AsyncIterator[Paper]:
    """Items that are waited for."""
    yield Paper(id="1")


async def use(some: list[Paper]) -> None:
    """Accepted, with the types that are written here."""
    report = await run_batch(translate, some, store="papers.db", key=lambda paper: paper.id)
    assert_type(report, BatchReport)
    assert_type(report.interrupted, Literal["SIGINT", "SIGTERM"] | None)
    assert_type(report.possibly_repeated, tuple[str, ...])
    await run_batch(translate, papers(), store=Path("papers.db"), key=key, budget=Budget(usd=1.0), retry=("failed",))
    await run_batch(translate, {"1": some[0]}, store="papers.db")
    await run_batch(translate_with, some, store="papers.db", key=key, resource=model)
    await run_batch(translate_with, {"1": some[0]}, store="papers.db", resource=model, version="2")
    assert_type(await once(translate, some[0], key="1"), str)
    async for outcome in read_results("papers.db", output=Paper):
        assert_type(outcome, Outcome[Paper])
    async for anything in read_results("papers.db"):
        assert_type(anything, Outcome[Any])


async def refuse(some: list[Paper]) -> None:
    """Rejected, each line for the reason in its comment."""
    await run_batch(translate, some, key=key)  # type: ignore[call-overload]  # no store
    await run_batch(translate, some, store="papers.db")  # type: ignore[call-overload]  # no key
    await run_batch(translate, [1], store="papers.db", key=str)  # type: ignore[arg-type]  # other items
    await run_batch(translate_with, some, store="papers.db", key=key)  # type: ignore[arg-type]  # no resource
    await once(translate, some[0])  # type: ignore[call-arg]  # no key
