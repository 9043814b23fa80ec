"""Random compositions give what the plain Python that they stand for gives, in a span tree of the same shape.

A composition is an expression over whole numbers. Each kind of node knows three things: the step that the package makes
of it, what plain Python would compute, and which spans that should leave.
"""

import asyncio
from abc import ABC, abstractmethod
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from llm_composition_patterns import (
    MemoryCache,
    NoQuorum,
    chain,
    gate,
    micro_batched,
    orchestrate,
    parallelize,
    refine,
    route,
    together,
    vote,
    with_cache,
    with_fallback,
    with_retry,
    with_timeout,
)
from llm_composition_patterns.testing import record_spans, run_in_virtual_time

MOST = 1009  # numbers stay below it


class Oops(Exception):
    """What the steps here raise."""


class Expression(ABC):
    """One node. `shares` says whether equal calls may be answered together, which leaves fewer spans."""

    @abstractmethod
    def step(self, *, shares): ...

    @abstractmethod
    def plain(self, x): ...

    @abstractmethod
    def spans(self, x): ...


@dataclass(frozen=True)
class Leaf(Expression):
    """A function of a number that takes its time."""

    factor: int
    offset: int
    seconds: int

    def step(self, *, shares):  # noqa: ARG002
        async def leaf(x):
            if self.seconds:
                await asyncio.sleep(self.seconds)
            return self.plain(x)

        return leaf

    def plain(self, x):
        return (self.factor * x + self.offset) % MOST

    def spans(self, x):  # noqa: ARG002
        return []


@dataclass(frozen=True)
class Refusing(Leaf):
    """A leaf that some numbers make fail."""

    modulus: int = 2

    def plain(self, x):
        if x % self.modulus == 0:
            raise Oops
        return super().plain(x)


@dataclass(frozen=True)
class Chained(Expression):
    """`chain`, with a gate in front where there is a modulus."""

    parts: list[Expression]
    modulus: int | None

    def step(self, *, shares):
        steps = [part.step(shares=shares) for part in self.parts]
        if self.modulus is None:
            return chain(*steps, name="chain")
        return chain(gate(self._passes), *steps, name="chain", otherwise=lambda refused: refused.input + 1)

    def _passes(self, x):
        return self.modulus is None or x % self.modulus != 0

    def plain(self, x):
        if not self._passes(x):
            return x + 1
        for part in self.parts:
            x = part.plain(x)
        return x

    def spans(self, x):
        inside = []
        for part in self.parts if self._passes(x) else []:
            inside += part.spans(x)
            x = part.plain(x)
        return [("chain", inside)]


@dataclass(frozen=True)
class Routed(Expression):
    """`route` by the remainder; what is left goes to the default."""

    handlers: list[Expression]
    default: Expression

    def step(self, *, shares):
        handlers = {place: handler.step(shares=shares) for place, handler in enumerate(self.handlers)}
        return route(self._place, handlers, default=self.default.step(shares=shares), name="route")

    def _place(self, x):
        return x % (len(self.handlers) + 1)

    def _handler(self, x):
        return [*self.handlers, self.default][self._place(x)]

    def plain(self, x):
        return self._handler(x).plain(x)

    def spans(self, x):
        return [("route", self._handler(x).spans(x))]


@dataclass(frozen=True)
class FannedOut(Expression):
    """`parallelize` over some numbers, two or all at a time."""

    part: Expression
    width: int
    most: int

    def step(self, *, shares):
        step = self.part.step(shares=shares)

        async def fan_out(x):
            return sum(
                await parallelize(
                    step, self._inputs(x), name="fan-out", branch_name="branch", max_concurrency=self.most
                )
            )

        return fan_out

    def _inputs(self, x):
        return [x + place for place in range(self.width)]

    def plain(self, x):
        return sum(map(self.part.plain, self._inputs(x)))

    def spans(self, x):
        return [("fan-out", [("branch", self.part.spans(one)) for one in self._inputs(x)])]


@dataclass(frozen=True)
class Sectioned(Expression):
    """`together`."""

    one: Expression
    other: Expression

    def step(self, *, shares):
        one, other = self.one.step(shares=shares), self.other.step(shares=shares)

        async def sections(x):
            return sum(await together(one(x), other(x), name="together", names=["one", "other"]))

        return sections

    def plain(self, x):
        return self.one.plain(x) + self.other.plain(x)

    def spans(self, x):
        return [("together", [("one", self.one.spans(x)), ("other", self.other.spans(x))])]


