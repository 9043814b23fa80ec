"""What checkers think of the fan-out. Never run."""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import assert_type

from llm_composition_patterns import (
    Failure,
    Outcome,
    Progress,
    Step,
    Success,
    Timeline,
    Vote,
    parallelize,
    stream_outcomes,
    together,
    vote,
)


async def length(text: str) -> int:
    """A step."""
    return len(text)


async def upper(text: str) -> str:
    """Another step."""
    return text.upper()


def plain(text: str) -> int:
    """No step."""
    return len(text)


def pages() -> Iterator[str]:
    """A source."""
    yield "page"


async def slow_pages() -> AsyncIterator[str]:
    """An async source."""
    yield "page"


def show(progress: Progress) -> None:
    """A progress callback."""
    assert_type(progress.done, int)


async def use_parallelize(texts: list[str], by_name: Mapping[str, str]) -> None:
    """A list gives a list, a Mapping a dict; values when it raises, outcomes when it collects."""
    assert_type(await parallelize(length, texts), list[int])
    assert_type(await parallelize(length, pages()), list[int])
    assert_type(await parallelize(length, slow_pages()), list[int])
    assert_type(await parallelize(length, by_name), dict[str, int])
    assert_type(await parallelize(length, texts, on_error="raise"), list[int])
    assert_type(await parallelize(length, texts, on_error="collect"), list[Outcome[int]])
    assert_type(await parallelize(length, by_name, on_error="collect"), dict[str, Outcome[int]])
    assert_type(await parallelize(length, texts, on_error="collect", max_failures=3), list[Outcome[int]])
    assert_type(
        await parallelize(length, texts, name="all", branch_name=str.upper, max_concurrency=3, timeout=1, deadline=2.5),
        list[int],
    )
    assert_type(await parallelize(length, texts, progress=True), list[int])
    assert_type(await parallelize(length, texts, progress=show, branch_name=lambda text: text.upper()), list[int])
    await parallelize(plain, texts)  # type: ignore[arg-type]
    await parallelize(length, [1, 2])  # type: ignore[arg-type]
    await parallelize(length, texts, max_failures=3)  # type: ignore[call-overload]
    await parallelize(length, texts, on_error="raise", max_failures=3)  # type: ignore[call-overload]
    await parallelize(length, texts, on_error="ignore")  # type: ignore[call-overload]
    await parallelize(length, texts, "name")  # type: ignore[call-overload]
    await parallelize(length, upper("one"))  # type: ignore[call-overload]
    await parallelize(length, texts, timeout="5")  # type: ignore[call-overload]


async def match(texts: list[str]) -> str:
    """An outcome is a success with a value, or a failure with an error."""
    for outcome in await parallelize(length, texts, on_error="collect"):
        match outcome:
            case Success(value=value):
                assert_type(value, int)
            case Failure(kind="rate_limit", error=error):
                assert_type(error, BaseException)
            case Failure():
                assert_type(outcome, Failure)
        _ = outcome.value  # type: ignore[union-attr]
    return "done"


async def nest(rows: list[list[str]]) -> None:
    """A step that fans out is a step."""

    async def outer(row: list[str]) -> list[int]:
        return await parallelize(length, row)

    step: Step[list[str], list[int]] = outer
    assert_type(await parallelize(step, rows), list[list[int]])


async def use_stream(texts: list[str], by_name: Mapping[str, str]) -> None:
    """It always gives outcomes."""
    async with stream_outcomes(length, texts, ordered=True, max_failures=3) as outcomes:
        async for outcome in outcomes:
            assert_type(outcome, Outcome[int])
    async with stream_outcomes(length, by_name) as outcomes:
        async for outcome in outcomes:
            assert_type(outcome, Outcome[int])
    stream_outcomes(length, texts, on_error="raise")  # type: ignore[call-arg]
    stream_outcomes(plain, texts)  # type: ignore[arg-type]


async def use_together() -> None:
    """Each section keeps its type, up to five; more of one type have that."""
    a, b = await together(length("a"), upper("b"))
    assert_type((a, b), tuple[int, str])
    assert_type(await together(length("a"), upper("b"), length("c")), tuple[int, str, int])
    assert_type(
        await together(length("a"), upper("b"), length("c"), upper("d"), length("e")), tuple[int, str, int, str, int]
    )
    assert_type(await together(*(length(text) for text in "abc")), tuple[int, ...])
    assert_type(
        await together(length("a"), upper("b"), on_error="collect", names=["a", "b"], timeout=3),
        tuple[Outcome[int], Outcome[str]],
    )
    await together(length, upper)  # type: ignore[call-overload]
    await together(length("a"), upper("b"), on_error="ignore")  # type: ignore[call-overload]
    await together(length("a"), upper("b"), max_concurrency=3)  # type: ignore[call-overload]


async def use_vote() -> None:
    """A vote has a winner of the step's type."""
    result = await vote(length, "text", n=5, quorum=3, by=lambda number: number % 2)
    assert_type(result, Vote[int])
    assert_type(result.winner, int)
    assert_type(result.ballots, tuple[Outcome[int], ...])
    await vote(length, 5, n=3)  # type: ignore[arg-type]
    await vote(length, "text")  # type: ignore[call-arg]
    result.winner = 3  # type: ignore[misc]


async def timelines(outcomes: list[Outcome[str]], by_key: dict[str, Outcome[int]]) -> None:
    """A timeline is drawn of outcomes, and of nothing else."""
    assert_type(Timeline.of(outcomes), Timeline)
    assert_type(Timeline.of(by_key, title="By key").svg(), str)
    Timeline.of({"first": outcomes, "second": by_key})
    Timeline.of({"first": {"inner": tuple(outcomes)}}).save("timeline.svg")
    Timeline.of(await parallelize(upper, ["a"], on_error="collect"))
    Timeline.of(["text"])  # type: ignore[list-item]
    with Timeline.recording() as spans:
        await parallelize(upper, ["a"])
    assert_type(Timeline.of_spans(spans), Timeline)
    Timeline.of_spans(outcomes)  # type: ignore[arg-type]
