"""The language that a request asks for."""

import pytest

from llm_composition_patterns.simulation._languages import canonical, target_language


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("Translate the product from English into Spanish.", "es"),
        ("translate to french", "fr"),
        ("You translate English product texts to German (de).", "de"),
        ("Translate into Brazilian Portuguese.", "pt-BR"),
        ("from English into Swiss German (de-CH).", "de-CH"),
        ("from English into Portuguese (pt-BR).", "pt-BR"),
        ("from English into Chinese (zh-Hant).", "zh-Hant"),
        ("Translate into Portuguese (Brazil).", "pt-BR"),
        ("Translate into Simplified Chinese", "zh-Hans"),
        ("Translate into **Japanese**", "ja"),
        ('Translate it into "Korean"', "ko"),
        ("Target language: Italian", "it"),
        ("target_language: it", "it"),
        ("Target language is Polish. Translate.", "pl"),
        ("language=pt_br", "pt-BR"),
        ("Translate to `es-MX`", "es-MX"),
        ("Translate the text to it, and to no other", None),
        ("Translate into Klingon. Our French terry hoodie", None),
        ("Give the Swedish translation", "sv"),
        ("Translate from French to English", "en"),
        ("Write the answer in Dutch", "nl"),
        ("Translate this for our Danish customers", "da"),
        ("Translate from French", None),
        ("Translate. Language: xq", None),
        ("Translate to he", None),
        ("Translate to 'he'", "he"),
        ("", None),
    ],
)
def test_the_language_is_found(text, tag):
    """Names, tags and labels are understood; words that look like tags are not."""
    assert target_language([text]) == tag


def test_the_surest_sign_wins():
    """An explicit target anywhere comes before a mere mention."""
    assert target_language(["Our German translators write", "Translate into Greek"]) == "el"


@pytest.mark.parametrize(("tag", "usual"), [("pt_br", "pt-BR"), ("ZH-hant", "zh-Hant"), ("es-419", "es-419")])
def test_tags_are_written_as_usual(tag, usual):
    """Case and separator of a tag are made the usual ones."""
    assert canonical(tag) == usual
