"""The scanner of what is not translated, and the tokens in its place."""

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from examples.paper_translation import _scan
from examples.paper_translation._mask import TOKEN, damage, mask, unmask

AWKWARD = st.lists(
    st.sampled_from(
        [
            *(
                "$",
                "$$",
                "\\",
                "\\(",
                "\\)",
                "\\[",
                "\\]",
                "{",
                "}",
                "`",
                "```",
                "\n",
                "\n\n",
                "~~~",
                "[",
                "]",
                "(",
                ")",
            ),
            *("\\begin{align}", "\\end{align}", "\\begin{tabular}", "\\end{tabular}", "\\text{", "\\cite", "\\ref{"),
            *("⟦", "⟧", "⟦M1⟧", "⟦T2⟧", "[3]", "[@key]", "https://", "a.example/b", "doi:", "10.1000/x", "www."),
            *(
                "$5",
                " and ",
                "x_1",
                "a",
                "中",
                "，",
                " ",
                "@",
                "<",
                ">",
                "<math>",
                "</math>",
                "|---|",
                "1",
                "\x00",
                "😀",
            ),
        ]
    ),
    max_size=40,
).map("".join)


def kept(text):
    """The pieces that are kept, in their order."""
    return list(mask(text).pieces.values())


@given(st.text() | AWKWARD)
@example("⟦M1⟧ $x$ ⟦")
def test_any_text_comes_back(text):
    """What is masked and unmasked is what it was, character by character."""
    masked = mask(text)
    assert unmask(masked.text, masked.pieces) == text
    assert not damage(masked.text, masked.pieces)


@given(AWKWARD, st.randoms(use_true_random=False))
def test_tokens_may_be_reordered(text, chance):
    """In any order each piece is put back once, where its token stands."""
    pieces = mask(text).pieces
    tokens = list(pieces)
    chance.shuffle(tokens)
    answer = " word ".join(tokens)
    assert not damage(answer, pieces)
    assert unmask(answer, pieces) == " word ".join(pieces[token] for token in tokens)


@given(AWKWARD, st.integers(1, 10**6))
def test_each_token_is_used_once(text, first):
    """Also those of a text that has tokens already, and wherever the numbers begin."""
    masked = mask(text, first=first)
    assert TOKEN.findall(masked.text) == list(masked.pieces)
    assert "⟦" not in TOKEN.sub("", masked.text)


@given(AWKWARD.filter(lambda text: len(mask(text).pieces) > 0), st.data())
def test_a_missing_token_is_named(text, data):
    """And nothing else is."""
    masked = mask(text)
    gone = data.draw(st.sampled_from(list(masked.pieces)))
    found = damage(masked.text.replace(gone, ""), masked.pieces)
    assert (found.missing, found.doubled, found.unknown) == ((gone,), (), ())


@given(AWKWARD.filter(lambda text: len(mask(text).pieces) > 0), st.data())
def test_a_doubled_token_is_named(text, data):
    """However far apart the two are."""
    masked = mask(text)
    twice = data.draw(st.sampled_from(list(masked.pieces)))
    assert damage(f"{twice} {masked.text}", masked.pieces).doubled == (twice,)


def test_an_unknown_token_is_named():
    """One that the model made up."""
    assert damage("⟦M1⟧ and ⟦M7⟧", {"⟦M1⟧": "$x$"}).unknown == ("⟦M7⟧",)


@pytest.mark.parametrize("wrong", ["⟦M 1⟧", "⟦m1⟧", "[[M1]]", "【M1】", "[M1]", "⟦M1", "M1⟧", "⟦M1⟦"])
def test_a_mangled_token_is_named(wrong):
    """Whatever a model makes of the brackets."""
    found = damage(f"where {wrong} is", {"⟦M1⟧": "$x$"})
    assert found.missing == ("⟦M1⟧",)
    assert found.mangled == (wrong,)
    assert str(found) == f"missing: ⟦M1⟧; damaged: {wrong}"


def test_ordinary_brackets_are_no_damage():
    """They are no token that is missing."""
    assert not damage("as in [M2] and 【3】 ⟦M1⟧", {"⟦M1⟧": "$x$"})


