"""Equal calls share one, and with a store the results are kept."""

import asyncio
import functools
import gc
import inspect
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from llm_composition_patterns import (
    MemoryCache,
    ModelUnavailable,
    Usage,
    chain,
    in_threads,
    micro_batched,
    parallelize,
    track,
    with_cache,
    with_fallback,
    with_retry,
    with_timeout,
)
from llm_composition_patterns.runs import settle
from llm_composition_patterns.steps._cache_key import CallKey
from llm_composition_patterns.steps._same import is_same
from llm_composition_patterns.testing import record_spans, run_in_virtual_time
from llm_composition_patterns.tracing import names, span

T = TypeVar("T")

CALLS: list[Any] = []


@pytest.fixture(autouse=True)
def no_calls_yet():
    CALLS.clear()


async def double(number: int, *, by: int = 2) -> int:
    """Multiply."""
    CALLS.append(number)
    await asyncio.sleep(1)
    return number * by


def now():
    return asyncio.get_running_loop().time()


def only_me():
    return asyncio.all_tasks() == {asyncio.current_task()}


# --- sharing


async def test_equal_concurrent_calls_share_one():
    """The step runs once for each different input."""
    assert await parallelize(with_cache(double), [1, 2, 1, 2, 1]) == [2, 4, 2, 4, 2]
    assert CALLS == [1, 2]
    assert now() == 1.0


async def test_calls_are_equal_however_the_arguments_are_given():
    """By place, by name or by default."""
    cached = with_cache(double)
    assert await asyncio.gather(cached(1), cached(number=1), cached(1, by=2), cached(1, by=3)) == [2, 2, 2, 3]
    assert CALLS == [1, 1]


async def test_without_a_store_nothing_is_kept():
    """A later call runs the step again."""
    cached = with_cache(double)
    assert [await cached(1), await cached(1)] == [2, 2]
    assert CALLS == [1, 1]


async def test_callers_share_the_very_result():
    """It is the same object for all of them."""

    async def make(_: int) -> list[int]:
        return [1]

    first, second = await parallelize(with_cache(make), [0, 0])
    assert first is second


async def test_a_key_says_what_is_equal():
    """It is given the arguments, and takes their place."""
    cached = with_cache(double, key=lambda number: number % 3)
    assert await asyncio.gather(*map(cached, range(6))) == [0, 2, 4, 0, 2, 4]


async def test_an_exception_goes_to_all_who_wait_and_is_not_kept():
    """The next call tries again."""

    async def fail(number: int) -> int:
        CALLS.append(number)
        await asyncio.sleep(1)
        if len(CALLS) == 1:
            raise ValueError("no")
        return number

    cached = with_cache(fail, store=MemoryCache(), key=lambda number: number)
    results = await asyncio.gather(cached(1), cached(1), return_exceptions=True)
    assert [str(result) for result in results] == ["no", "no"]
    assert await cached(1) == 1
    assert CALLS == [1, 1]


async def test_each_caller_of_a_shared_call_has_an_exception_of_its_own():
    """With the original as its cause; a caller alone is given the original."""
    original = ValueError("no")

    async def fail(_: int) -> None:
        await asyncio.sleep(1)
        raise original

    cached = with_cache(fail)
    first, second = await asyncio.gather(cached(1), cached(1), return_exceptions=True)
    assert first is not second
    assert (first.__cause__, second.__cause__) == (original, original)
    with pytest.raises(ValueError, match="no") as caught:
        await cached(1)
    assert caught.value is original


async def test_a_cancelled_caller_leaves_the_others_alone():
    """Also if it was the first one."""
    cached = with_cache(double)
    gone, stays = asyncio.create_task(cached(1)), asyncio.create_task(cached(1))
    await asyncio.sleep(0.5)
    gone.cancel()
    assert await stays == 2
    assert gone.cancelled()
    assert CALLS == [1]


async def test_a_call_that_nobody_waits_for_is_cancelled():
    """The last caller waits until it has really ended; a new call in the meantime begins anew."""
    ended = []

    async def slow(number: int) -> int:
        CALLS.append(number)
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(2)
            ended.append(now())
        return number

    cached = with_cache(slow)
    callers = [asyncio.create_task(cached(1)) for _ in range(2)]
    await asyncio.sleep(1)
    for caller in callers:
        caller.cancel()
    await asyncio.sleep(1)
    anew = asyncio.create_task(cached(1))
    await asyncio.wait(callers)
    assert ended == [3.0]
    assert await anew == 1
    assert CALLS == [1, 1]
    assert only_me()


