"""The states of an item, and the item."""

from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.batch._item import Item
from llm_composition_patterns.batch._states import FINISHED, STATES, TRANSITIONS, Event, after
from llm_composition_patterns.usage import NO_USAGE, Usage

EVENTS = get_args(Event)
USED = Usage(calls=1, input_tokens=3)


@pytest.mark.parametrize(("state", "event"), [*product(STATES, EVENTS)])
def test_every_event_leads_where_the_table_says_or_is_refused(state, event):
    """For each state and each event; what the table leaves out names both."""
    if (state, event) in TRANSITIONS:
        assert after(state, event) == TRANSITIONS[state, event]
    else:
        with pytest.raises(ValueError, match=f"an item that is {state} cannot {event}"):
            after(state, event)


def test_the_table_is_the_one_that_is_drawn():
    """Eight arrows, and no other."""
    assert dict(TRANSITIONS) == {
        ("pending", "start"): "running",
        ("running", "succeed"): "succeeded",
        ("running", "fail"): "failed",
        ("running", "defer"): "pending",
        ("running", "die"): "pending",
        ("running", "give up"): "abandoned",
        ("failed", "ask again"): "pending",
        ("abandoned", "ask again"): "pending",
    }


def test_what_is_finished_stays_so_unless_it_is_asked_again():
    """Success is for ever."""
    left = {(state, event) for state, event in TRANSITIONS if state in FINISHED}
    assert left == {("failed", "ask again"), ("abandoned", "ask again")}


@given(st.lists(st.sampled_from(EVENTS), max_size=12))
def test_an_item_runs_only_between_a_start_and_an_end(events):
    """Whatever happens, in whatever order."""
    state, running = "pending", False
    for event in events:
        if (state, event) not in TRANSITIONS:
            continue
        state = after(state, event)
        running = event == "start"
        assert (state == "running") is running


def test_an_execution_counts_its_starts_and_adds_up_its_usage():
    """Over all runs."""
    item = Item(key="a").started(1).deferred("rate_limit", "RateLimited", 2.0, USED).started(2).succeeded(3.0, USED)
    assert item == Item(key="a", state="succeeded", executions=2, run=2, elapsed=3.0, usage=USED + USED)


def test_a_failure_says_why():
    """In one word and as text."""
    item = Item(key="a").started(1).failed("invalid_output", "InvalidOutput: no", 1.0, NO_USAGE)
    assert (item.state, item.kind, item.error) == ("failed", "invalid_output", "InvalidOutput: no")


def test_an_item_whose_process_died_is_in_doubt_until_it_runs_again():
    """And then it may have been paid twice, for ever."""
    died = Item(key="a").started(1).died("killed", most=2)
    again = died.started(2)
    assert [(item.state, item.in_doubt, item.repeated) for item in (died, again, again.succeeded(1.0, NO_USAGE))] == [
        ("pending", True, False),
        ("running", False, True),
        ("succeeded", False, True),
    ]


def test_an_item_that_dies_too_often_is_given_up():
    """After so many deaths, whatever else it was started for."""
    item = Item(key="a").started(1).died("killed", most=2).started(2).deferred("timeout", "late", 1.0, NO_USAGE)
    item = item.started(3).died("killed", most=2)
    assert (item.state, item.deaths, item.executions, item.kind) == ("abandoned", 2, 3, "provider")


def test_an_item_that_is_asked_again_has_its_deaths_forgiven():
    """Else it would be given up at once."""
    item = Item(key="a").started(1).died("killed", most=1).asked_again()
    assert (item.state, item.deaths, item.in_doubt) == ("pending", 0, True)
