"""Shares of a batch: exact, stable, and read from the command line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.batch import Shard


@given(st.text(), st.integers(1, 200))
def test_each_key_is_in_exactly_one_share(key, of):
    """Whatever the key is, and however many shares there are."""
    assert sum(Shard(number, of).keeps(key) for number in range(1, of + 1)) == 1


def test_a_key_stays_in_its_share():
    """On every machine, in every version: a store that exists already depends on it."""
    shares = {key: next(n for n in range(1, 21) if Shard(n, 20).keeps(key)) for key in ("a", "2401.00001", "論文")}
    assert shares == {"a": 11, "2401.00001": 7, "論文": 12}


def test_shares_are_about_equal():
    """Twenty of 10,000 keys."""
    sizes = [sum(Shard(number, 20).keeps(str(key)) for key in range(10_000)) for number in range(1, 21)]
    assert sum(sizes) == 10_000
    assert min(sizes) > 420
    assert max(sizes) < 580


def test_a_share_is_read_and_written_the_same_way():
    """As on the command line."""
    assert Shard.parse("3/20") == Shard(3, 20)
    assert str(Shard.parse("3/20")) == "3/20"


@pytest.mark.parametrize("text", ["", "3", "0/3", "4/3", "1/0", "-1/3", "3/20/4", "3 / 20", "a/b", "٣/٤", "1/9999999"])
def test_what_is_no_share_is_refused(text):
    """With an example of one."""
    with pytest.raises(ValueError, match="is no share; give its number, from 1, and how many there are, as 3/20"):
        Shard.parse(text)
