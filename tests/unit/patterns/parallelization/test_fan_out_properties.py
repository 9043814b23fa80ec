"""Whatever happens inside, a fan-out keeps its promises: random durations, endings, sources, nesting, moments."""

import asyncio
import heapq
from dataclasses import dataclass, field
from typing import Any

import pytest
from fan_out_steps import slowly
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import SpanProcessor
from span_recorder import Recorder

from llm_composition_patterns.outcome import Failure, Success
from llm_composition_patterns.patterns.parallelization import parallelize, stream_outcomes, together, vote
from llm_composition_patterns.runs import Account, current_account, settle
from llm_composition_patterns.usage import Usage
from llm_composition_patterns.virtual_time import run

CALL = Usage(calls=1)
EXAMPLES = settings(max_examples=60, deadline=None)


@dataclass(frozen=True)
class Leaf:
    """One branch to be: how long it takes, how it ends, and how long it cleans up when it is cancelled."""

    seconds: int
    ending: str
    cleanup: int = 0

    @property
    def kind(self):
        return {"return": "success", "raise": "error", "cancel": "cancelled", "swallow": "success"}[self.ending]


leaves = st.builds(
    Leaf,
    seconds=st.integers(0, 6),
    ending=st.sampled_from(["return", "return", "return", "raise", "cancel", "swallow"]),
    cleanup=st.sampled_from([0, 0, 2]),
)


class Failed(Exception):
    """What a leaf raises."""


@dataclass
class World:
    """What happened: who started, who ended, how many ran at once, how many calls were made."""

    started: list[Any] = field(default_factory=list)
    ended: list[Any] = field(default_factory=list)
    peak: int = 0
    calls: int = 0

    async def run(self, leaf):
        self.started.append(leaf)
        self.peak = max(self.peak, len(self.started) - len(self.ended))
        try:
            self.calls += 1
            settle(CALL)
            return await self._run(leaf)
        finally:
            self.ended.append(leaf)

    async def _run(self, leaf):
        try:
            if leaf.seconds:
                await asyncio.sleep(leaf.seconds)
        except asyncio.CancelledError:
            if leaf.cleanup:
                await asyncio.sleep(leaf.cleanup)
            if leaf.ending == "swallow":
                return leaf
            raise
        if leaf.ending == "raise":
            raise Failed(leaf)
        if leaf.ending == "cancel":
            asyncio.current_task().cancel()
            await asyncio.sleep(0)
        return leaf


def source_of(kind, inputs):
    """The inputs as a list, a generator, an async generator, or a Mapping."""
    if kind == "mapping":
        return {f"key {index}": input for index, input in enumerate(inputs)}
    return {"list": list, "generator": lambda inputs: (x for x in inputs), "async": slowly}[kind](inputs)


def expected(leaf, timeout):
    """The kind and the run time of a branch by itself."""
    if timeout is None or leaf.seconds < timeout:
        return leaf.kind, leaf.seconds
    return "success" if leaf.ending == "swallow" else "timeout", timeout + leaf.cleanup


def schedule(inputs, limit, timeout):
    """When each branch starts, if a free worker takes the next input."""
    free = [0.0] * limit
    for leaf in inputs:
        start = heapq.heappop(free)
        yield start
        heapq.heappush(free, start + expected(leaf, timeout)[1])


def kind_of(outcome):
    return outcome.kind if isinstance(outcome, Failure) else "success"


def told(outcomes):
    return [(o.index, o.input, kind_of(o), o.started, o.elapsed, o.attempts) for o in outcomes]