async def test_a_caller_that_is_cancelled_twice_waits_all_the_same():
    """The call is told again, and nothing is left behind."""

    async def slow(_: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(10)

    caller = asyncio.create_task(with_cache(slow)(1))
    for _ in range(2):
        await asyncio.sleep(1)
        caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert now() == 2.0
    assert only_me()


async def test_an_error_after_the_last_caller_left_is_not_reported_as_forgotten():
    """A call that fails while it is cancelled has nobody to tell."""

    async def sulk(_: int) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ValueError("sulks") from None

    caller = asyncio.create_task(with_cache(sulk)(1))
    await asyncio.sleep(1)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_a_call_cancelled_from_within_cancels_its_callers():
    """As the step without a cache does."""

    async def stop(_: int) -> None:
        raise asyncio.CancelledError

    outcomes = await parallelize(with_cache(stop), [1, 1], on_error="collect")
    assert [outcome.kind for outcome in outcomes] == ["cancelled", "cancelled"]


async def test_a_shared_call_belongs_to_its_first_caller():
    """Its spans and its usage; the others' spans say that they shared."""

    async def spend(number: int) -> int:
        settle(Usage(calls=1))
        with span("inside"):
            await asyncio.sleep(1)
        return number

    cached = with_cache(spend)

    async def call(name):
        async with track(name) as tracked:
            await cached(1)
        return tracked.usage.calls

    with record_spans() as spans:
        assert await asyncio.gather(call("first"), call("second")) == [1, 0]
    assert spans.tree() == [("first", [("inside", [])]), ("second", [])]
    assert spans.one("first").events == ()
    (event,) = spans.one("second").events
    assert (event.name, dict(event.attributes)) == (
        names.CACHE_ANSWERED,
        {names.STEP: "spend", names.CACHED: "shared"},
    )


def test_a_cached_step_on_several_loops():
    """One after the other, also where the loop before ended in the middle of a call."""
    cached = with_cache(double)

    async def leave():
        left = asyncio.create_task(cached(1))
        await asyncio.sleep(0.5)
        return left

    assert run_in_virtual_time(leave()).cancelled()
    assert run_in_virtual_time(cached(1)) == 2
    assert CALLS == [1, 1]


CALLERS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 6), st.none() | st.integers(0, 10)).map(
        lambda one: (one[0], one[1] / 2, None if one[2] is None else one[2] / 2)
    ),
    max_size=10,
)


