"""The checks of translations."""

import re
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from llm_composition_patterns.errors import ConfigurationError
from llm_composition_patterns.patterns import brindlehaw
from llm_composition_patterns.patterns.brindlehaw import Texts
from llm_composition_patterns.patterns.parallelization.product_translation import languages
from llm_composition_patterns.patterns.parallelization.product_translation.checks import findings, verdicts
from llm_composition_patterns.patterns.parallelization.product_translation.numerals import missing_numbers


def texts(*features: str, colors: list[str] | None = None) -> Texts:
    return Texts(
        available_colors=colors, product_features=list(features) or None, fabric_details=None, other_details=None
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Weighs 121 g (4.3 oz)", "Pesa 121 g (4,3 oz)"),
        ("Above 9,000 feet", "Über 9.000 Fuß"),
        ("UPF 30+ knit", "Punto UPF 30+"),
        ("88% polyester", "88 % polyester"),
        ("Care code: {care_cold}", "Pflegecode: {care_cold}"),
        ("Rated to \N{MINUS SIGN}20°F", "Bis \N{MINUS SIGN}20 °F"),
        ("12 pockets", "١٢ جيبًا"),
        ("1,200 g", "1.200 g"),
        ("1,200 g", "1 200 g"),
        ("1,200 g", "1\u202f200 g"),
        ("1,200 g", "1200 g"),
        ("1,200.5 g", "1.200,5 g"),
        ("1,200.5 g", "١٬٢٠٠٫٥ g"),  # noqa: RUF001 - Arabic digits and marks
        ("120,000 stitches", "1,20,000 Stiche"),
        ("Sizes 1,2,3", "Größen 1, 2, 3"),
        ("Since 12.05.2026", "Seit 12.5.2026"),
        ("Sizes 10 and 120", "Größen 10 120"),
        ("Sizes 10 120.5", "Größen 10 120,5"),
    ],
)
def test_what_languages_write_differently_is_no_finding(before: str, after: str):
    """Separators, blanks and digits of another script keep a number what it is."""
    assert findings(texts(before), texts(after)) == []


@pytest.mark.parametrize(
    ("before", "after", "finding"),
    [
        ("Weighs 121 g", "Pesa 112 g", "product_features[0]: number 121 is missing"),
        ("121 g (4.3 oz)", "121 g (oz)", "product_features[0]: number 4.3 is missing"),
        ("121 g (4.3 oz)", "121 g (43 oz)", "product_features[0]: number 4.3 is missing"),
        ("43 pockets", "4,3 bolsillos", "product_features[0]: number 43 is missing"),
        ("1,200 steps", "1,2 pasos", "product_features[0]: number 1,200 is missing"),
        ("5 and 5 and 6", "6", "product_features[0]: number 5, 5 is missing"),
        ("Weighs 121 g", "Pesa 121 gramos", "product_features[0]: unit g is missing"),
        ("UPF 30+", "UV 30+", "product_features[0]: unit UPF is missing"),
        ("Code {care}", "Código", "product_features[0]: placeholder {care} is missing"),
        ("Two pockets", " ", "product_features[0] is empty"),
        ("Hood fits over a cap", "Hood fits over a cap", "product_features: 'Hood fits over a cap' was not translated"),
    ],
)
def test_what_must_not_change_is_found(before: str, after: str, finding: str):
    """A number, unit or placeholder that is gone is a finding; so is a text that stayed as it was."""
    assert findings(texts(before), texts(after)) == [finding]


AMOUNTS = st.lists(st.decimals(0, 10**9, places=2).map(lambda amount: amount.normalize()), min_size=1, max_size=4)
STYLES = (
    (",", "."),
    (".", ","),
    (" ", ","),
    ("\u202f", ","),
    ("\u2019", "."),
    ("", "."),
    ("", ","),
    ("\u066c", "\u066b"),
)


def written(amount: Decimal, grouping: str, mark: str) -> str:
    return f"{amount:,f}".translate({ord(","): grouping, ord("."): mark})


@given(amounts=AMOUNTS, style=st.sampled_from(STYLES))
def test_a_number_is_the_same_in_every_style(amounts: list[Decimal], style: tuple[str, str]):
    """Whatever groups its digits, and whatever stands before its fraction."""
    source, translated = (" and ".join(written(amount, *how) for amount in amounts) for how in ((",", "."), style))
    assert missing_numbers(source, translated) == []


@given(amount=st.decimals(0, 10**9, places=3).filter(lambda amount: amount % 1 != 0), mark=st.sampled_from(("", " ")))
def test_a_fraction_that_is_lost_is_found(amount: Decimal, mark: str):
    """Digits alone do not make a number."""
    source = written(amount.normalize(), "", ".")
    assert missing_numbers(source, source.replace(".", mark)) == [source]


