"""Strings made to match regular expressions."""

import re

import pytest

from llm_composition_patterns.simulation._patterns import matching


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[A-Z]{2}-\d{4}$",
        r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$",
        r"^\S+@\S+\.com$",
        r"^(red|green|blue)$",
        r"^[^abc]{3,5}$",
        r"^[^0-9a-zA-Z]$",
        r"^#(?:[0-9a-fA-F]{3}){1,2}$",
        r"^(\w)\1$",
        r"\bword\b",
        r"^.+?\s\W\D\d\S$",
        r"^[^\w\s]$",
        r"^[^\d][^\W][^\S]$",
        r"^[\W][\s][\D]$",
        r"^[^a]$",
        r"^(?>ab)c++$",
        r"",
    ],
)
@pytest.mark.parametrize("salt", [0, 1, 5])
def test_one_of_the_strings_matches(pattern, salt):
    """Among the strings is one that the pattern is found in, whichever way choices go."""
    assert any(re.search(pattern, text) for text in matching(pattern, salt=salt))


def test_strings_become_longer():
    """Repeats are stretched, so that a least length can be reached, within bounds."""
    lengths = [len(text) for text in matching(r"^a+$")]
    assert lengths == sorted(lengths)
    assert lengths[-1] > 100
    assert max(len(text) for text in matching(r"^a{5,9}$")) == 9
    assert max(len(text) for text in matching(r"^a{1000000}$")) == 1000


def test_salts_choose_differently():
    """Another salt takes another alternative and another letter."""
    assert {next(matching("^(a|b|c)[x-z]$", salt=salt)) for salt in range(3)} == {"ax", "by", "cz"}


@pytest.mark.parametrize("pattern", ["(", r"\p{L}+", 5])
def test_what_is_no_pattern_has_no_strings(pattern):
    """A pattern of another language's kind, or none at all, is passed over."""
    assert list(matching(pattern)) == []