@given(CALLERS, st.integers(0, 3), st.booleans())
def test_whoever_is_cancelled_whenever_the_others_get_their_results_and_nothing_is_left(callers, seconds, kept):
    """Each caller ends with the right result or its own cancellation; equal calls never run side by side."""
    running: list[int] = []

    async def work(number: int) -> int:
        assert number not in running
        running.append(number)
        try:
            await asyncio.sleep(seconds)
        finally:
            running.remove(number)
        return 2 * number

    cached = with_cache(work, key=lambda number: number, store=MemoryCache() if kept else None)

    async def call(number, at):
        await asyncio.sleep(at)
        return await cached(number)

    async def play():
        loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(call(number, at)) for number, at, _ in callers]
        for task, (_, _, cancelled_at) in zip(tasks, callers, strict=True):
            if cancelled_at is not None:
                loop.call_at(cancelled_at, task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert only_me()
        return [None if task.cancelled() else task.result() for task in tasks]

    for result, (number, _, cancelled_at) in zip(run_in_virtual_time(play()), callers, strict=True):
        assert result == 2 * number or (result is None and cancelled_at is not None)


# --- keeping


async def test_a_store_keeps_the_results():
    """Another wrapper of the same step finds them, and the span says so."""
    store = MemoryCache()
    assert await with_cache(double, store=store)(1) == 2
    with record_spans() as spans, span("around"):
        assert await with_cache(double, store=store)(1) == 2
    assert CALLS == [1]
    (event,) = spans.one("around").events
    assert dict(event.attributes) == {names.STEP: "double", names.CACHED: "kept"}


async def test_another_step_has_other_results():
    """The step's qualified name is in the key."""

    async def triple(number: int, *, by: int = 2) -> int:
        return number * 3

    store = MemoryCache()
    assert [await with_cache(step, store=store)(1) for step in (double, triple)] == [2, 3]


async def test_what_partials_bring_is_in_the_key():
    """Also where the partial is wrapped again."""
    store = MemoryCache()
    wrapped = with_retry(functools.partial(double, by=3), on=OSError)
    for step, expected in [(double, 2), (functools.partial(double, by=3), 3), (wrapped, 3)]:
        assert await with_cache(step, store=store)(1) == expected
    assert CALLS == [1, 1]


@dataclass
class Translator:
    language: str

    async def translate(self, text: str) -> str:
        CALLS.append(text)
        return f"{text} {self.language}"


class Connected:
    async def ask(self, text: str) -> str:
        CALLS.append(text)
        return text

    async def __call__(self, text: str) -> str:
        return text


async def test_the_object_of_a_method_is_in_the_key():
    """Two translators have results of their own, and equal ones the same."""
    store = MemoryCache()
    steps = [with_cache(Translator(language).translate, store=store) for language in ("es", "de", "es")]
    assert [await step("a") for step in steps] == ["a es", "a de", "a es"]
    assert CALLS == ["a", "a"]


@pytest.mark.parametrize("step", [Connected().ask, Connected(), in_threads(random.Random(0).random)])
def test_an_object_that_no_key_can_tell_is_refused_when_built(step):
    """With a store; a key of the caller's own mends it, and without a store there is nothing to confuse."""
    with pytest.raises(TypeError, match=r"belongs to an object, and .*, key=...\)") as caught:
        with_cache(step, store=MemoryCache())
    assert "\n" not in str(caught.value)
    with_cache(step, store=MemoryCache(), key=lambda text: text)
    with_cache(step)


async def test_without_a_store_an_object_needs_no_form():
    """The wrapper is that of one object anyway."""
    assert await parallelize(with_cache(Connected().ask), ["a", "a"]) == ["a", "a"]
    assert CALLS == ["a"]


def test_what_a_step_closes_over_is_refused_when_built():
    """With a store, two closures of one name would be taken for each other."""

    def translator(language):
        async def translate(text: str) -> str:
            return f"{text} {language}"

        return translate

    with pytest.raises(TypeError, match="what translate answers depends on language, which its name does not tell"):
        with_cache(translator("es"), store=MemoryCache())
    with pytest.raises(TypeError, match="depends on"):
        with_cache(chain(double, double), store=MemoryCache())
    with_cache(translator("es"), store=MemoryCache(), key=lambda text: ("es", text))
    with_cache(translator("es"))


async def test_wrappers_of_a_step_are_looked_through():
    """A cached step with a timeout and retries has the results of the step itself."""
    store = MemoryCache()
    assert await with_cache(with_timeout(with_retry(double, on=OSError), 5), store=store)(1) == 2
    assert await with_cache(double, store=store)(1) == 2
    assert CALLS == [1]


DOWN = []


async def good(text: str) -> str:
    if DOWN:
        raise ModelUnavailable("down")
    return f"good {text}"


async def poor(text: str) -> str:
    return f"poor {text}"


async def test_a_step_with_a_fallback_has_results_of_its_own():
    """What another step answered in its place is not the step's; the same steps in the same order share."""
    store = MemoryCache()
    with_poor = with_cache(with_fallback(good, poor), store=store)
    DOWN.append(True)
    assert await with_poor("a") == "poor a"
    DOWN.clear()
    assert [await with_cache(step, store=store)("a") for step in (good, poor)] == ["good a", "poor a"]
    assert await with_cache(with_fallback(good, poor), store=store)("a") == "poor a"
    assert await with_cache(with_fallback(good, poor, on=ValueError), store=store)("a") == "good a"


async def test_with_a_key_a_step_with_a_fallback_has_results_of_its_own_as_well():
    """The key takes the place of the arguments, not of the step."""
    store = MemoryCache()
    DOWN.append(True)
    assert await with_cache(with_fallback(good, poor), store=store, key=str)("a") == "poor a"
    DOWN.clear()
    assert await with_cache(good, store=store, key=str)("a") == "good a"


def prompted(prompt):
    def decorate(step):
        @functools.wraps(step)
        async def ask(text: str) -> str:
            return await step(prompt + text)

        return ask

    return decorate


@functools.wraps(good)
async def better(text: str) -> str:
    return await good(f"very {text}")


def test_a_decorator_that_holds_on_to_something_is_refused():
    """It bears the name of what is inside, and does something else; also inside our own wrappers."""
    for step in (
        prompted("A")(poor),
        with_retry(prompted("A")(poor), on=OSError),
        prompted("A")(with_retry(poor, on=OSError)),
    ):
        with pytest.raises(TypeError, match="what poor answers depends on prompt, step"):
            with_cache(step, store=MemoryCache())


async def test_a_decorated_step_is_not_the_one_inside():
    """Where it is written counts, not the name that it took over."""
    store = MemoryCache()
    assert [await with_cache(step, store=store)("a") for step in (good, better)] == ["good a", "good very a"]


async def test_the_arguments_are_those_of_the_outermost_decorator():
    """One that gives the step an argument of its own takes fewer."""

    def inject(first):
        def decorate(step):
            @functools.wraps(step)
            async def run(second: str) -> str:
                return await step(first, second)

            return run

        return decorate

    async def joined(first: str, second: str) -> str:
        return first + second

    assert await with_cache(inject("a")(joined))("b") == "ab"


def test_a_lambda_is_refused_when_built():
    """Two of them in one place have one name; a key mends it."""
    for step in (lambda text: good(text + text), with_fallback(good, lambda text: poor(text + text))):
        with pytest.raises(TypeError, match="step is a lambda, which has no name that tells it from others"):
            with_cache(step, store=MemoryCache())
        with_cache(step, store=MemoryCache(), key=str)


def with_prompt(prompt):
    async def ask(text: str, prompt: str = prompt) -> str:
        return prompt + text

    return ask


async def test_defaults_tell_steps_apart_at_every_layer():
    """Of the step itself, of one inside a partial, and of a fallback."""
    for around in (
        with_timeout_of_5,
        functools.partial,
        lambda step: functools.partial(with_timeout_of_5(step)),
        instead,
    ):
        store = MemoryCache()
        steps = [with_cache(around(with_prompt(prompt)), store=store) for prompt in "AB"]
        assert [await step("a") for step in steps] == ["Aa", "Ba"]


def with_timeout_of_5(step):
    return with_timeout(step, 5)


def instead(step):
    async def fails(text: str) -> str:
        raise ModelUnavailable(text)

    return with_fallback(fails, step)


async def test_the_key_of_an_inner_cache_is_part_of_the_step():
    """It may have taken two calls for the same."""
    store = MemoryCache()
    inner = with_cache(poor, key=first_letter)
    both = with_cache(inner, store=store)
    assert await asyncio.gather(both("ab"), both("ac")) == ["poor ab", "poor ab"]
    assert await with_cache(poor, store=store)("ac") == "poor ac"


def first_letter(text):
    return text[0]


async def test_a_class_is_told_by_its_name():
    """Where it is what makes the awaitable."""

    class Later:
        def __init__(self, text: str) -> None:
            self._text = text

        def __await__(self):
            return poor(self._text).__await__()

    store = MemoryCache()
    assert [await with_cache(step, store=store)("a") for step in (Later, poor, Later)] == ["poor a"] * 3
    assert len(store) == 2


async def test_with_a_key_a_partial_has_the_name_of_its_function():
    """The key says what the partial brings, if that matters."""
    store = MemoryCache()
    steps = [functools.partial(double, by=2), functools.partial(double, by=3), double]
    assert [await with_cache(step, store=store, key=str)(1) for step in steps] == [2, 2, 2]


def length_of(text: str) -> int:
    return len(text)


async def lengths(texts: Sequence[str]) -> Sequence[int]:
    CALLS.append(texts)
    return [len(text) for text in texts]


async def test_micro_batches_are_kept():
    """The function behind them is what tells the step."""
    store = MemoryCache()
    for _ in range(2):
        assert await with_cache(micro_batched(lengths, max_size=5, max_wait=0.0), store=store)("abc") == 3
    assert CALLS == [["abc"]]


def test_threads_are_told_by_the_function_that_they_run():
    """And by what builds their resource."""

    def place(step):
        return CallKey(step, None, kept=True)(("a",), {})

    assert place(in_threads(length_of)) == place(in_threads(length_of, workers=2))
    assert place(in_threads(length_of)) != place(length_of)
    assert place(in_threads(str.count, resource=length_of)) != place(in_threads(str.count, resource=first_letter))


class Details(BaseModel):
    name: str
    price: Decimal


class Special(Details):
    offer: int = 0


class Color(Enum):
    RED = "red"


async def details(name: str) -> Details:
    CALLS.append(name)
    return Details(name=name, price=Decimal("1.50"))


async def colors(_: str) -> tuple[Color, ...]:
    CALLS.append(_)
    return (Color.RED, Color.RED)


async def nothing(_: str) -> None:
    CALLS.append(_)


async def plain(_):
    CALLS.append(_)
    return {"a": [1, 2.5, None, True, "x"]}


async def price(_: str) -> float:
    CALLS.append(_)
    return 1


async def anything(_: str) -> Any:
    CALLS.append(_)
    return [1]


async def generic(_: Sequence[T]) -> Sequence[T]:
    CALLS.append(_)
    return list(_)


async def test_a_whole_number_is_kept_as_the_float_that_it_stands_for():
    """Type checkers take an int for a float, and so does the cache."""
    cached = with_cache(price, store=MemoryCache())
    assert [await cached("a"), await cached("a")] == [1, 1.0]
    assert CALLS == ["a"]


@pytest.mark.parametrize(
    ("step", "input"),
    [(details, "a"), (colors, "a"), (nothing, "a"), (plain, "a"), (anything, "a"), (generic, [1])],
)
async def test_what_is_kept_comes_back_as_it_was(step, input):
    """By the annotated type, or as plain JSON; None is a result like any other."""
    cached = with_cache(step, store=MemoryCache())
    first, second = await cached(input), await cached(input)
    assert second == first
    assert type(second) is type(first)
    assert [input] == CALLS


class Opaque:
    pass


async def pair(_):
    return (1, 2)


async def opaque(_: str) -> Opaque:
    return Opaque()


async def not_a_number(_):
    return float("nan")


async def promised(_: str) -> int:
    return "text"


async def special(_: str) -> Details:
    return Special(name="a", price=Decimal(1), offer=5)


@pytest.mark.parametrize("step", [pair, opaque, not_a_number, promised, special])
async def test_what_does_not_come_back_as_it_was_is_refused(step):
    """The caller is told, and nothing is kept."""
    store = MemoryCache()
    with pytest.raises(TypeError, match=f"{step.__name__} gave a .* cannot be kept: annotate") as caught:
        await with_cache(step, store=store)("a")
    assert "\n" not in str(caught.value)
    assert len(store) == 0


class Word(StrEnum):
    RED = "red"


async def words(_):
    return [Word.RED]


async def ones(_: str) -> list[int]:
    return [True]


async def numbers(_: str) -> list[float]:
    CALLS.append(_)
    return [1, 2.5]


@dataclass(frozen=True)
class Holder:
    held: Any


async def holder(_: str) -> Holder:
    return Holder(held=(Word.RED,))


class Loose(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    complex_one: complex = 1j
    anything: Any = None


async def loose(_: str) -> Loose:
    CALLS.append(_)
    return Loose(anything={"a": [1]})


async def loose_words(_: str) -> Loose:
    return Loose(anything=[Word.RED])


async def loose_keys(_: str) -> Loose:
    return Loose(anything={Word.RED: 1})


@pytest.mark.parametrize("step", [words, ones, holder, loose_words, loose_keys])
async def test_parts_of_another_type_are_not_what_they_were(step):
    """What is inside is compared as strictly as the whole: an enum is not its text, nor True the number 1."""
    with pytest.raises(TypeError, match="cannot be kept"):
        await with_cache(step, store=MemoryCache())("a")


@pytest.mark.parametrize("step", [numbers, loose])
async def test_parts_of_the_same_type_are_what_they_were(step):
    """A whole number inside stands for a float, too; a value without a canonical form is seen into."""
    cached = with_cache(step, store=MemoryCache())
    assert await cached("a") == await cached("a")
    assert CALLS == ["a"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({1j, 2}, {1j, 2}, True),
        ({1j, 2}, {1j, 2.0}, True),
        ({1j, 1}, {1j, True}, False),
        ({1: 1j}, {True: 1j}, False),
        ([1j, (1, 2)], [1j, (1, 2)], True),
        ([1j, (1, "red")], [1j, (1, Word.RED)], False),
        (range(3), range(3), True),
        (1j, 2j, False),
    ],
)
def test_values_without_a_form_are_compared_part_by_part(one, other, same):
    """By the types of what they hold."""
    assert is_same(one, other) is same


async def test_what_the_store_fails_to_keep_is_given_all_the_same(caplog):
    """It was paid for: a warning says so once, an event each time."""

    class Full(MemoryCache):
        async def put(self, _key: str, _text: str, /) -> None:
            raise OSError("disk full")

    cached = with_cache(double, store=Full())
    with record_spans() as spans, span("around"):
        assert [await cached(1), await cached(1)] == [2, 2]
    assert [(event.name, dict(event.attributes)) for event in spans.one("around").events] == [
        (names.CACHE_FAILED, {names.STEP: "double", names.ERROR: "OSError"})
    ] * 2
    (said,) = caplog.messages
    assert said.startswith("a result of double could not be kept, and may be paid for again: OSError: disk full")


async def test_a_failure_in_the_tick_in_which_the_last_caller_is_cancelled_is_not_reported_as_forgotten():
    """Somebody has looked at it."""
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["message"]))
    go_on = asyncio.Event()

    async def boom(_: int) -> None:
        await go_on.wait()
        raise ValueError("boom")

    caller = asyncio.create_task(with_cache(boom)(1))
    await asyncio.sleep(1)
    go_on.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait([caller])
    assert caller.cancelled()
    del caller
    gc.collect()
    assert reported == []


