"""`parallelize`: results belong to their inputs, and what is no step or no source is refused."""

import asyncio
import functools
import gc
import re
import warnings
from collections import UserDict

import pytest
from fan_out_steps import double, kinds, wait, wait_or_fail

from llm_composition_patterns.outcome import Failure, Success
from llm_composition_patterns.patterns.parallelization import parallelize


async def test_values_come_back_in_the_order_of_inputs():
    """Whatever order branches end in, value i belongs to input i."""
    assert await parallelize(wait, [3, 1, 2]) == [3, 1, 2]


async def test_branches_run_at_once(now):
    """The whole takes as long as the slowest branch."""
    await parallelize(wait, [3, 1, 2])
    assert now() == 3


async def test_a_mapping_gives_a_dict_with_its_keys():
    """Dict in, dict out, in the same order."""
    result = await parallelize(wait, {"slow": 2, "fast": 1})
    assert list(result.items()) == [("slow", 2), ("fast", 1)]


async def test_any_mapping_counts_not_only_dict():
    """A Mapping that is no dict is one too."""
    assert await parallelize(double, UserDict(a=1)) == {"a": 2}


async def test_outcomes_of_a_mapping_know_their_keys():
    """With collect a dict of outcomes comes back, each with its key and its index."""
    outcomes = await parallelize(wait_or_fail, {"a": 2, "b": -1}, on_error="collect")
    assert {key: (type(outcome), outcome.key, outcome.index) for key, outcome in outcomes.items()} == {
        "a": (Success, "a", 0),
        "b": (Failure, "b", 1),
    }


@pytest.mark.parametrize("empty", [[], (), {}, iter([]), range(0)], ids=["list", "tuple", "dict", "iterator", "range"])
async def test_no_inputs_give_no_results(empty):
    """Nothing in, nothing out, at once."""
    assert await parallelize(double, empty) == ({} if empty == {} else [])


async def test_an_async_source_is_read_like_any_other():
    """An async iterable gives its values in order."""

    async def numbers():
        for number in range(5):
            await asyncio.sleep(1)
            yield number

    assert await parallelize(double, numbers()) == [0, 2, 4, 6, 8]


async def test_an_async_iterable_that_is_no_iterator_will_do():
    """`aiter` is called on it."""

    class Pages:
        async def __aiter__(self):
            yield 1
            yield 2

    assert await parallelize(double, Pages()) == [2, 4]


async def test_a_source_whose_length_is_not_known_will_do():
    """Something with a `__len__` that raises TypeError, such as a progress bar around a generator, is unsized."""

    class Bar:
        def __len__(self):
            raise TypeError("object of type 'generator' has no len()")

        def __iter__(self):
            yield from [1, 2]

    assert await parallelize(double, Bar()) == [2, 4]


async def test_collect_gives_every_outcome_in_full():
    """An outcome has everything that is known of its branch."""
    (outcome,) = await parallelize(wait, [3], on_error="collect", branch_name=lambda seconds: f"wait_{seconds}")
    assert outcome == Success(value=3, index=0, key=0, name="wait_3", input=3, started=0, elapsed=3)


async def test_collect_runs_every_branch():
    """Failures stop nobody, and each says why."""
    outcomes = await parallelize(wait_or_fail, [1, -2, 3], on_error="collect")
    assert kinds(outcomes) == ["success", "error", "success"]
    assert repr(outcomes[1].error) == "ValueError(-2)"
    assert (outcomes[1].input, outcomes[1].elapsed) == (-2, 2)


async def test_started_and_elapsed_are_each_branchs_own():
    """`started` counts from the fan-out's start, `elapsed` from the branch's."""
    await asyncio.sleep(7)
    outcomes = await parallelize(wait, [3, 2, 5], max_concurrency=2, on_error="collect")
    assert [(outcome.started, outcome.elapsed) for outcome in outcomes] == [(0, 3), (0, 2), (2, 5)]


