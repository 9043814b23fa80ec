"""`together`: different things side by side."""

import asyncio
import gc
import warnings

import pytest
from fan_out_steps import kinds, wait, wait_or_fail

from llm_composition_patterns.errors import BranchTimeout
from llm_composition_patterns.patterns.parallelization import together


@pytest.fixture
def no_warnings():
    """A coroutine that is never awaited fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
        gc.collect()


async def facts():
    await asyncio.sleep(2)
    return ["a fact"]


async def tone():
    await asyncio.sleep(1)
    return "friendly"


async def test_results_come_back_in_the_order_of_the_sections(now):
    """Each section's own, and they ran at once."""
    assert await together(facts(), tone()) == (["a fact"], "friendly")
    assert now() == 2


@pytest.mark.parametrize("count", [1, 5, 300])
async def test_any_number_of_sections_run_at_once(count, now):
    """There is no limit to set."""
    assert await together(*(wait(1) for _ in range(count))) == (1,) * count
    assert now() == 1


async def test_no_sections_give_nothing():
    """An empty tuple."""
    assert await together() == ()
    assert await together(on_error="collect") == ()


async def test_sections_are_called_by_their_names():
    """A coroutine by its function's, unless told otherwise."""
    outcomes = await together(facts(), tone(), on_error="collect")
    assert [outcome.name for outcome in outcomes] == ["facts", "tone"]
    outcomes = await together(facts(), tone(), names=["check facts", "check tone"], on_error="collect")
    assert [(outcome.name, outcome.index) for outcome in outcomes] == [("check facts", 0), ("check tone", 1)]


async def test_names_may_be_the_same():
    """Each section still gets its own result."""
    assert await together(wait(3), wait(1), wait(2), names=["same"] * 3) == (3, 1, 2)


async def test_the_first_failure_cancels_the_others(now, still_running):
    """And is raised when they have ended, with every outcome."""
    with pytest.raises(ValueError, match="-1") as caught:
        await together(wait(9), wait_or_fail(-1), name="both")
    assert kinds(caught.value.outcomes) == ["cancelled", "error"]
    assert caught.value.__notes__ == ["in branch 1 ('wait_or_fail') of 'both'"]
    assert now() == 1
    assert still_running() == set()


async def test_collect_gives_a_tuple_of_outcomes():
    """Failures among them."""
    outcomes = await together(wait_or_fail(-1), wait(2), on_error="collect")
    assert isinstance(outcomes, tuple)
    assert kinds(outcomes) == ["error", "success"]


async def test_each_section_has_the_timeout():
    """As branches have."""
    outcomes = await together(wait(1), wait(9), timeout=3, on_error="collect")
    assert kinds(outcomes) == ["success", "timeout"]
    with pytest.raises(BranchTimeout, match=r"branch 1 \('wait'\) of 'together'"):
        await together(wait(1), wait(9), timeout=3)


async def test_tasks_and_futures_are_sections_too():
    """Anything that can be awaited."""
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(1, future.set_result, "future")
    assert await together(asyncio.ensure_future(wait(2)), future, wait(1)) == (2, "future", 1)


async def test_a_task_that_is_a_section_is_cancelled_with_it(still_running):
    """Nothing is left running."""
    task = asyncio.ensure_future(wait(9))
    with pytest.raises(ValueError, match="-1"):
        await together(task, wait_or_fail(-1))
    assert task.cancelled()
    assert still_running() == set()


async def fail_at_once():
    raise ValueError("at once")


@pytest.mark.parametrize("first", [True, False])
async def test_a_task_that_was_not_reached_is_cancelled_and_waited_for(first, still_running):
    """The other section failed before its first suspension."""
    task = asyncio.ensure_future(tidy := Tidy())
    await asyncio.sleep(0)
    sections = [task, fail_at_once()] if first else [fail_at_once(), task]
    with pytest.raises(ValueError, match="at once"):
        await together(*sections)
    assert task.cancelled()
    assert tidy.done
    assert still_running() == set()


