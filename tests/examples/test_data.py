"""The catalog in `data/` and the texts beside it keep what `data/README.md` promises."""

import json
import re
import unicodedata
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

DATA = Path(__file__).parents[2] / "data"
TEXTS = ("README.md", "about_us.md", "brand_voice.md", "lifetime_guarantee.md", "sales_pitches.md")
LISTS = (
    "available_colors",
    "available_sizes",
    "available_inseams",
    "product_features",
    "fabric_details",
    "other_details",
)
TRANSLATED = ("available_colors", "product_features", "fabric_details", "other_details")
DETAILS = {"product_line_id", "category_id", "product_name", "price", *LISTS}


@pytest.fixture(scope="module")
def products():
    return json.loads((DATA / "products.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def details(products):
    return {product["product_id"]: product["extracted_data"] for product in products}


@pytest.fixture(scope="module")
def prose(details):
    """Every text that is translated, with the id of its product."""
    return [(key, text) for key, one in details.items() for field in TRANSLATED for text in one[field] or ()]


@pytest.fixture(scope="module")
def pitches():
    """Each pitch by its heading."""
    text = (DATA / "sales_pitches.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^## (.+)\n\n((?:.+\n)+)", text, re.MULTILINE))


def ids_where(prose, pattern):
    return {key for key, text in prose if re.search(pattern, text)}


def numbers(text):
    return set(re.findall(r"\d+(?:[.,]\d+)*", text))


def test_there_are_44_products_in_order(products):
    """The ids are 1 to 44, in order."""
    assert [product["product_id"] for product in products] == list(range(1, 45))


def test_every_record_has_the_same_shape(products):
    """No record lacks a key or has one too many."""
    assert {frozenset(product) for product in products} == {
        frozenset({"product_id", "url", "processed_at", "extracted_data"})
    }
    assert {frozenset(product["extracted_data"]) for product in products} == {frozenset(DETAILS)}


def test_lists_hold_texts_or_are_null(details):
    """A list is never empty and holds no empty text; what is missing is null."""
    for one in details.values():
        for field in LISTS:
            value = one[field]
            assert value is None or (
                isinstance(value, list) and value and all(isinstance(text, str) and text.strip() for text in value)
            )


def test_the_category_is_always_given(details):
    """Each product has a category, written as a slug."""
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", one["category_id"]) for one in details.values())


def test_prices_are_dollars(details):
    """A price is an amount or a range that rises; only the kit that is not sold has none."""
    assert [key for key, one in details.items() if one["price"] is None] == [43]
    for price in filter(None, (one["price"] for one in details.values())):
        assert re.fullmatch(r"\$\d+\.\d\d( - \$\d+\.\d\d)?", price)
        amounts = [float(amount) for amount in re.findall(r"[\d.]+", price)]
        assert amounts == sorted(set(amounts))


def test_pages_are_on_an_invented_domain(products):
    """Every address is unique and ends in `.example`, which nobody can own."""
    urls = [urlsplit(product["url"]) for product in products]
    assert {(url.scheme, url.hostname) for url in urls} == {("https", "www.brindlehaw.example")}
    assert len({url.path for url in urls}) == 44


def test_times_are_iso_8601(products):
    """The pages were read one after another, in UTC."""
    times = [datetime.fromisoformat(product["processed_at"]) for product in products]
    assert times == sorted(set(times))
    assert {time.utcoffset() for time in times} == {timedelta(0)}


def test_no_name_is_used_twice(details):
    """Names tell the products apart."""
    names = [one["product_name"] for one in details.values() if one["product_name"]]
    assert len(names) == len({name.casefold() for name in names}) == 43


def test_nothing_is_said_twice_in_one_product(details):
    """Colors, sizes and sentences of a product differ from each other."""
    for one in details.values():
        for field in LISTS:
            value = one[field] or []
            assert len(value) == len(set(value))


def test_no_feature_is_filler(details):
    """No two products share a feature."""
    features = [text for one in details.values() for text in one["product_features"] or ()]
    assert len(features) == len(set(features))


def test_the_catalog_is_varied(details):
    """There is something of every kind, none of which is most of it."""
    categories = [one["category_id"] for one in details.values()]
    wanted = {"jackets", "pants", "shorts", "shirts", "base-layers", "hats", "socks", "gloves", "packs", "accessories"}
    assert wanted <= set(categories)
    assert max(map(categories.count, wanted)) <= 8


def test_the_demo_product_is_complete(details):
    """Product 5, which the examples show, has everything but inseams, and numbers and units to keep."""
    demo = details[5]
    assert [field for field, value in demo.items() if value is None] == ["available_inseams"]
    assert len(demo["available_colors"]) == 4
    assert len(demo["product_features"]) >= 5
    text = " ".join(demo["product_features"] + demo["fabric_details"])
    assert all(part in text for part in ("UPF 30+", "121 g", '8"', "88%", "™"))


def test_product_37_is_a_gift_card(details):
    """It has no name, features, fabric or colors, and its sizes are amounts."""
    card = details[37]
    missing = ("product_name", "product_features", "fabric_details", "available_colors", "available_inseams")
    assert all(card[field] is None for field in missing)
    assert card["available_sizes"][:2] == ["$25", "$50"]
    assert all(re.fullmatch(r"\$\d+", size) for size in card["available_sizes"])
    assert card["other_details"]


@pytest.mark.parametrize(
    ("field", "ids"),
    [
        ("product_line_id", {43}),
        ("product_name", {37}),
        ("available_colors", {37, 43}),
        ("available_sizes", {25, 43}),
        ("product_features", {37, 42}),
        ("fabric_details", {16, 25, 37}),
        ("other_details", {7, 19, 28, 39}),
        ("price", {43}),
    ],
)
def test_nulls_are_where_the_readme_says(details, field, ids):
    """The records with holes are the known ones."""
    assert {key for key, one in details.items() if one[field] is None} == ids


def test_every_product_has_something_to_translate(details):
    """However awkward a record is, some text of it is for translators."""
    assert all(any(one[field] for field in TRANSLATED) for one in details.values())


@pytest.mark.parametrize(
    ("pattern", "ids"),
    [
        ("\u00a0", {1, 21, 24, 34, 40}),
        (r"\{[a-z_]+\}", {1, 11, 12, 22, 43}),
        ("[\u2018\u2019\u201c\u201d]", {3, 12, 19, 42}),
        ("\u2212", {21, 22}),
        (r"^.$", {15}),
    ],
    ids=["non-breaking space", "placeholder", "typographic quote", "minus sign", "color of one letter"],
)
def test_awkward_texts_are_where_the_readme_says(prose, pattern, ids):
    """The texts that trip naive code are there, in the known products and no others."""
    assert ids_where(prose, pattern) == ids


@pytest.mark.parametrize(
    "pattern",
    [r"[¼½¾⅔]", r"\d\.\d\"", "™", "®", r"UPF \d+\+", r"\d gsm", r"\d oz\.", r"\d+K/\d+K", r"\d%", "°F", r"\d kg"],
)
def test_numbers_and_units_of_every_kind_occur(prose, pattern):
    """Each kind of figure that a translation has to keep occurs."""
    assert ids_where(prose, pattern)


def test_one_feature_list_is_very_long(details):
    """Product 24 has twenty features; all others stay below ten."""
    lengths = {key: len(one["product_features"] or ()) for key, one in details.items()}
    assert lengths.pop(24) == 20
    assert max(lengths.values()) < 10


def test_inseams_are_inches_or_words(details):
    """An inseam is a length in inches or a name for one."""
    inseams = {inseam for one in details.values() for inseam in one["available_inseams"] or ()}
    assert '5.5"' in inseams
    assert all(re.fullmatch(r"\d+(\.\d)?\"|[A-Z][a-z]+", inseam) for inseam in inseams)


@pytest.mark.parametrize("name", ["products.json", *TEXTS])
def test_texts_are_clean(name):
    """Each file is composed UTF-8 without emoji, control characters or spaces at line ends, and ends in a newline."""
    text = (DATA / name).read_text(encoding="utf-8")
    assert text == unicodedata.normalize("NFC", text)
    assert not [char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co"} and char != "\n"]
    assert not [char for char in text if ord(char) > 0xFFFF or 0x2600 <= ord(char) <= 0x27BF]
    assert not re.search(r"[ \t]$", text, re.MULTILINE)
    assert text.endswith("\n")


@pytest.mark.parametrize("name", ["products.json", *TEXTS])
def test_the_brand_is_invented(name):
    """The real brand of the program that this example grew from is not named."""
    assert "ketl" not in (DATA / name).read_text(encoding="utf-8").casefold()


def test_the_json_is_written_to_be_read():
    """The file is indented and keeps its characters as they are, so that changes are easy to review."""
    text = (DATA / "products.json").read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=2) + "\n"


def test_there_are_six_pitches_of_products_that_exist(pitches, details):
    """Each pitch is headed by the name and the id of a product."""
    assert len(pitches) == 6
    for heading in pitches:
        name, key = re.fullmatch(r"(.+) \(product (\d+)\)", heading).groups()
        assert details[int(key)]["product_name"] == name


def test_pitches_have_75_to_100_words(pitches):
    """No pitch is shorter or longer than the brand allows."""
    assert {heading: 75 <= len(text.split()) <= 100 for heading, text in pitches.items()} == dict.fromkeys(
        pitches, True
    )


def test_pitches_claim_only_figures_of_the_catalog(pitches, details):
    """Every number in digits that a pitch gives stands in its product's record."""
    for heading, text in pitches.items():
        record = json.dumps(details[int(re.search(r"\d+(?=\)$)", heading)[0])], ensure_ascii=False)
        assert numbers(text) <= numbers(record)


def test_the_brand_does_not_shout(pitches):
    """Pitches follow the rule of the voice: no exclamation marks."""
    assert not [heading for heading, text in pitches.items() if "!" in text]


def test_the_readme_names_every_file():
    """No file beside the catalog is left unexplained."""
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in DATA.iterdir() if path.name not in readme and path.name != "README.md"] == []
