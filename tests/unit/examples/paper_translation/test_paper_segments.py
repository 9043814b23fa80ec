"""Bodies as paragraphs, and papers as segments."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.paper_translation._body import format_of, paragraphs
from examples.paper_translation._invented import invented
from examples.paper_translation._mask import unmask
from examples.paper_translation._records import Paper
from examples.paper_translation._segments import LEAST, MOST, segments, tokens


def paper(body, **fields):
    allowed = {"raw": "CC BY", "derivatives_allowed": True}
    return Paper.model_validate({"id": "p", "title": "题目", "body": body, "license": allowed, **fields})


def test_markdown_is_split_at_blank_lines():
    """But not inside a listing or a formula."""
    body = "# 甲\n\n乙\n丙\n\n```\na\n\nb\n```\n\n$$\nx\n\ny\n$$\n\n\n丁"
    assert paragraphs(body) == ["# 甲", "乙\n丙", "```\na\n\nb\n```", "$$\nx\n\ny\n$$", "丁"]


def test_latex_has_the_marks_of_markdown():
    """Without its preamble and comments."""
    body = (
        "\\documentclass{article}\n\\begin{document}\n\\section{引言}\n甲\\emph{乙}% 备注\n丙，占 5\\%\n\n"
        "\\begin{align}\na\n\nb\n\\end{align}\n\\end{document}"
    )
    assert format_of(body) == "latex"
    assert paragraphs(body) == ["## 引言\n甲*乙*丙，占 5\\%", "\\begin{align}\na\n\nb\n\\end{align}"]


def test_lines_of_a_pdf_are_joined():
    """Running heads and page numbers are left out, words that were cut are whole again."""
    page = "虚构学报\n第一行的文字很长很长很长很长很长\n第二行。\nthe para-\nmeter of a model\nis here.\n{}"
    text = "\f".join(page.format(number) for number in (1, 2, 3))
    assert format_of(text) == "pdf"
    assert paragraphs(text) == ["第一行的文字很长很长很长很长很长第二行。", "the parameter of a model is here."] * 3


def test_a_paper_is_a_front_and_bodies():
    """The title, the abstract, subjects and creators together; then the paragraphs, with what came before them."""
    cut = segments(paper("甲。" * 500 + "\n\n" + "乙。" * 500, abstract="摘要", subjects=["数学"], creators=["王明"]))
    assert [unit.field for unit in cut[0].units] == ["title", "abstract", "subjects", "creators"]
    assert [[unit.index for unit in segment.units] for segment in cut[1:]] == [[0], [1]]
    assert (cut[1].context, cut[2].context) == ("", "甲。" * 150)


def test_segments_have_1200_to_1800_tokens():
    """Fewer only where the next paragraph would be too many, or none is left."""
    for record in invented(26, seed=5):
        cut = segments(Paper.model_validate(record))[1:]
        sizes = [[tokens(unit.masked.text) for unit in segment.units] for segment in cut]
        assert all(sum(size) <= MOST for size in sizes)
        assert all(sum(one) >= LEAST or sum(one) + after[0] > MOST for one, after in pairwise(sizes))


@given(st.text(alphabet="中。a $x⟦⟧1\n.", max_size=60).map(lambda text: text * 120))
def test_a_long_paragraph_comes_back_from_its_parts(body):
    """Nothing is lost between the sentences, and no token is cut."""
    given_paragraphs = paragraphs(paper(body).body_text)
    rebuilt = {}
    for segment in segments(paper(body))[1:]:
        for unit in segment.units:
            rebuilt[unit.index] = rebuilt.get(unit.index, "") + unmask(unit.masked.text, unit.masked.pieces)
    assert all(given_paragraphs[index] == text for index, text in rebuilt.items())


def test_tokens_of_a_segment_are_told_apart():
    """Each paragraph has numbers of its own."""
    cut = segments(paper("设 $a$ 与 [1]。\n\n设 $b$。"))
    assert [unit.masked.text for unit in cut[1].units] == ["设 ⟦M1⟧ 与 ⟦C2⟧。", "设 ⟦M3⟧。"]


def test_what_has_no_words_is_not_sent():
    """A formula alone, a listing, a heading of a number."""
    assert len(segments(paper("$$x$$\n\n```\na\n```\n\n42", title="$x$"))) == 0


@pytest.mark.parametrize(("text", "count"), [("", 0), ("中文", 2), ("abcd", 1), ("中文ab", 3)])
def test_tokens_are_estimated(text, count):
    """A Chinese character is one, and so are four letters."""
    assert tokens(text) == count
