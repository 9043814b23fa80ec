"""A check between the steps of a chain."""

import pytest

from llm_composition_patterns import GateRefused, gate


def is_even(number):
    return number % 2 == 0


async def is_odd(number):
    return number % 2 == 1


@pytest.mark.parametrize(("check", "passes", "not_"), [(is_even, 2, 3), (is_odd, 3, 2)])
async def test_a_gate_lets_pass_what_its_check_says(check, passes, not_):
    """Plain or async; what passes is the input itself."""
    step = gate(check)
    assert await step(passes) == passes
    with pytest.raises(GateRefused):
        await step(not_)


async def test_a_refusal_carries_the_gate_and_the_input():
    """And says how to answer in its place."""
    with pytest.raises(GateRefused, match=r"gate 'even' refused its input; chain\(..., otherwise=...\)") as caught:
        await gate(is_even, name="even")(3)
    assert (caught.value.gate, caught.value.input, caught.value.kind) == ("even", 3, "error")


async def test_a_gate_is_called_as_its_check():
    """Or as it is told."""
    assert gate(is_even).__name__ == "is_even"
    assert gate(lambda _: True).__name__ == "step"
    assert gate(is_even, name="even").__name__ == "even"


async def test_an_error_of_a_check_is_raised():
    """It is no refusal."""

    def broken(_):
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await gate(broken)(3)


@pytest.mark.parametrize("answer", [None, 1, "yes", object()])
async def test_a_check_answers_true_or_false(answer):
    """What is only true in a way is refused, with the repair."""
    with pytest.raises(TypeError, match=r"must answer True or False, not .*; return the bool itself"):
        await gate(lambda _: answer)(3)


@pytest.mark.parametrize(
    ("check", "settings", "match"),
    [
        (True, {}, "check must be a function of the gate's input, not bool"),
        (is_even, {"name": ""}, "name must be a str"),
        (is_even, {"name": 5}, "name must be a str"),
    ],
)
def test_a_gate_is_checked_when_built(check, settings, match):
    """One line says what is wrong."""
    with pytest.raises(TypeError, match=match):
        gate(check, **settings)


def test_a_gate_takes_no_coroutine():
    """The repair is named."""
    with pytest.raises(TypeError, match="check is a coroutine; pass the function itself, is_odd"):
        gate(is_odd(1))
