"""When to try again."""

from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.errors import ModelError, ModelUnavailable, RateLimited, Refused
from llm_composition_patterns.llm._retries import (
    LONGEST_BACKOFF,
    MOST_EXCUSED,
    Patience,
    Tries,
    delay_before,
    is_worth_another,
    patience_at_first,
)


def test_backoff_doubles_and_ends():
    """Half a second first, never more than the longest."""
    error = ModelUnavailable()
    assert [delay_before(retry, error, 0) for retry in (1, 2, 3, 4)] == [0.5, 1, 2, 4]
    assert delay_before(500, error, 0) == LONGEST_BACKOFF


@given(st.integers(1, 50), st.floats(0, 1), st.none() | st.floats(0, 1000))
def test_jitter_only_adds(retry, jitter, wish):
    """Nobody comes before the time that the provider named."""
    error = RateLimited(retry_after=wish)
    least = delay_before(retry, error, 0)
    assert least <= delay_before(retry, error, jitter) <= least * 1.5 + 0.1
    assert wish is None or least == wish


def test_what_may_pass_is_worth_another_attempt():
    """Limits, timeouts and outages; nothing else."""
    assert is_worth_another(RateLimited())
    assert not is_worth_another(Refused())
    assert not is_worth_another(ModelError())


def test_tries_are_spent_but_for_the_first_refusal():
    """One 429 is free, the second is not."""
    tries = Tries(2)
    assert [tries.refused() for _ in range(3)] == [True, True, False]
    assert Tries(1).broke() is False


def test_a_refusal_while_others_are_taken_is_excused():
    """But not for ever: the provider may have something against this very call."""
    tries = Tries(2)
    excused = 1 + 2 * MOST_EXCUSED
    assert [tries.refused(excused=True) for _ in range(excused + 2)] == [True] * (excused + 1) + [False]


def test_a_failure_in_an_outage_is_excused_as_often_as_it_takes():
    """And the backoff after it does not grow."""
    tries = Tries(1)
    assert all(tries.broke(excused=True) for _ in range(1000))
    assert tries.failed == 0
    assert tries.broke() is False


def test_a_provider_that_never_answered_is_waited_for_as_long_as_trying_would_take():
    """Five seconds at least."""
    assert [patience_at_first(attempts) for attempts in (1, 4, 5)] == [5, 5, 7.5]


def test_being_held_up_starts_again_with_every_acceptance():
    """Only time without anybody's acceptance counts."""
    held_up = Patience(120)
    assert held_up.refused(10, 5) == 120
    assert held_up.refused(60, 5) == 70
    assert held_up.refused(100, 6) == 120
    assert held_up.refused(230, 6) == -10