@EXAMPLES
@given(
    inputs=st.lists(leaves, max_size=12),
    limit=st.integers(1, 5),
    timeout=st.sampled_from([None, 1.5, 3.5]),
    kind=st.sampled_from(["list", "generator", "async", "mapping"]),
    streamed=st.sampled_from([None, False, True]),
)
def test_every_outcome_is_exactly_what_it_should_be(inputs, limit, timeout, kind, streamed):
    """Outcome i belongs to input i, with the kind, start and run time that a simple schedule predicts."""
    world, account = World(), Account(None)

    async def main():
        current_account.set(account)
        source = source_of(kind, inputs)
        if streamed is None:
            call = parallelize(world.run, source, max_concurrency=limit, timeout=timeout, on_error="collect")
            outcomes = await call
            return list(outcomes.values()) if kind == "mapping" else outcomes
        stream = stream_outcomes(world.run, source, max_concurrency=limit, timeout=timeout, ordered=streamed)
        async with stream as outcomes:
            return [outcome async for outcome in outcomes]

    outcomes = run(main())
    if streamed is not None and not streamed:
        outcomes.sort(key=lambda outcome: outcome.index)
    starts = schedule(inputs, limit, timeout)
    assert told(outcomes) == [
        (index, leaf, *((expected(leaf, timeout)[0]), start, expected(leaf, timeout)[1]), 1)
        for index, (leaf, start) in enumerate(zip(inputs, starts, strict=True))
    ]
    assert [outcome.value for outcome in outcomes if isinstance(outcome, Success)] == [
        outcome.input for outcome in outcomes if isinstance(outcome, Success)
    ]
    assert world.peak <= limit
    assert account.usage.calls == sum(outcome.attempts for outcome in outcomes) == len(inputs)


@EXAMPLES
@given(inputs=st.lists(leaves, max_size=10), limit=st.integers(1, 4), deadline=st.sampled_from([0.5, 2.5, 7.5]))
def test_a_deadline_accounts_for_every_input(inputs, limit, deadline):
    """What ended before it is what it was, the rest ran out of time, and nobody is missing."""
    world = World()
    outcomes = run(parallelize(world.run, inputs, max_concurrency=limit, deadline=deadline, on_error="collect"))
    assert [outcome.input for outcome in outcomes] == inputs
    for leaf, start, outcome in zip(inputs, schedule(inputs, limit, None), outcomes, strict=True):
        if start + leaf.seconds < deadline:
            assert kind_of(outcome) == leaf.kind
        elif start < deadline and leaf.ending == "swallow":
            assert kind_of(outcome) == "success"
        else:
            assert kind_of(outcome) == "deadline"
    assert len(world.started) == len(world.ended)


@EXAMPLES
@given(inputs=st.lists(leaves, min_size=1, max_size=10), limit=st.integers(1, 4))
def test_raise_raises_the_first_failure_in_time(inputs, limit):
    """Every branch that started has ended then, and has its outcome."""
    world = World()

    async def main():
        return await parallelize(world.run, inputs, max_concurrency=limit)

    failing = [
        start + leaf.seconds
        for leaf, start in zip(inputs, schedule(inputs, limit, None), strict=True)
        if leaf.kind != "success"
    ]
    if not failing:
        assert run(main()) == inputs
        return
    with pytest.raises((Failed, asyncio.CancelledError)) as caught:
        run(main())
    outcomes = caught.value.outcomes
    assert [outcome.input for outcome in outcomes] == inputs[: len(outcomes)]
    assert len(outcomes) == len(world.started) == len(world.ended)
    (first,) = [outcome for outcome in outcomes if isinstance(outcome, Failure) and outcome.error is caught.value]
    assert first.started + first.elapsed == min(failing)


# --- trees


@dataclass(frozen=True)
class Tree:
    """A fan-out over parts, which are leaves or fan-outs."""

    verb: str
    parts: tuple[Any, ...]
    limit: int
    timeout: float | None = None
    on_error: str = "collect"


def tree_of(parts):
    return st.builds(
        Tree,
        verb=st.sampled_from(["parallelize", "stream", "together", "vote", "generator", "async"]),
        parts=st.lists(parts, max_size=4).map(tuple),
        limit=st.integers(1, 4),
        timeout=st.sampled_from([None, None, 2.5, 9.5]),
        on_error=st.sampled_from(["collect", "raise"]),
    )


trees = tree_of(leaves | tree_of(leaves | tree_of(leaves)))


async def grow(tree, world):
    """Run a tree of fan-outs; values of its leaves, in its shape."""
    if isinstance(tree, Leaf):
        return await world.run(tree)

    async def step(part):
        return await grow(part, world)

    common = {"max_concurrency": tree.limit, "timeout": tree.timeout}
    if tree.verb == "stream":
        async with stream_outcomes(step, tree.parts, **common, ordered=True) as outcomes:
            return [outcome async for outcome in outcomes]
    if tree.verb == "together":
        sections = [step(part) for part in tree.parts]
        return list(await together(*sections, timeout=tree.timeout, on_error=tree.on_error))
    if tree.verb == "vote" and tree.parts:
        return [(await vote(step, tree.parts[0], n=len(tree.parts))).winner]
    kind = tree.verb if tree.verb in {"generator", "async"} else "list"
    return await parallelize(step, source_of(kind, tree.parts), **common, on_error=tree.on_error)