@dataclass(frozen=True)
class Voted(Expression):
    """`vote`: every ballot says the same."""

    part: Expression

    def step(self, *, shares):
        step = self.part.step(shares=shares)

        async def ballot(x):
            return await step(x)

        async def voting(x):
            try:
                return (await vote(ballot, x, n=2, name="vote")).winner
            except NoQuorum:
                raise Oops from None

        return voting

    def plain(self, x):
        return self.part.plain(x)

    def spans(self, x):
        return [("vote", [("ballot", self.part.spans(x))] * 2)]


@dataclass(frozen=True)
class Orchestrated(Expression):
    """`orchestrate` with as many subtasks as the input says."""

    part: Expression
    modulus: int

    def step(self, *, shares):
        step = self.part.step(shares=shares)

        async def work(x):
            return await step(x)

        def synthesize(x, outcomes):
            return x + sum(outcome.value for outcome in outcomes)

        return orchestrate(self._plan, work, synthesize=synthesize, max_subtasks=self.modulus, name="orchestrate")

    def _plan(self, x):
        return [x + place for place in range(x % self.modulus)]

    def plain(self, x):
        return x + sum(map(self.part.plain, self._plan(x)))

    def spans(self, x):
        branches = [("work", self.part.spans(subtask)) for subtask in self._plan(x)]
        return [("orchestrate", [("parallelize work", branches)] if branches else [])]


@dataclass(frozen=True)
class Opinion:
    """A verdict."""

    score: int
    feedback: str = ""

    @property
    def accepted(self):
        return self.score % 3 == 0


@dataclass(frozen=True)
class Refining(Expression):
    """`refine`: each round begins where the one before ended."""

    part: Expression
    rounds: int

    def step(self, *, shares):
        step = self.part.step(shares=shares)

        async def write(x, before):
            return await step(x if before is None else before.value + 1)

        async def value_of(refined):
            return refined.value

        def judge(_, value):
            return Opinion(value)

        refining = refine(write, judge, max_rounds=self.rounds, name="refine")

        async def refined(x):
            return (await refining(x)).value

        return refined

    def _inputs_and_values(self, x):
        for _ in range(self.rounds):
            value = self.part.plain(x)
            yield x, value
            if Opinion(value).accepted:
                return
            x = value + 1

    def plain(self, x):
        values = [value for _, value in self._inputs_and_values(x)]
        return values[-1] if Opinion(values[-1]).accepted else max(values)

    def spans(self, x):
        inside = []
        for given_to_it, _ in self._inputs_and_values(x):
            inside += [*self.part.spans(given_to_it), ("judge", [])]
        return [("refine", inside)]


@dataclass(frozen=True)
class Wrapper(Expression):
    """What computes and leaves the same as its part."""

    part: Expression

    def plain(self, x):
        return self.part.plain(x)

    def spans(self, x):
        return self.part.spans(x)


@dataclass(frozen=True)
class Retried(Wrapper):
    """`with_retry` around a step that fails at every other attempt before it does anything."""

    failed: ContextVar = field(default_factory=lambda: ContextVar("failed", default=False), compare=False, repr=False)

    def step(self, *, shares):
        step = self.part.step(shares=shares)

        async def flaky(x):
            self.failed.set(not self.failed.get())
            if self.failed.get():
                raise Oops
            return await step(x)

        return with_retry(flaky, on=Oops, attempts=2, backoff=1)


@dataclass(frozen=True)
class Timed(Wrapper):
    """`with_timeout` that never runs out."""

    def step(self, *, shares):
        return with_timeout(self.part.step(shares=shares), 1e6)


@dataclass(frozen=True)
class Cached(Wrapper):
    """`with_cache`; where nothing may be shared, no two calls are equal."""

    kept: bool

    def step(self, *, shares):
        number = count()
        store = MemoryCache() if self.kept else None
        key = (lambda x: x) if shares else (lambda _: next(number))
        return with_cache(self.part.step(shares=shares), key=key, store=store)


