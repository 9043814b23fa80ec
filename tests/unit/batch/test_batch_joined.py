"""What two stores know, joined: in any order, and as often as one likes."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.batch._item import Item
from llm_composition_patterns.batch._joined import (
    is_further,
    joined_item,
    joined_spending,
    read_spending,
    spending,
    write_spending,
)
from llm_composition_patterns.batch._states import STATES
from llm_composition_patterns.usage import NO_USAGE, Usage

USED = Usage(calls=1, input_tokens=3, known_cost=Decimal("0.25"))
MORE = USED + USED
items = st.builds(
    Item,
    key=st.just("a"),
    state=st.sampled_from(STATES),
    executions=st.integers(0, 3),
    deaths=st.integers(0, 2),
    repeated=st.booleans(),
)
parts = st.dictionaries(st.sampled_from("xyz"), st.integers(0, 5).map(lambda calls: Usage(calls=calls)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Item(key="a", state="succeeded", executions=1), Item(key="a", state="failed", executions=4)),
        (Item(key="a", state="pending", executions=2), Item(key="a", state="failed", executions=1)),
        (Item(key="a", state="failed", executions=1), Item(key="a", state="running", executions=1)),
        (Item(key="a", state="pending", executions=1, deaths=1), Item(key="a", state="running", executions=1)),
    ],
)
def test_the_one_that_has_come_further_is_kept(one, other):
    """What succeeded stays so; else the later execution counts, and of one execution its end."""
    assert is_further(one, other)
    assert not is_further(other, one)
    assert joined_item(one, other) == joined_item(other, one) == one


def test_an_item_that_one_store_doubts_stays_doubted():
    """Whichever is kept, that it may have been paid twice is not forgotten."""
    done = Item(key="a", state="succeeded", executions=1)
    doubted = Item(key="a", state="failed", executions=2, repeated=True)
    assert joined_item(done, doubted) == joined_item(doubted, done)
    assert joined_item(done, doubted).repeated


@given(items, items)
def test_an_item_joined_again_is_the_same(one, other):
    """With either of those that it came from."""
    joined = joined_item(one, other)
    assert joined_item(joined, one) == joined_item(joined, other) == joined_item(joined, joined) == joined


@given(parts, parts, parts)
def test_spending_is_joined_in_any_order_and_any_number_of_times(one, other, third):
    """Each store is counted once, as it was known last."""
    assert joined_spending(one, other) == joined_spending(other, one)
    assert joined_spending(one, one) == one
    assert joined_spending(joined_spending(one, other), third) == joined_spending(one, joined_spending(other, third))


def test_what_a_store_used_itself_is_what_the_others_did_not():
    """Of a total that has both."""
    assert spending("own", MORE, {"shard": USED}) == {"own": USED, "shard": USED}
    assert spending("own", USED, {"shard": USED}) == {"own": NO_USAGE, "shard": USED}


def test_spending_is_read_as_it_was_written():
    """To the cent."""
    known = {"own": USED, "shard": MORE.of_model("simulated:x"), "idle": NO_USAGE}
    assert read_spending(write_spending(known)) == known
    assert read_spending(None) == {}