@given(amounts=AMOUNTS, other=st.decimals(0, 10**9, places=2))
def test_a_number_that_is_not_there_is_found(amounts: list[Decimal], other: Decimal):
    """As the source has it, whatever else there is."""
    assume(other not in amounts)
    source = " and ".join(written(amount, ",", ".") for amount in [*amounts, other])
    translated = " y ".join(written(amount, "", ",") for amount in amounts)
    assume(other not in map(Decimal, re.findall(r"\d+", translated)))
    assert missing_numbers(source, translated) == [written(other, ",", ".")]


def test_lists_keep_their_length():
    """A color too few is a finding."""
    found = findings(texts(colors=["Red", "Blue"]), texts(colors=["Rojo"]))
    assert found == ["available_colors has 1 entries instead of 2"]


def test_nothing_appears_and_nothing_disappears():
    """A field that was null stays null, and one that was not does not become it."""
    assert findings(texts(colors=["Red"]), texts("Text")) == [
        "available_colors is missing",
        "product_features is invented",
    ]


def test_a_language_is_known_by_name_and_by_tag():
    """Names in any case, tags, and underscores mean the same language."""
    spellings = ("brazilian portuguese", "Brazilian_Portuguese", "pt-BR", "PT_br", "brazilian-portuguese")
    assert {languages.language(word).tag for word in spellings} == {"pt-BR"}


@pytest.mark.parametrize(
    ("word", "title", "tag", "slug"),
    [
        ("fr-be", "French (fr-BE)", "fr-BE", "french_fr_be"),
        ("es_419", "Spanish (es-419)", "es-419", "spanish_es_419"),
        ("ZH-TW", "Chinese (zh-TW)", "zh-TW", "chinese_zh_tw"),
        ("sr-Latn-RS", "Serbian (sr-Latn-RS)", "sr-Latn-RS", "serbian_sr_latn_rs"),
    ],
)
def test_a_tag_may_name_a_script_and_a_region(word, title, tag, slug):
    """Of a language that is known; the tag is written as its standard has it."""
    found = languages.language(word)
    assert (found.title, found.tag, found.slug, found.in_full) == (title, tag, slug, title)


def test_a_translator_is_told_the_tag_too():
    """Also where the name begins with it."""
    assert [languages.language(word).in_full for word in ("french", "de")] == ["French (fr)", "German (de)"]


def test_a_language_that_is_nearly_known_is_proposed():
    """Before the long list of those that are."""
    with pytest.raises(ConfigurationError, match=r"^unknown language 'fench'; did you mean 'french'\?; known are"):
        languages.language("fench")


def test_every_language_is_one_language():
    """No name or tag means two languages."""
    words = [word for known in languages.KNOWN for word in (known.name, known.tag.lower())]
    assert len(words) == len(set(words))


def test_products_are_selected_once():
    """A product named twice is translated once; `all` means all."""
    known = brindlehaw.load()
    assert [product.product_id for product in brindlehaw.select(known, ["5", "7", "5"])] == [5, 7]
    assert len(brindlehaw.select(known, ["all", "5"])) == 44


SECOND_IS_WRONG = (
    '[{"product_id": 1, "extracted_data": {}}, {"product_id": 2, "extracted_data": {"fabric_details": [7]}}]'
)
SECOND_IS_FIRST = '[{"product_id": 1, "extracted_data": {}}, {"product_id": 1, "extracted_data": {}}]'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "Expecting value"),
        ("\ufffe", "Expecting value"),
        ("[" * 100_000, "it is nested too deeply$"),
        ("{}", "Input should be a valid list$"),
        ("[1]", "record 1: Input should be"),
        ('[{"product_id": "x"}]', "record 1, product_id: Input should be a valid integer"),
        (SECOND_IS_WRONG, "record 2, extracted_data.fabric_details.0: Input should be a valid string$"),
        ("[]", "it is empty"),
        (SECOND_IS_FIRST, "record 2: product_id 1 was there already$"),
    ],
)
def test_what_is_no_catalog_is_refused(tmp_path, content: str, reason: str):
    """A damaged file is one line, with its path and the first record that is wrong."""
    path = tmp_path / "products.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=f"^{path} is no catalog of products: {reason}"):
        brindlehaw.load(path)


def test_each_check_says_whether_it_passed():
    """All five of them, each with what it found and nothing of the others."""
    before = texts("Weighs 121 g", "Made of {fabric}", "A coat for long wet days", colors=["Red", "Blue"])
    after = texts("Pesa 112 onzas", "Hecho de tela", "A coat for long wet days", colors=["Rojo"])
    assert {verdict.check: verdict.findings for verdict in verdicts(before, after)} == {
        "structure": ("available_colors has 1 entries instead of 2",),
        "numbers": ("product_features[0]: number 121 is missing",),
        "units": ("product_features[0]: unit g is missing",),
        "placeholders": ("product_features[1]: placeholder {fabric} is missing",),
        "translated": ("product_features: 'A coat for long wet days' was not translated",),
    }