@pytest.mark.parametrize(
    "value", [None, (1, 2), ValueError("a value"), StopIteration(3), StopAsyncIteration()], ids=repr
)
@pytest.mark.parametrize("suspends", [False, True])
async def test_any_value_can_be_returned(value, suspends):
    """Whatever a step returns is its value: tuples, None and exceptions too."""

    async def give(_):
        if suspends:
            await asyncio.sleep(1)
        return value

    assert await parallelize(give, [0]) == [value]


async def test_fan_outs_nest(now):
    """A step may fan out itself, at any depth."""

    async def outer(row):
        return await parallelize(wait, row)

    assert await parallelize(outer, [[1, 2], [3], []]) == [[1, 2], [3], []]
    assert now() == 3


async def test_names():
    """A branch is called by the step, by a constant, or by a function of its input."""
    calls = [{}, {"branch_name": "page"}, {"branch_name": lambda number: number + 1}]
    found = [(await parallelize(double, [1], on_error="collect", **call))[0].name for call in calls]
    assert found == ["double", "page", "2"]


async def test_a_branch_name_that_cannot_be_made_fails_only_its_branch():
    """The error of the naming function is the branch's, and the branch is called as the step is."""
    outcomes = await parallelize(double, ["a", {}], branch_name=lambda text: text.upper(), on_error="collect")
    assert kinds(outcomes) == ["success", "error"]
    assert (outcomes[1].name, type(outcomes[1].error)) == ("double", AttributeError)


class Callable:
    async def __call__(self, number):
        return 2 * number


def gives_a_coroutine(number):
    return double(number)


def gives_a_task(number):
    return asyncio.ensure_future(double(number))


def gives_a_future(number):
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(1, future.set_result, 2 * number)
    return future


def gives_an_awaitable(number):
    class Awaitable:
        def __await__(self):
            yield from asyncio.sleep(1).__await__()
            return 2 * number

    return Awaitable()


async def scale(factor, number):
    return factor * number


STEPS = [
    Callable(),
    functools.partial(scale, 2),
    functools.partial(functools.partial(scale), 2),
    lambda number: scale(2, number),
    gives_a_coroutine,
    gives_a_task,
    gives_a_future,
    gives_an_awaitable,
]


@pytest.mark.parametrize("step", STEPS, ids=[type(step).__name__ + str(n) for n, step in enumerate(STEPS)])
async def test_whatever_gives_an_awaitable_is_a_step(step):
    """Async functions, partials, callable objects, and functions that give coroutines, Tasks, Futures or awaitables."""
    assert await parallelize(step, [1, 2]) == [2, 4]


@pytest.mark.parametrize(
    ("step", "name"),
    [
        (Callable(), "Callable"),
        (functools.partial(functools.partial(scale), 2), "scale"),
        (lambda number: scale(2, number), "step"),
    ],
)
async def test_how_steps_are_called(step, name):
    """Partials are called as their function, objects as their class, lambdas `step`."""
    assert (await parallelize(step, [1], on_error="collect"))[0].name == name


def plain(number):
    return 2 * number


def generator(number):
    yield number


@pytest.mark.parametrize("step", [plain, generator, print])
@pytest.mark.parametrize("on_error", ["raise", "collect"])
async def test_a_step_that_is_not_async_is_refused(step, on_error, capsys):
    """For the whole fan-out, with the repair, whatever `on_error` says."""
    with pytest.raises(TypeError, match=rf"{step.__name__} is not async.*in_threads\({step.__name__}\).*in_processes"):
        await parallelize(step, [1, 2, 3], on_error=on_error)


async def test_an_async_generator_is_no_step():
    """It is async already, so that is not what is wrong with it."""

    async def pages(number):
        yield number

    with pytest.raises(TypeError, match=r"^pages is an async generator: let it return one value"):
        await parallelize(pages, [1])


