"""Checks of translations without a reference."""

import pytest

from examples.paper_translation._checks import findings
from examples.paper_translation._languages import another_language, language
from examples.paper_translation._numbers import missing_numbers
from llm_composition_patterns import ConfigurationError

CHINESE = "本文研究了卷积神经网络在图像分割中的应用，并与已有方法进行了比较，结果表明该方法有效。"
ENGLISH = (
    "This paper studies the use of convolutional neural networks in image segmentation and compares them with "
    "earlier methods; the results show that the method works."
)


def found(source, translated, glossary=None, languages=("zh", "en")):
    spoken, wanted = map(language, languages)
    return list(findings(source, translated, spoken=spoken, wanted=wanted, glossary=glossary or {}))


def test_a_good_translation_has_no_finding():
    """With its tokens and its numbers."""
    assert found(CHINESE + "⟦M1⟧为95.2%。", ENGLISH + " ⟦M1⟧ is 95.2%.") == []


@pytest.mark.parametrize(
    ("source", "translated", "finding"),
    [
        (CHINESE, " ", "it is empty"),
        (CHINESE + "⟦M1⟧", ENGLISH, "tokens missing: ⟦M1⟧"),
        (CHINESE + "共95.2%", ENGLISH, "numbers are missing: 95.2"),
        (CHINESE, ENGLISH + "结果", "2 characters are still Chinese (1.4%)"),
        (CHINESE, CHINESE, "it was not translated"),
        (CHINESE, "A paper.", "it is 0.1 times as long as is usual"),
        (CHINESE, ENGLISH * 4, "it is 5.2 times as long as is usual"),
        (CHINESE, ENGLISH + "and so it goes on and on " * 6, "it says 6 times: and so it goes on and"),
        ("| 甲 | 乙 |\n| 丙 | 丁 |", "| A | B |\n| C | D", "the table has 5 bars and not 6"),
    ],
)
def test_each_fault_is_a_finding(source, translated, finding):
    """Said as a person would."""
    assert finding in found(source, translated)


def test_the_glossary_is_followed():
    """A term that is there has its word."""
    words = {"图像分割": "image segmentation", "语料库": "corpus"}
    assert found(CHINESE, ENGLISH, words) == []
    assert found(CHINESE, ENGLISH.replace("image seg", "picture seg"), words) == [
        "the glossary was not followed for 图像分割"
    ]


def test_another_language_is_named():
    """By its small words."""
    french = "Dans cet article, nous étudions les réseaux de neurones et la segmentation des images avec une méthode"
    assert another_language(french + " qui est dans le cadre de la vision", language("en")) == "French"
    assert another_language(ENGLISH, language("en")) is None


def test_latin_languages_may_share_letters():
    """A German text in English is not half German."""
    assert found("Die Ergebnisse sind in Tabelle 1", "The results are in table 1", languages=("de", "en")) == []
    assert found("Die Ergebnisse sind in Tabelle", "Die Ergebnisse sind in Tabelle", languages=("de", "en")) == [
        "it was not translated"
    ]


@pytest.mark.parametrize(
    ("source", "translated", "missing"),
    [
        ("3.5万人", "35,000 people", []),
        ("3.5万人", "3.5 people", []),
        ("2亿元", "200 million yuan", []),
        ("2019年3月", "March 2019", []),
        ("12组", "twelve groups", []),
        ("1,250个", "1250 of them", []),
        ("5和5", "5", ["5"]),
        ("ResNet50的⟦M3⟧", "the ⟦M3⟧", []),
        ("2.50", "2.5", []),
    ],
)
def test_numbers_are_compared_by_value(source, translated, missing):
    """Large Chinese units, months and small numbers in words count."""
    assert missing_numbers(source, translated) == missing


@pytest.mark.parametrize(
    ("source", "translated", "missing"),
    [
        ("约3.5亿", "about 3.5 million", ["3.5亿"]),
        ("约3.5亿", "about 350 million", []),
        ("5百万", "5 million", []),
        ("3万亿", "3 trillion", []),
        ("5 million people", "5 Millionen Menschen", []),
        ("5 million people", "500万人", []),
        ("5 million people", "5万人", ["5 million"]),
        ("长5千米", "5 km long", []),
        ("5 km long", "长5千米", []),
    ],
)
def test_a_number_of_another_size_is_missing(source, translated, missing):
    """The same digits are not enough, in whichever language they are counted."""
    assert missing_numbers(source, translated) == missing


def test_an_unknown_language_lists_those_that_are_known():
    """By name and tag."""
    assert language(" Chinese ") is language("zh")
    with pytest.raises(ConfigurationError, match=r"known are Chinese \(zh\), Japanese"):
        language("klingon")
