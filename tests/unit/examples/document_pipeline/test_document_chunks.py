"""Cutting the text of a document into chunks."""

from hypothesis import given
from hypothesis import strategies as st

from examples.document_pipeline._chunks import cut
from examples.document_pipeline._extract import Page

TEXTS = st.lists(st.text(alphabet="ab. \n", max_size=120), max_size=6)


def page(number, text):
    return Page(number=number, kind="text", text=text)


def test_whole_paragraphs_where_they_fit():
    """A chunk knows the pages that it is from."""
    pages = [page(1, "One.\n\nTwo."), page(2, "Three is longer."), page(3, "Four.")]
    found = cut(pages, most=22)
    assert [(one.text, one.first_page, one.last_page) for one in found] == [
        ("One.\n\nTwo.", 1, 1),
        ("Three is longer.", 2, 2),
        ("Four.", 3, 3),
    ]
    assert [(one.first_page, one.last_page) for one in cut(pages)] == [(1, 3)]


def test_a_long_paragraph_is_cut_between_sentences():
    """And a sentence that is too long between words."""
    found = cut([page(1, "A first one. A second one. Words without any end of it")], most=30)
    assert [one.text for one in found] == ["A first one. A second one.", "Words without any end of it"]
    assert [one.text for one in cut([page(1, "x" * 25)], most=10)] == ["x" * 10, "x" * 10, "x" * 5]


@given(TEXTS)
def test_no_letter_is_lost_and_none_is_doubled(texts):
    """The chunks together are the pages, but for blanks; none is longer than it may be."""
    found = cut([page(number, text) for number, text in enumerate(texts, 1)], most=40)
    assert "".join("".join(one.text.split()) for one in found) == "".join("".join(text.split()) for text in texts)
    assert all(one.text.strip() and len(one.text) <= 40 for one in found)
    assert [one.number for one in found] == list(range(1, len(found) + 1))