async def test_a_step_that_is_not_async_for_some_inputs_only_cancels_the_others(now):
    """The refusal waits for them as any error does."""

    def sometimes(seconds):
        return wait(seconds) if seconds else None

    with pytest.raises(TypeError, match="sometimes is not async") as caught:
        await parallelize(sometimes, [5, 0, 5], on_error="collect")
    assert kinds(caught.value.outcomes) == ["cancelled", "error"]
    assert now() == 0


@pytest.mark.parametrize("no_step", [None, 3, "step"])
async def test_what_cannot_be_called_is_no_step(no_step):
    """It is refused before anything runs, even where there are no inputs."""
    with pytest.raises(TypeError, match="step must be an async function"):
        await parallelize(no_step, [], on_error="collect")


async def test_a_coroutine_is_no_step():
    """It is refused with the repair, and closed, so that Python does not complain that it was never awaited."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TypeError, match=r"pass the function itself, double"):
            await parallelize(double(1), [1])
        gc.collect()


@pytest.mark.parametrize(("inputs", "repair"), [("spanish", r"\['spanish', ...\]"), (b"ab", r"\[b'ab', ...\]")])
async def test_one_text_is_not_several_inputs(inputs, repair):
    """A string is refused with the repair."""
    with pytest.raises(TypeError, match=repair):
        await parallelize(double, inputs)


async def test_a_coroutine_is_no_source():
    """It is refused with the repair, and closed, so that Python does not complain that it was never awaited."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TypeError, match=r"await it first, or .* together\(a\(\), b\(\)\)"):
            await parallelize(double, double(1))
        gc.collect()


@pytest.mark.parametrize("inputs", [None, 5, double])
async def test_what_cannot_be_iterated_is_refused(inputs):
    """With what would do."""
    with pytest.raises(TypeError, match="must be an iterable or an async iterable"):
        await parallelize(double, inputs)


class AsyncCallable:
    """Called, it gives a coroutine that nobody would await."""

    async def __call__(self, _):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"name": ""}, TypeError),
        ({"branch_name": ""}, TypeError),
        ({"max_concurrency": 0}, ValueError),
        ({"max_concurrency": 2.0}, TypeError),
        ({"max_concurrency": True}, TypeError),
        ({"max_concurrency": None}, TypeError),
        ({"timeout": 0}, ValueError),
        ({"timeout": -1}, ValueError),
        ({"timeout": float("nan")}, ValueError),
        ({"timeout": float("inf")}, ValueError),
        ({"timeout": "5"}, TypeError),
        ({"timeout": True}, TypeError),
        ({"deadline": 0}, ValueError),
        ({"deadline": "5"}, TypeError),
        ({"max_failures": 1}, ValueError),
        ({"max_failures": -1, "on_error": "collect"}, ValueError),
        ({"max_failures": 1.5, "on_error": "collect"}, TypeError),
        ({"on_error": "ignore"}, ValueError),
        ({"on_error": None}, ValueError),
        ({"name": 5}, TypeError),
        ({"name": 0}, TypeError),
        ({"branch_name": 5}, TypeError),
        ({"branch_name": ["a"]}, TypeError),
        ({"branch_name": double}, TypeError),
        ({"progress": "yes"}, TypeError),
        ({"progress": None}, TypeError),
        ({"progress": 1}, TypeError),
        ({"progress": double}, TypeError),
        ({"progress": functools.partial(double)}, TypeError),
        ({"progress": AsyncCallable()}, TypeError),
    ],
    ids=lambda given: re.sub(" at 0x[0-9a-f]+", "", str(given)),  # the same in every process that runs tests
)
async def test_settings_are_checked_before_anything_runs(wrong, error):
    """The message names the setting."""
    ran = []

    async def note(number):
        ran.append(number)

    with pytest.raises(error, match=next(iter(wrong))):
        await parallelize(note, [1], **wrong)
    assert ran == []


async def test_at_most_two_arguments_are_positional():
    """Everything else is named."""
    with pytest.raises(TypeError, match="positional"):
        await parallelize(double, [1], "name")
