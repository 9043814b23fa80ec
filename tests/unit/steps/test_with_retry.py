"""A step that is called again after certain errors."""

import asyncio
import functools
import inspect
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns import (
    Backoff,
    BudgetExceeded,
    ConfigurationError,
    LLMCompositionError,
    ModelError,
    ModelTimeout,
    RateLimited,
    parallelize,
    with_retry,
)
from llm_composition_patterns.testing import record_spans, run_in_virtual_time
from llm_composition_patterns.tracing import names, span


class HouseModelDown(ModelError):
    """An error of somebody's own."""


class Flaky:
    """A step that raises what it is told, one at a call, and then answers with what it was given."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = []
        self.at = []

    async def __call__(self, *args, **kwargs):
        self.calls.append((args, kwargs))
        self.at.append(asyncio.get_running_loop().time())
        if self.errors:
            raise self.errors.pop(0)
        return args


async def test_retry_calls_again_with_the_same_arguments():
    """Every attempt gets what the caller gave."""
    step = Flaky(OSError(), OSError())
    assert await with_retry(step, on=OSError, backoff=0)(1, word="a") == (1,)
    assert step.calls == [((1,), {"word": "a"})] * 3


async def test_retry_raises_the_last_error_with_a_note():
    """When the attempts are spent, the last error comes through and says how often it was tried."""
    last = OSError("third")
    step = Flaky(OSError("first"), OSError("second"), last)
    with pytest.raises(OSError, match="third") as caught:
        await with_retry(step, on=OSError, backoff=0)()
    assert caught.value is last
    assert caught.value.__notes__ == ["step 'Flaky' was tried 3 times"]
    assert caught.value.__context__ is None
    assert len(step.calls) == 3


async def test_retry_leaves_other_errors_alone():
    """What `on` does not name is raised at once, and without a note where nothing was repeated."""
    step = Flaky(ValueError("no"))
    with pytest.raises(ValueError, match="no") as caught:
        await with_retry(step, on=OSError)()
    assert len(step.calls) == 1
    assert not hasattr(caught.value, "__notes__")


async def test_retry_tells_of_the_attempts_before_another_error():
    """An error of another class ends it, and says which attempt it was."""
    step = Flaky(OSError(), ValueError("no"))
    with pytest.raises(ValueError, match="no") as caught:
        await with_retry(step, on=OSError, backoff=0)()
    assert caught.value.__notes__ == ["step 'Flaky' was tried 2 times"]


@pytest.mark.parametrize(
    ("error", "on", "calls"),
    [
        (RateLimited(), RateLimited, 2),
        (RateLimited(), (OSError, RateLimited), 2),
        (RateLimited(), ModelError, 1),
        (RateLimited(), LLMCompositionError, 1),
        (RateLimited(), Exception, 1),
        (ModelError(), ModelError, 2),
        (ModelTimeout(), TimeoutError, 1),
        (HouseModelDown(), ModelError, 1),
        (HouseModelDown(), HouseModelDown, 2),
        (ConfigurationError(), Exception, 1),
        (ConfigurationError(), ConfigurationError, 2),
        (BudgetExceeded(), Exception, 1),
        (BudgetExceeded(), LLMCompositionError, 1),
        (ConnectionResetError(), OSError, 2),
        (ConnectionResetError(), Exception, 2),
        (NameError("typo"), Exception, 1),
        (ImportError("typo"), (OSError, Exception), 1),
    ],
)
async def test_which_errors_are_repeated(error, on, calls):
    """A model's errors only if their very class is named; a budget's and mistakes never; all others by class."""
    step = Flaky(error, error)
    with pytest.raises(type(error)):
        await with_retry(step, on=on, attempts=2, backoff=0)()
    assert len(step.calls) == calls


async def test_a_step_that_is_not_async_is_refused_once():
    """It would not be async the next time either."""
    calls = []
    with pytest.raises(TypeError, match="is not async"):
        await with_retry(calls.append, on=Exception, backoff=0)("a")
    assert calls == ["a"]


@pytest.mark.parametrize("cancelled", [asyncio.CancelledError, KeyboardInterrupt])
async def test_what_is_no_error_is_never_repeated(cancelled):
    """Cancellation and Ctrl-C go through."""
    calls = []

    async def stop():
        calls.append(1)
        raise cancelled

    try:
        with pytest.raises(cancelled):
            await with_retry(stop, on=Exception)()
    finally:
        assert calls == [1]


async def test_a_number_is_the_pause_before_every_retry():
    """The loop's clock says so."""
    step = Flaky(OSError(), OSError())
    await with_retry(step, on=OSError, backoff=1.5)()
    assert step.at == [0.0, 1.5, 3.0]


async def test_a_function_is_given_the_attempt_that_failed():
    """It counts from 1."""
    step = Flaky(OSError(), OSError(), OSError())
    await with_retry(step, on=OSError, attempts=4, backoff=lambda attempt: 10.0**attempt)()
    assert step.at == [0.0, 10.0, 110.0, 1110.0]


async def test_the_pause_by_default_is_a_random_part_of_one_that_doubles():
    """With the same seed it is the same."""
    step = Flaky(OSError(), OSError())
    random.seed(7)
    await with_retry(step, on=OSError)()
    random.seed(7)
    first = random.uniform(0, 0.5)
    assert step.at == [0.0, first, first + random.uniform(0, 1.0)]