class Tidy:
    """Something to await that needs a second to end when it is cancelled."""

    def __init__(self):
        self.done = False

    def __await__(self):
        return self._run().__await__()

    async def _run(self):
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(1)
            self.done = True


@pytest.mark.parametrize("wrong", [{"names": ["one"]}, {"on_error": "ignore"}, {"timeout": 0}])
async def test_wrong_settings_leave_no_task_running(wrong, still_running):
    """Though nothing was started."""
    task = asyncio.ensure_future(wait(9))
    with pytest.raises(ValueError, match=next(iter(wrong))):
        await together(task, wait(1), **wrong)
    assert task.cancelled()
    assert still_running() == set()


@pytest.mark.parametrize("turns", [1, 2, 3])
async def test_a_caller_that_is_cancelled_leaves_no_task_running(turns, still_running):
    """Whether its sections had begun or not."""
    tasks = [asyncio.ensure_future(tidy) for tidy in (Tidy(), Tidy())]
    caller = asyncio.ensure_future(together(*tasks))
    for _ in range(turns):
        await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert all(task.cancelled() for task in tasks)
    assert still_running() == set()


async def test_a_caller_that_is_cancelled_while_it_waits_for_a_task_waits_on(still_running):
    """The task is told again, and the caller is cancelled when it has ended."""
    task = asyncio.ensure_future(Tidy())
    await asyncio.sleep(0)
    caller = asyncio.ensure_future(together(fail_at_once(), task))
    await asyncio.sleep(0.5)
    assert not task.done()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await caller
    assert isinstance(caught.value.__context__, ValueError)
    assert still_running() == set()


async def test_the_error_of_a_task_that_was_not_reached_is_not_reported_as_forgotten():
    """`together` has looked at it."""
    reported = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    task = loop.create_task(fail_at_once())
    await asyncio.sleep(0)
    with pytest.raises(ValueError, match="at once"):
        await together(fail_at_once(), task)
    del task
    gc.collect()
    assert reported == []


async def test_sections_that_never_started_are_closed(no_warnings):
    """The first one fails at once: the others are not warned about."""
    with pytest.raises(ValueError, match="at once") as caught:
        await together(fail_at_once(), wait(1), wait(2))
    assert len(caught.value.outcomes) == 1


@pytest.mark.parametrize("on_error", ["raise", "collect"])
async def test_a_caller_that_is_cancelled_at_once_leaves_no_warning(on_error, no_warnings):
    """Sections that had not begun are closed."""
    caller = asyncio.ensure_future(together(wait(1), wait(2), on_error=on_error))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller


@pytest.mark.parametrize("section", [wait, 5, None, "text", [wait]])
async def test_what_cannot_be_awaited_is_refused(section, no_warnings):
    """With the repair; the other sections are closed."""
    with pytest.raises(TypeError, match=r"call the async functions: together\(a\(\), b\(\)\)"):
        await together(wait(1), section)


@pytest.mark.parametrize("names", [[], ["one"], ["one", "two", "three"]])
async def test_there_is_one_name_for_each_section(names, no_warnings):
    """No more, no less; the sections are closed."""
    with pytest.raises(ValueError, match="give one for each"):
        await together(wait(1), wait(2), names=names)


async def test_one_text_is_not_several_names(no_warnings):
    """Its letters are not names."""
    with pytest.raises(TypeError, match=r"names=\['ab', ...\]"):
        await together(wait(1), wait(2), names="ab")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"on_error": "ignore"}, ValueError),
        ({"timeout": 0}, ValueError),
        ({"timeout": "1"}, TypeError),
        ({"name": 5}, TypeError),
    ],
)
async def test_settings_are_checked(wrong, error, no_warnings):
    """The sections are closed."""
    with pytest.raises(error, match=next(iter(wrong))):
        await together(wait(1), **wrong)


async def test_the_same_coroutine_twice_fails_once():
    """It can be awaited once; the other section says why."""
    coroutine = wait(1)
    outcomes = await together(coroutine, coroutine, on_error="collect")
    assert sorted(kinds(outcomes)) == ["error", "success"]