async def test_what_cannot_be_read_any_more_is_asked_for_again():
    """Whatever somebody else wrote, or an older version of the type."""

    class Other(MemoryCache):
        async def get(self, key: str, /) -> str | None:
            text = await super().get(key)
            return text and text.replace("price", "cost")

    cached = with_cache(details, store=Other())
    assert (await cached("a")).price == (await cached("a")).price
    assert CALLS == ["a", "a"]


async def test_an_error_of_the_store_is_raised():
    """A cache that does not work is no secret."""

    class Broken(MemoryCache):
        async def get(self, _key: str, /) -> str | None:
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        await with_cache(double, store=Broken())(1)


async def test_an_argument_without_a_form_needs_a_key():
    """The error says so in a line."""
    with pytest.raises(TypeError, match=r"Opaque has no canonical form: give with_cache\(double, key=...\)") as caught:
        await with_cache(double)(Opaque())
    assert "\n" not in str(caught.value)


async def test_a_key_must_have_a_form_itself():
    """The error says whose key it is."""
    with pytest.raises(TypeError, match=r"the key of double must be of plain types or made of them: .*Opaque has no"):
        await with_cache(double, key=lambda _: Opaque())(1)


async def test_wrong_arguments_are_refused_as_by_the_step():
    """Before anything runs."""
    with pytest.raises(TypeError, match="missing a required argument: 'number'"):
        await with_cache(double)()