@given(st.integers(1, 10_000), st.floats(0.001, 1e308), st.floats(0.001, 100))
def test_no_pause_is_longer_than_it_may_be(attempt, first, longest):
    """However many attempts failed."""
    assert 0 <= Backoff(first=first, longest=longest)(attempt) <= min(longest, first * 2.0 ** min(attempt - 1, 64))


async def test_a_pause_counts_for_the_timeout_of_a_branch():
    """A branch that waits for its next attempt runs."""
    outcomes = await parallelize(
        with_retry(Flaky(OSError()), on=OSError, backoff=5.0), [1], timeout=4.0, on_error="collect"
    )
    assert [outcome.kind for outcome in outcomes] == ["timeout"]
    assert asyncio.get_running_loop().time() == 4.0


async def test_cancelling_a_pause_ends_it():
    """Nothing is called any more, and nothing is left."""
    step = Flaky(OSError())
    task = asyncio.create_task(with_retry(step, on=OSError, backoff=5.0)())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(step.calls) == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_retry_is_an_event_on_the_current_span():
    """It names the step, the attempt, the error's class and the pause."""
    with record_spans() as spans, span("around"):
        await with_retry(Flaky(OSError("secret")), on=OSError, backoff=2.0)()
    (event,) = spans.one("around").events
    assert event.name == names.STEP_RETRIED
    assert dict(event.attributes) == {
        names.STEP: "Flaky",
        names.ATTEMPT: 1,
        names.ERROR: "OSError",
        names.BACKOFF_SECONDS: 2.0,
    }


async def test_a_retried_step_keeps_its_name_and_signature():
    """It looks like the step that it wraps."""

    async def translate(text: str, *, language: str = "de") -> str:
        """Translate."""
        return text + language

    wrapped = with_retry(translate, on=OSError)
    assert (wrapped.__name__, wrapped.__doc__) == ("translate", "Translate.")
    assert inspect.signature(wrapped) == inspect.signature(translate)
    assert with_retry(functools.partial(translate, language="fr"), on=OSError).__name__ == "translate"
    assert await wrapped("a", language="es") == "aes"


@pytest.mark.parametrize(
    ("settings", "error", "match"),
    [
        ({"on": BaseException}, TypeError, "below Exception"),
        ({"on": asyncio.CancelledError}, TypeError, "below Exception"),
        ({"on": KeyboardInterrupt}, TypeError, "below Exception"),
        ({"on": (OSError, SystemExit)}, TypeError, "below Exception"),
        ({"on": OSError("made")}, TypeError, "class of exceptions to retry"),
        ({"on": [OSError]}, TypeError, "tuple"),
        ({"on": ()}, ValueError, "empty"),
        ({"on": BudgetExceeded}, ValueError, "BudgetExceeded.*not paid by calling again"),
        ({"on": (OSError, TypeError)}, ValueError, "TypeError: it is a mistake in the program"),
        ({"on": OSError, "attempts": 0}, ValueError, "attempts must be at least 1"),
        ({"on": OSError, "attempts": 2.0}, TypeError, "attempts must be an int"),
        ({"on": OSError, "backoff": -1}, ValueError, "backoff must be a number of seconds from 0 on"),
        ({"on": OSError, "backoff": "1"}, TypeError, "backoff must be a number of seconds"),
        ({"on": OSError, "backoff": asyncio.sleep}, TypeError, "plain function"),
    ],
)
def test_retry_settings_are_checked_when_built(settings, error, match):
    """One line says what is wrong."""
    with pytest.raises(error, match=match) as caught:
        with_retry(Flaky(), **settings)
    assert "\n" not in str(caught.value)


def test_retry_takes_no_coroutine():
    """The repair is named."""
    with pytest.raises(TypeError, match="without calling it"):
        with_retry(Flaky()(), on=OSError)


@pytest.mark.parametrize(("gives", "error"), [(-1.0, ValueError), (float("nan"), ValueError), ("1", TypeError)])
async def test_a_backoff_must_give_a_pause(gives, error):
    """What it gives is checked before anybody sleeps."""
    with pytest.raises(error, match="what backoff gives for attempt 1"):
        await with_retry(Flaky(OSError()), on=OSError, backoff=lambda _: gives)()


@pytest.mark.parametrize(("settings", "error"), [({"first": 0}, ValueError), ({"longest": "1"}, TypeError)])
def test_a_backoff_checks_its_settings(settings, error):
    """Each is a positive number of seconds."""
    with pytest.raises(error, match=next(iter(settings))):
        Backoff(**settings)


async def test_retry_refuses_a_plain_function():
    """A step that is not async is told how to become one."""
    with pytest.raises(TypeError, match=r"in_threads\(len\)"):
        await with_retry(len, on=OSError)("a")


@given(st.lists(st.booleans(), max_size=6), st.integers(1, 6))
def test_retry_is_a_loop(failures, attempts):
    """It is what a plain loop over the attempts would do."""
    step = Flaky(*(OSError() if failed else ValueError() for failed in failures))
    expected = 1
    while expected <= min(attempts - 1, len(failures)) and failures[expected - 1]:
        expected += 1

    async def call():
        try:
            await with_retry(step, on=OSError, attempts=attempts)()
        except (OSError, ValueError) as error:
            return type(error)
        return None

    ended = run_in_virtual_time(call())
    assert len(step.calls) == expected
    fate = failures[expected - 1] if expected <= len(failures) else None
    assert ended is {True: OSError, False: ValueError, None: None}[fate]
