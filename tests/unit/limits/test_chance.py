"""Refusals by chance: no pace helps, so none is kept; a rate limit that is taken for one soon shows itself."""

import asyncio

import pytest

from llm_composition_patterns import Failure, Fault, Scenario, ask, connect, parallelize
from llm_composition_patterns.limits._chance import Chance
from llm_composition_patterns.limits._pacer import Pacer
from llm_composition_patterns.limits._readings import Refusal


def test_what_is_refused_three_times_though_it_kept_to_the_rate_is_refused_by_chance():
    """Twice may be a rate that has fallen."""
    chance, found = Chance(), []
    for _ in range(3):
        chance.kept()
        found.append(chance.refuses)
    assert found == [False, False, True]


def test_a_refusal_of_what_exceeded_the_rate_speaks_for_a_rate_limit():
    """Half as much as one of what kept to it speaks against it."""
    chance, found = Chance(), []
    for _ in range(2):
        chance.kept()
    chance.exceeded()
    for _ in range(2):
        chance.kept()
        found.append(chance.refuses)
    assert found == [False, True]


@pytest.mark.parametrize(("refused", "sent", "still"), [(8, 10, False), (7, 10, True), (5, 5, True), (6, 6, False)])
def test_a_rate_limit_refuses_most_of_what_is_sent_after_the_first_refusal(refused, sent, still):
    """At least four of five, and six calls."""
    chance = Chance()
    for _ in range(3):
        chance.kept()
    chance.begins(100.0)
    for _ in range(refused):
        chance.refused(1.0, 100.0 + sent)
    assert chance.refuses == still


def test_what_is_refused_by_chance_is_soon_paced_no_more():
    """Every 20th call, whatever the pace, with a wish of 1 s: 1,000 calls take 50 pauses and hardly more."""
    pacer, now, free_at, refused = Pacer("requests"), 0.0, 0.0, 0
    for number in range(1000):
        now = max(now, free_at)
        while wait := pacer.wait(now, 1.0):
            now += wait
        pacer.sent(now, 1.0)
        if number % 20 == 19:
            refused += 1
            pacer.refused(Refusal(retry_after=1.0), sent_at=now, now=now)
            free_at = now + 1.0
        now += 0.01
    assert (refused, pacer.rate, pacer.remembered(), round(now, 1)) == (50, None, {}, 63.6)


def test_a_rate_limit_that_was_taken_for_chance_is_so_less_easily_again():
    """It takes twice as much."""
    chance, found = Chance(), []
    for _ in range(3):
        chance.kept()
    chance.begins(0.0)
    for _ in range(6):
        chance.refused(1.0, 6.0)
    for _ in range(6):
        chance.kept()
        found.append(chance.refuses)
    assert found == [False] * 5 + [True]


@pytest.mark.parametrize("every", [2, 3, 5])
def test_where_few_are_accepted_between_two_refusals_that_is_chance_too(every):
    """Every second to fifth call, whatever the pace: they are soon sent as fast as the pauses let them."""
    pacer, now, free_at = Pacer("requests"), 0.0, 0.0
    for number in range(300):
        now = max(now, free_at)
        while wait := pacer.wait(now, 1.0):
            now += wait
        pacer.sent(now, 1.0)
        if number % every == every - 1:
            pacer.refused(Refusal(retry_after=0.1), sent_at=now, now=now)
            free_at = now + 0.1
        now += 0.01
    assert pacer.rate is None
    assert now < 120


async def _answer(model, number):
    return await ask(model, f"number {number}")


@pytest.mark.parametrize(("share", "most"), [(0.1, 100), (0.3, 100), (0.5, 300)])
async def test_a_provider_that_refuses_by_chance_is_called_on(share, most):
    """Three hundred calls, of which so many are refused: nobody is lost, and it takes no hours."""
    faults = (Fault(kind="rate_limit", probability=share, retry_after=0.05),)
    name = f"simulated:by-chance-{share}"
    async with connect(name, scenario=Scenario(seed=2, faults=faults), remember=False) as model:
        outcomes = await parallelize(lambda number: _answer(model, number), range(300), on_error="collect")
    assert not [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    assert asyncio.get_running_loop().time() < most