async def leave_nothing(running, cancel_at, world):
    """Run it, cancel it at these moments, and look at what is left."""
    before = asyncio.all_tasks()
    task = asyncio.ensure_future(running)
    for moment in cancel_at:
        asyncio.get_running_loop().call_at(moment, task.cancel)
    await asyncio.wait([task])
    assert asyncio.all_tasks() == before
    assert len(world.started) == len(world.ended)
    return task


@settings(max_examples=150, deadline=None)
@given(tree=trees, cancel_at=st.lists(st.integers(0, 12).map(lambda n: n / 2), max_size=2))
def test_nothing_is_left_whatever_happens_and_whenever(tree, cancel_at):
    """No task, no branch, no clock: after a return, a failure or a cancellation at a random moment."""
    world, account = World(), Account(None)

    async def main():
        current_account.set(account)
        branch = await parallelize(inside, [0], on_error="collect")
        assert isinstance(branch[0], Success), branch

    async def inside(_):
        await leave_nothing(grow(tree, world), cancel_at, world)
        around = current_account.get()
        assert (around._waiting, around._working) == (0, 0)

    run(main())
    assert account.usage.calls == world.calls


@EXAMPLES
@given(tree=trees, cancel_at=st.lists(st.integers(0, 12).map(lambda n: n / 2), max_size=1))
def test_every_span_ends_before_the_one_around_it(tree, cancel_at):
    """And every branch that started has one."""
    recorder, world = Recorder(), World()
    opened = []

    class Opened(SpanProcessor):
        def on_start(self, span, **_):
            opened.append(span)

    recorder.tracer.span_processor.add_span_processor(Opened())
    run(leave_nothing(grow(tree, world), cancel_at, world))
    ended = [span.context.span_id for span in recorder.spans()]
    assert sorted(ended) == sorted(span.context.span_id for span in opened)
    place = {span_id: index for index, span_id in enumerate(ended)}
    assert all(place[span.context.span_id] < place[span.parent.span_id] for span in recorder.spans() if span.parent)


def plain(tree):
    """The plain Python that a tree stands for, where no time matters: a value, or None where something fails."""
    if isinstance(tree, Leaf):
        return tree if tree.kind == "success" else None
    parts = [plain(part) for part in tree.parts]
    if tree.verb == "vote" and parts:
        return None if parts[0] is None else [parts[0]]
    if tree.verb == "stream" or tree.on_error == "collect":
        return parts
    return None if None in parts else parts


def bare(result):
    """Values only, in their shape; None for a failure."""
    if isinstance(result, Success):
        return bare(result.value)
    if isinstance(result, Failure):
        return None
    return [bare(part) for part in result] if isinstance(result, list) else result


def without_timeouts(tree):
    if isinstance(tree, Leaf):
        return tree
    return Tree(tree.verb, tuple(without_timeouts(part) for part in tree.parts), tree.limit, None, tree.on_error)


@settings(max_examples=150, deadline=None)
@given(tree=trees.map(without_timeouts))
def test_a_composition_gives_what_plain_python_would(tree):
    """Fan-outs in fan-outs in fan-outs: values in their places, failures in theirs."""
    world = World()

    async def main():
        try:
            return bare(await grow(tree, world))
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 - any failure stands for None
            return None

    assert run(main()) == plain(tree)


@EXAMPLES
@given(tree=trees)
def test_a_run_can_be_repeated_exactly(tree):
    """In virtual time, the same tree gives the same outcomes at the same times, to the last digit."""

    async def main():
        (outcome,) = await parallelize(lambda tree: grow(tree, World()), [tree], on_error="collect")
        return shape(outcome)

    assert run(main()) == run(main())


def shape(result):
    if isinstance(result, Success):
        return result.index, result.started, result.elapsed, shape(result.value)
    if isinstance(result, Failure):
        return result.index, result.started, result.elapsed, result.kind, type(result.error)
    return [shape(part) for part in result] if isinstance(result, list) else result