@pytest.mark.parametrize(
    "text",
    [
        "costs $5 and $6",
        "from $5 to $10, or US$6.50",
        "价格为$5，而不是$6，共$11。",
        "a budget of $5 million and 6$ a day",
        r"it is \$5 and \$6",
        "one lone $ sign",
        "a $x with no end\n\nand $ another paragraph",
        "$20-$30 and $1,000.",
    ],
)
def test_money_is_no_mathematics(text):
    """Prices are translated with their sentence."""
    assert kept(text) == []


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("设 $x$ 和 $y_1$ 为", ["$x$", "$y_1$"]),
        ("$5x+3=0$ costs $5", ["$5x+3=0$"]),
        ("$5$ apples", ["$5$"]),
        (r"$a = \text{ if $b$ then } c$ 且", [r"$a = \text{ if $b$ then } c$"]),
        (r"当 \(a \in \[0,1\]\) 时", [r"\(a \in \[0,1\]\)"]),
        ("$$\nx\n\ny\n$$ 即", ["$$\nx\n\ny\n$$"]),
        (r"\[ \begin{cases} 1 & $x$ \end{cases} \]", [r"\[ \begin{cases} 1 & $x$ \end{cases} \]"]),
        (
            r"有\begin{align}a\begin{align}b\end{align}\end{align}成立",
            [r"\begin{align}a\begin{align}b\end{align}\end{align}"],
        ),
        (r"\begin{equation*}E=mc^2\end{equation*}", [r"\begin{equation*}E=mc^2\end{equation*}"]),
        ("<math><mi>x</mi></math> 与 H<sub>2</sub>O", ["<math><mi>x</mi></math>", "<sub>", "</sub>"]),
    ],
)
def test_mathematics_is_kept(text, pieces):
    """Inline, on its own, nested, in environments."""
    assert kept(text) == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("见文献[1, 3-5]和[12]", ["[1, 3-5]", "[12]"]),
        ("如 [@wang2020; @li] 与 [^2]", ["[@wang2020; @li]", "[^2]"]),
        ("as shown (Wang et al., 2019; Li and Zhao, 2020b) before", ["(Wang et al., 2019; Li and Zhao, 2020b)"]),
        (r"由\citep[见][第2页]{wang{a}}与\eqref{eq:1}", [r"\citep[见][第2页]{wang{a}}", r"\eqref{eq:1}"]),
        ("链接 [主页](https://a.example/x_(1)) 及", ["https://a.example/x_(1)"]),
        ("图 ![曲线](figs/a.png) 及", ["(figs/a.png)"]),
        ("见 https://a.example/b?c=1。", ["https://a.example/b?c=1"]),
        ("(see https://a.example/b).", ["https://a.example/b"]),
        ("DOI: 10.1000/xyz-1.2, doi:10.1234/a(b)c.", ["DOI: 10.1000/xyz-1.2", "doi:10.1234/a(b)c"]),
        ("arXiv:2101.01234v2 与 a.b@c.example", ["arXiv:2101.01234v2", "a.b@c.example"]),
        ("用 `x = $y$` 与 ``a`b``", ["`x = $y$`", "``a`b``"]),
        ("例\n```python\nprint('$5')\n\nx\n```\n完", ["```python\nprint('$5')\n\nx\n```"]),
        ("例\n~~~\na\n~~~\n完", ["~~~\na\n~~~"]),
        ("| 甲 | 乙 |\n|---|:-:|\n| 1 | 2 |", ["|---|:-:|"]),
        (r"\begin{tabular}{ll}a&$b$\end{tabular}", [r"\begin{tabular}{ll}a&$b$\end{tabular}"]),
        (
            r"\emph{强调}与\begin{itemize}\item 甲\end{itemize}",
            [r"\emph", r"\begin{itemize}", r"\item", r"\end{itemize}"],
        ),
        ("已有 ⟦M1⟧ 的文 ⟧", ["⟦M1⟧", "⟧"]),
    ],
)
def test_citations_code_and_addresses_are_kept(text, pieces):
    """And the text around them is not."""
    assert kept(text) == pieces


def test_what_has_only_pieces_needs_no_translation():
    """No letter is left outside of the tokens."""
    assert mask("$$x$$ [1] 42.").is_empty
    assert not mask("$$x$$ 其中").is_empty


def test_a_long_text_of_openings_takes_linear_time():
    """Nothing closes, and nothing is kept: a hundred thousand of each."""
    chance = random.Random(7)
    text = "".join(chance.choices(["$a ", "\\begin{align} ", "`b ", "[1 ", "\\cite{x "], k=20_000))
    assert unmask(mask(text).text, mask(text).pieces) == text


@pytest.mark.parametrize("opening", ["$${", "$ {", " $ ", "{$$ "])
def test_dollar_signs_that_close_nothing_are_passed_by(opening, monkeypatch):
    """Each looks at no more than some others: else a page of them would hold the event loop for minutes."""

    class Counting:
        def finditer(self, *given):
            for found in formula.finditer(*given):
                looked.append(found.start())
                yield found

    formula, looked = _scan._IN_FORMULA, []
    monkeypatch.setattr(_scan, "_IN_FORMULA", Counting())
    text = opening * 1000
    assert unmask(mask(text).text, mask(text).pieces) == text
    assert len(looked) <= 1000 * 2 * 2 * (_scan.MOST_PASSED + 1)