async def test_a_step_without_a_signature_goes_by_what_it_is_given():
    """Where nothing is known of the arguments, their places and names count."""

    async def hidden(*args):
        CALLS.append(args)
        await asyncio.sleep(1)
        return args

    hidden.__signature__ = "unknown"
    cached = with_cache(hidden)
    assert await asyncio.gather(cached(1), cached(1), cached(2)) == [(1,), (1,), (2,)]
    assert CALLS == [(1,), (2,)]


def test_a_cached_step_keeps_its_name_and_signature():
    """It looks like the step that it wraps."""
    cached = with_cache(double)
    assert (cached.__name__, cached.__doc__) == ("double", "Multiply.")
    assert inspect.signature(cached) == inspect.signature(double)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"key": 5}, "key must be a plain function"),
        ({"key": double}, "key must be a plain function"),
        ({"store": {}}, "store must have the methods get and put"),
        ({"store": "cache.sqlite"}, "store must have the methods get and put"),
    ],
)
def test_cache_settings_are_checked_when_built(settings, match):
    """One line says what is wrong."""
    with pytest.raises(TypeError, match=match):
        with_cache(double, **settings)


def test_cache_takes_no_coroutine():
    """The repair is named."""
    with pytest.raises(TypeError, match="without calling it"):
        with_cache(double(1))


async def test_cache_refuses_a_plain_function():
    """A step that is not async is told how to become one."""
    with pytest.raises(TypeError, match=r"in_threads\(len\)"):
        await with_cache(len)("a")
