"""Pseudo-localised text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.simulation._pseudo import protected_words, pseudo_translate


def test_it_is_plainly_simulated_and_readable():
    """A mark names the language; letters have accents and vowels are doubled."""
    assert pseudo_translate("Storm Blue jacket", "es") == "[es] Štôôrm Blùùé jààçkéét"


def test_each_language_looks_different():
    """No two languages give the same text."""
    texts = {pseudo_translate("Lightweight jacket", tag) for tag in ("es", "fr", "de", "ja", "pt-BR", None)}
    assert len(texts) == 6


@pytest.mark.parametrize(
    "kept",
    [
        "UPF 30+", "121 g", "121\u00a0g", "4.5 oz", "4.5\u202foz", "100%", "$25.00", "€30", "10,000 mm", "30D", "H2O",
        "{name}", "{{count}}", "${price}", "%s", "%(item)s", "%d", "%1$s", "<b>", "</b>", '<a href="https://x.y">',
        "&amp;", "https://example.com/a?b=1", "www.example.com", "care@example.com",
        "PrimaLoft", "YKK®", "AquaGuard®", "DWR",
        "⟦M1⟧", "`code`", "XS", "3.5", "20°C", "1/2", "12:30",
    ],
)  # fmt: skip
def test_what_a_translator_keeps_is_kept(kept):
    """Numbers, units, placeholders, tags, addresses, acronyms and names come through unchanged."""
    assert kept in pseudo_translate(f"A jacket {kept} and another", "fr")


def test_a_percentage_is_not_a_placeholder():
    """`30% spandex` is a number and a word."""
    assert re.fullmatch(r"\[es\] 30% \w{9}", pseudo_translate("30% spandex", "es"))
    assert "spandex" not in pseudo_translate("30% spandex", "es")


def test_protected_words_are_kept():
    """Words that the caller protects are left alone, the longest first."""
    text = pseudo_translate("The Ridge Line tent of Ridge", "es", protected=("Ridge", "Ridge Line"))
    assert "Ridge Line " in text
    assert text.endswith(" Ridge")


@pytest.mark.parametrize("text", ["", "  ", "12.5", "$30 - 40", "https://example.com", "{name}", "<br>", "%s", "—"])
def test_nothing_to_translate_is_left_alone(text):
    """What has no words in it stays as it is."""
    assert pseudo_translate(text, "es") == text


def test_a_short_code_is_marked():
    """A value that is kept as a whole still shows that it was seen."""
    assert pseudo_translate("UPF 30+", "es") == "[es] UPF 30+"


def test_space_around_stays_around():
    """Leading and trailing white space stays outside the mark; lines stay lines."""
    assert re.fullmatch(r"\n \[es\] [^\n]+\n\n- [^\n]+ \n", pseudo_translate("\n Warm coat\n\n- Dry coat \n", "es"))


LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=4, max_size=12)


@given(st.lists(LETTERS, min_size=8))
def test_text_grows_by_at_most_about_a_third(words):
    """The text never shrinks and grows by about a third at most, the mark aside."""
    text = " ".join(words)
    grown = len(pseudo_translate(text, "es")) - len("[es] ")
    assert len(text) <= grown <= len(text) * 1.38


def test_ordinary_text_grows_by_about_thirty_per_cent():
    """Ordinary English grows as real translations do."""
    text = "Durable water repellent finish keeps light rain from soaking into the fabric of this jacket"
    assert 1.15 <= (len(pseudo_translate(text, "es")) - 5) / len(text) <= 1.35


@given(st.text(), st.sampled_from(["es", "ja", None]))
def test_any_text_is_marked_once_or_left_alone(text, tag):
    """Whatever the text, the result is itself, or marked once; always the same one."""
    result = pseudo_translate(text, tag)
    assert result == text or result.strip().startswith(f"[{tag or 'xx'}] ")
    assert result == pseudo_translate(text, tag)


@given(st.text("aB1 %{}<>&;:/.@-$", max_size=60))
def test_digits_always_come_through(text):
    """No digit is lost, whatever stands around it."""
    assert re.findall(r"\d", pseudo_translate(text, "de")) == re.findall(r"\d", text)


def test_names_that_a_prompt_lists():
    """Names need no quotes where the prompt says that they are names."""
    prompt = "Translate well.\nKeep numbers and the names Alta, Ridge Line and Women's Sol Jacket. Be brief."
    assert protected_words([prompt]) == ("Alta", "Ridge Line", "Women's Sol Jacket")


def test_protected_words_of_a_prompt():
    """What a prompt says to keep is found in its quotes."""
    prompt = 'Never translate "Ridge Line" or `Alta`. Call it "nice".\nKeep “Sol” as it is.'
    assert protected_words([prompt]) == ("Ridge Line", "Alta", "nice", "Sol")


def test_chinese_becomes_syllables():
    """None of its characters is left; numbers, codes, tokens and terms beside them are kept, apart from the words."""
    text = pseudo_translate("其中⟦M1⟧表示权重、ResNet50与《论语》\uff0c准确率为95.2%。", "en")
    assert text == "[en] punu ⟦M1⟧ kuse gode, ResNet50 ki “baro”, kafi nima 95.2%."


@pytest.mark.parametrize("tag", ["zh", "zh-Hant", "ja", "ko"])
def test_a_language_with_characters_keeps_them(tag):
    """A text for Japan may have them."""
    assert pseudo_translate("本文\uff0c", tag) == f"[{tag}] 本文\uff0c"
