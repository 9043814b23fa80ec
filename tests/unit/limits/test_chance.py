"""Refusals by chance: no pace helps, so none is kept; a rate limit that is taken for one soon shows itself."""

import pytest

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


@pytest.mark.parametrize(("refused", "sent", "still"), [(3, 6, False), (3, 7, True), (2, 2, True)])
def test_a_rate_limit_refuses_most_of_what_is_sent_after_the_first_refusal(refused, sent, still):
    """At least a half, and three calls."""
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
