"""What the examples know of the brand: its catalog, and how it is searched."""

import pytest

from llm_composition_patterns.patterns import brindlehaw
from llm_composition_patterns.patterns.brindlehaw import find_products


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("Which gloves are for work?", "Woodlot Work Glove"),
        ("I need a rain poncho", "Thicket Rain Poncho"),
        ("Does the High Meadow hoodie fit over a helmet?", "High Meadow Sun Hoodie"),
        ("Can it be a tarp?", "Thicket Rain Poncho"),
    ],
)
def test_the_rarest_words_find_a_product(question, first):
    """Those of its name and category before those of its description."""
    assert find_products(brindlehaw.catalog().values(), question)[0].name == first


def test_words_that_nothing_has_find_nothing():
    """Nor do words that are everywhere, or too short."""
    assert find_products(brindlehaw.catalog().values(), "What is it? xylophone") == []


def test_no_more_are_found_than_wanted():
    """The best of them, in the same order."""
    gloves = find_products(brindlehaw.catalog().values(), "gloves", most=5)
    assert len(gloves) == 5
    assert find_products(brindlehaw.catalog().values(), "gloves", most=2) == gloves[:2]


def test_the_catalog_is_read_once():
    """And nobody changes it for the others."""
    assert brindlehaw.catalog() is brindlehaw.catalog()
    assert dict(brindlehaw.catalog()) == brindlehaw.load()
    with pytest.raises(TypeError):
        brindlehaw.catalog()[45] = brindlehaw.catalog()[1]


def test_a_product_says_what_the_record_says():
    """In few words, where the record has any."""
    hoodie, card, kit = (brindlehaw.catalog()[number] for number in (5, 37, 43))
    assert (hoodie.name, hoodie.kind, hoodie.price) == ("High Meadow Sun Hoodie", "shirts", "$89.00")
    assert hoodie.facts[-1] == "Sewn in Lost Anvil, Idaho"
    assert len(hoodie.facts) == 6 + 3 + 3
    assert (card.name, kit.price) == ("product 37 (no name)", "not sold")


def test_the_brand_voice_leaves_out_what_is_for_people():
    """Who is speaking, the rules and the words are for models as well."""
    headings = [line for line in brindlehaw.brand_voice().splitlines() if line.startswith("#")]
    assert headings == ["# Brand voice", "## Who is speaking", "## Rules", "## Words"]


def test_sales_pitches_are_those_of_products():
    """Each tells of its own product, in 75 to 100 words."""
    pitches = brindlehaw.sales_pitches()
    assert list(pitches) == [5, 34, 24, 22, 12, 28]
    assert all(75 <= len(pitch.split()) <= 100 for pitch in pitches.values())
    assert "High Meadow Sun Hoodie" in pitches[5]
