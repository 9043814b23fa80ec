"""Other steps for when one fails."""

import asyncio
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns import (
    BudgetExceeded,
    ConfigurationError,
    LLMCompositionError,
    ModelError,
    ModelUnavailable,
    RateLimited,
    StepTimeout,
    parallelize,
    with_fallback,
)
from llm_composition_patterns.testing import record_spans, run_in_virtual_time
from llm_composition_patterns.tracing import names, span


def answers(value, name="answer"):
    async def step(*args, **kwargs):
        return value, args, kwargs

    step.__name__ = name
    return step


def fails(error, name="fail"):
    async def step(*args, **kwargs):
        raise error

    step.__name__ = name
    return step


async def test_the_first_step_that_answers_is_the_result():
    """The others are not called."""
    first = with_fallback(answers(1), fails(AssertionError("called")))
    assert await first("a", word="b") == (1, ("a",), {"word": "b"})


async def test_the_next_step_is_given_the_same_arguments():
    """In order, until one answers."""
    step = with_fallback(fails(RateLimited()), fails(ModelUnavailable()), answers(3), answers(4))
    assert await step("a", word="b") == (3, ("a",), {"word": "b"})


async def test_the_last_error_tells_of_those_before():
    """Notes name each step and its error, and the context is the error before."""
    first, second = RateLimited("too many"), ModelUnavailable("gone")
    with pytest.raises(ModelUnavailable) as caught:
        await with_fallback(fails(first, "one"), fails(RateLimited("more"), "two"), fails(second, "three"))()
    assert caught.value is second
    assert caught.value.__notes__ == [
        "before it, step 'one' failed with RateLimited: too many",
        "before it, step 'two' failed with RateLimited: more",
    ]
    assert str(caught.value.__context__) == "more"
    assert caught.value.__context__.__context__ is first


async def test_an_error_without_a_text_is_no_reason_to_fail():
    """The last error comes through, with one note less."""

    class Speechless(ModelError):
        def __str__(self):
            raise ValueError("no words")

    with pytest.raises(ModelUnavailable) as caught:
        await with_fallback(fails(Speechless()), fails(RateLimited("busy"), "two"), fails(ModelUnavailable()))()
    assert caught.value.__notes__ == ["before it, step 'two' failed with RateLimited: busy"]


async def test_other_errors_are_raised_at_once():
    """Only what `on` names leads to the next step."""
    with pytest.raises(OSError, match="disk"):
        await with_fallback(fails(OSError("disk")), answers(1))()


async def test_an_error_of_a_fallback_that_is_not_named_ends_it():
    """It tells of the step before, too."""
    with pytest.raises(OSError, match="disk") as caught:
        await with_fallback(fails(RateLimited("busy"), "one"), fails(OSError("disk")), answers(1))()
    assert caught.value.__notes__ == ["before it, step 'one' failed with RateLimited: busy"]


@pytest.mark.parametrize(
    "error",
    [BudgetExceeded(), ConfigurationError(), TypeError(), AttributeError(), NameError(), AssertionError(),
     ImportError(), UnboundLocalError(), ModuleNotFoundError(), SyntaxError()],
)  # fmt: skip
async def test_a_mistake_is_not_hidden_by_a_fallback(error):
    """Budgets, settings and mistakes in the program come through, also where `on` is all exceptions."""
    with pytest.raises(type(error)) as caught:
        await with_fallback(fails(error), answers(1), on=Exception)()
    assert caught.value is error


@pytest.mark.parametrize(
    ("error", "on"),
    [(RateLimited(), LLMCompositionError), (StepTimeout(), (ModelError, StepTimeout)), (ValueError(), Exception),
     (StepTimeout(), TimeoutError), (KeyError(), LookupError)],
)  # fmt: skip
async def test_named_errors_lead_on(error, on):
    """By class, subclasses included."""
    assert (await with_fallback(fails(error), answers(1), on=on)())[0] == 1


async def test_cancellation_is_no_reason_for_a_fallback():
    """Neither that of the caller nor one from within."""
    with pytest.raises(asyncio.CancelledError):
        await with_fallback(fails(asyncio.CancelledError()), answers(1), on=Exception)()


async def test_the_span_says_who_answered():
    """An event on the current span names the step and the errors before; none where the first one answered."""
    with record_spans() as spans, span("around"):
        await with_fallback(fails(RateLimited("secret")), fails(ModelUnavailable()), answers(1, "third"))()
        await with_fallback(answers(1), answers(2))()
    (event,) = spans.one("around").events
    assert event.name == names.FALLBACK_ANSWERED
    assert dict(event.attributes) == {names.STEP: "third", names.ERRORS: ("RateLimited", "ModelUnavailable")}


async def test_a_fallback_in_a_fan_out():
    """Each branch falls back for itself."""

    async def half(number):
        if number % 2:
            raise ModelUnavailable
        return number // 2

    async def zero(number):
        return 0

    assert await parallelize(with_fallback(half, zero), range(5)) == [0, 0, 1, 0, 2]


def test_a_step_with_fallbacks_keeps_its_name_and_signature():
    """It looks like the first one."""

    async def translate(text: str, *, language: str = "de") -> str:
        return text + language

    wrapped = with_fallback(translate, answers(1))
    assert wrapped.__name__ == "translate"
    assert inspect.signature(wrapped) == inspect.signature(translate)


def test_a_fallback_needs_another_step():
    """One alone is none."""
    with pytest.raises(TypeError, match="needs another step"):
        with_fallback(answers(1))


@pytest.mark.parametrize(
    ("on", "error", "match"),
    [
        (BudgetExceeded, ValueError, "no more money"),
        (ConfigurationError, ValueError, "to be mended"),
        (TypeError, ValueError, "mistake in the program"),
        ((ModelError, UnboundLocalError), ValueError, "UnboundLocalError.*mistake"),
        (BaseException, TypeError, "below Exception"),
        (asyncio.CancelledError, TypeError, "below Exception"),
        ((), ValueError, "empty"),
        ("ModelError", TypeError, "class of exceptions to fall back on"),
    ],
)
def test_what_a_fallback_is_for_is_checked_when_built(on, error, match):
    """One line says what is wrong."""
    with pytest.raises(error, match=match) as caught:
        with_fallback(answers(1), answers(2), on=on)
    assert "\n" not in str(caught.value)


def test_fallbacks_must_be_callable():
    """Every one of them."""
    with pytest.raises(TypeError, match="step must be"):
        with_fallback(answers(1), 5)


async def test_fallback_refuses_a_plain_function():
    """A step that is not async is told how to become one, and no other one answers for it."""
    with pytest.raises(TypeError, match=r"in_threads\(len\)"):
        await with_fallback(len, answers(1), on=Exception)("a")


@given(st.lists(st.sampled_from(["answers", "leads on", "ends"]), min_size=2, max_size=6))
def test_fallbacks_are_a_loop(fates):
    """They are what a plain loop over the steps would do."""
    made = {
        "answers": answers,
        "leads on": lambda at: fails(ModelError(str(at))),
        "ends": lambda at: fails(OSError(str(at))),
    }
    decisive = next((at for at, fate in enumerate(fates) if fate != "leads on"), len(fates) - 1)

    async def call():
        try:
            return (await with_fallback(*(made[fate](at) for at, fate in enumerate(fates)))())[0]
        except (ModelError, OSError) as error:
            return type(error), str(error), len(getattr(error, "__notes__", []))

    error = ModelError if fates[decisive] == "leads on" else OSError
    expected = decisive if fates[decisive] == "answers" else (error, str(decisive), decisive)
    assert run_in_virtual_time(call()) == expected