@dataclass(frozen=True)
class Batched(Wrapper):
    """`micro_batched`; where nothing may be shared, one call a batch."""

    def step(self, *, shares):
        step = self.part.step(shares=shares)

        async def many(numbers):
            return [await step(x) for x in numbers]

        return micro_batched(many, max_size=4 if shares else 1, max_wait=1)


@dataclass(frozen=True)
class FallenBack(Expression):
    """`with_fallback` for the numbers that the first step refuses before it does anything."""

    first: Expression
    second: Expression
    modulus: int

    def step(self, *, shares):
        first = self.first.step(shares=shares)

        async def refusing(x):
            if x % self.modulus == 0:
                raise Oops
            return await first(x)

        return with_fallback(refusing, self.second.step(shares=shares), on=Oops)

    def plain(self, x):
        if x % self.modulus:
            try:
                return self.first.plain(x)
            except Oops:
                pass
        return self.second.plain(x)

    def spans(self, x):
        return (self.first if x % self.modulus else self.second).spans(x)


def larger(parts):
    """Every kind of node over these parts."""
    moduli = st.integers(2, 4)
    return st.one_of(
        st.builds(Chained, st.lists(parts, min_size=2, max_size=3), st.none() | moduli),
        st.builds(Routed, st.lists(parts, min_size=1, max_size=2), parts),
        st.builds(FannedOut, parts, st.integers(0, 3), st.sampled_from([2, 256])),
        st.builds(Sectioned, parts, parts),
        st.builds(Voted, parts),
        st.builds(Orchestrated, parts, moduli),
        st.builds(Refining, parts, st.integers(1, 3)),
        st.builds(Retried, parts),
        st.builds(Timed, parts),
        st.builds(Cached, parts, st.booleans()),
        st.builds(Batched, parts),
        st.builds(FallenBack, parts, parts, moduli),
    )


LEAVES = st.builds(Leaf, st.integers(0, 5), st.integers(0, 9), st.integers(0, 2))
REFUSING = st.builds(Refusing, st.integers(0, 5), st.integers(0, 9), st.integers(0, 2), st.integers(2, 5))
NUMBERS = st.integers(0, 50)


def run(expression, x, *, shares):
    """Run a composition to its end, and see that nothing is left of it."""

    async def alone():
        try:
            return await expression.step(shares=shares)(x)
        finally:
            assert asyncio.all_tasks() == {asyncio.current_task()}

    return run_in_virtual_time(alone())


@settings(max_examples=200)
@given(st.recursive(LEAVES, larger, max_leaves=8), NUMBERS)
def test_a_composition_computes_what_it_stands_for(expression, x):
    """Whatever is nested in whatever."""
    assert run(expression, x, shares=True) == expression.plain(x)


@settings(max_examples=200)
@given(st.recursive(LEAVES, larger, max_leaves=8), NUMBERS)
def test_a_composition_leaves_spans_of_its_own_shape(expression, x):
    """A span for each pattern, fan-out, branch and evaluation, and none for wrappers and gates."""
    with record_spans() as spans:
        run(expression, x, shares=False)
    assert spans.unfinished == 0
    assert spans.tree() == expression.spans(x)


@settings(max_examples=200)
@given(st.recursive(LEAVES | REFUSING, larger, max_leaves=8), NUMBERS)
def test_a_composition_fails_where_what_it_stands_for_does(expression, x):
    """With the same class of exception, and nothing is left running."""
    try:
        expected = expression.plain(x)
    except Oops:
        expected = Oops
    try:
        computed = run(expression, x, shares=True)
    except Oops:
        computed = Oops
    assert computed == expected


@given(st.data())
def test_a_composition_that_is_cancelled_leaves_nothing(data):
    """At any moment; it ends with its result, its error or its cancellation."""
    expression = data.draw(st.recursive(LEAVES | REFUSING, larger, max_leaves=8))
    x, at = data.draw(NUMBERS), data.draw(st.integers(0, 12)) / 4

    async def cut_short():
        task = asyncio.create_task(expression.step(shares=True)(x))
        asyncio.get_running_loop().call_later(at, task.cancel)
        await asyncio.wait([task])
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return task.cancelled() or task.exception()

    with record_spans() as spans:
        ended = run_in_virtual_time(cut_short())
    assert ended in (True, None) or isinstance(ended, Oops)
    assert spans.unfinished == 0
