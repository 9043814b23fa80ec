"""Keys that are in use are written nowhere."""

import pytest

from llm_composition_patterns.tracing import _keys, know_key, without_known_keys


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    """Keys of other tests are not known, and those of these are forgotten."""
    monkeypatch.setattr(_keys, "_in_use", ())


@pytest.mark.parametrize("known", [("abcd-1234", "abcd-1234-5678"), ("abcd-1234-5678", "abcd-1234")])
def test_of_a_key_that_begins_with_another_nothing_is_left(known):
    """Whichever was known first."""
    for key in known:
        know_key(key)
    assert without_known_keys("abcd-1234-5678 and abcd-1234") == "__REDACTED__ and __REDACTED__"


def test_a_key_may_become_known_while_a_text_is_looked_through():
    """Spans are written by a thread while models are opened by another."""

    class Text(str):
        __slots__ = ()

        def __contains__(self, part: object) -> bool:
            know_key(f"another than {part}")
            return super().__contains__(part)

    know_key("abcd-1234")
    assert without_known_keys(Text("it quotes abcd-1234")) == "it quotes __REDACTED__"
    assert without_known_keys("another than abcd-1234") == "__REDACTED__"


def test_what_is_too_short_for_a_key_is_an_ordinary_word():
    """A text is not full of holes because somebody's key is none."""
    know_key("none")
    assert without_known_keys("none of it") == "none of it"
