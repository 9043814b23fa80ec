"""What the simulated model answers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.simulation._compose import compose, text_to_translate
from llm_composition_patterns.simulation._request import BadRequest, read_request

FIELDS = {
    "product_features": ["Sheds light rain", "UPF 30+ sun protection", "Weighs 121 g"],
    "fabric_details": "100% recycled polyester",
    "other_details": None,
    "available_colors": ["Black", "Storm Blue"],
}
STRINGS = {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}, {"type": "null"}]}
SCHEMA = {
    "type": "object",
    "properties": dict.fromkeys(FIELDS, STRINGS),
    "required": list(FIELDS),
    "additionalProperties": False,
}


def request(*messages, system=None, **settings):
    turns = [{"role": "system", "content": system}] if system else []
    turns += [{"role": "user", "content": message} for message in messages]
    return read_request({"model": "m", "messages": turns, **settings})


def json_schema(schema):
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}


def answer(*messages, seed=0, protected=(), **settings):
    return compose(request(*messages, **settings), seed=seed, protected=protected).text


def translation(language, **settings):
    system = f"You translate the fields of a product from English into {language}. Answer with JSON."
    return json.loads(answer(json.dumps(FIELDS), system=system, **settings))


def test_a_product_is_translated_field_by_field():
    """Every string is marked and changed, null stays null, lists keep their length, numbers and units stay."""
    spanish = translation("Spanish", response_format=json_schema(SCHEMA))
    assert spanish == {
        "product_features": ["[es] Šhéédš lïïght rààïñ", "[es] UPF 30+ šùùñ prôôtééçtïïôñ", "[es] Wééïïghš 121 g"],
        "fabric_details": "[es] 100% rééçÿçlééd pôôlÿééštéér",
        "other_details": None,
        "available_colors": ["[es] Blààçk", "[es] Štôôrm Blùùé"],
    }


def test_languages_differ():
    """The same product in another language is another text."""
    assert translation("French", response_format=json_schema(SCHEMA)) != translation("German")


def test_the_structure_is_kept_without_a_schema():
    """A JSON document to translate comes back as JSON of the same structure; ids and addresses stay."""
    document = {"id": "sku-1", "name": "Warm coat", "parts": [{"note": "Zip", "count": 3}], "url": "shop/coat"}
    result = json.loads(answer(f"Translate into Spanish: {json.dumps(document)}"))
    assert result["id"] == "sku-1"
    assert result["url"] == "shop/coat"
    assert result["parts"][0]["note"].startswith("[es] ")
    assert result["parts"][0]["count"] == 3


def test_the_schema_may_stand_in_the_prompt():
    """With `json_object`, or with nothing, a schema in the prompt is filled."""
    system = f"Translate into Spanish. Answer with a JSON object of this schema:\n{json.dumps(SCHEMA)}"
    for settings in ({"response_format": {"type": "json_object"}}, {}):
        result = json.loads(answer(json.dumps(FIELDS), system=system, **settings))
        assert result["available_colors"][0].startswith("[es] ")
        assert result["other_details"] is None


def test_a_repair_translates_the_same_document():
    """A second turn that complains does not take the document's place."""
    first = {"role": "user", "content": json.dumps(FIELDS)}
    system = {"role": "system", "content": "Translate into Spanish"}
    turns = [system, first, {"role": "assistant", "content": "{oops"}, {"role": "user", "content": "Not JSON: {oops"}]
    wire = {"model": "m", "messages": turns, "response_format": json_schema(SCHEMA)}
    assert json.loads(compose(read_request(wire)).text)["available_colors"][1].startswith("[es] ")


def test_plain_text_is_translated_into_the_field_for_it():
    """A schema with a field for the translation gets the text in it."""
    schema = {"type": "object", "properties": {"translation": {"type": "string"}}, "required": ["translation"]}
    result = answer("Translate to French: Warm coat", response_format=json_schema(schema))
    assert json.loads(result)["translation"].startswith("[fr] W")


def test_the_only_text_of_a_document_is_the_text():
    """`{"source": ...}` is translated into `{"translation": ...}`."""
    schema = {"type": "object", "properties": {"translation": {"type": "string"}}, "required": ["translation"]}
    document = json.dumps({"source": "Warm coat", "count": 3})
    result = answer(document, system="Translate into French", response_format=json_schema(schema))
    assert json.loads(result)["translation"].startswith("[fr] W")


def test_json_without_a_schema_is_an_object():
    """`json_object` alone gets an object that says what it holds."""
    assert json.loads(answer("Why?", response_format={"type": "json_object"})).keys() == {"answer"}
    translated = answer("Translate to French: coat", response_format={"type": "json_object"})
    assert json.loads(translated)["translation"].startswith("[fr] ")


def test_a_language_in_the_document():
    """A document may name the language itself; that name is not translated."""
    document = json.dumps({"target_language": "Greek", "text": "Warm coat"})
    result = json.loads(answer(document, system="Translate the text."))
    assert result["target_language"] == "Greek"
    assert result["text"].startswith("[el] ")


def test_protected_words_come_from_scenario_and_prompt():
    """Neither the scenario's words nor the quoted words of the prompt are changed."""
    text = answer(
        "Alta and Ridgeline coats", system='Translate to Spanish. Do not translate "Alta".', protected=("Ridgeline",)
    )
    assert "Alta" in text
    assert "Ridgeline" in text


def test_a_label_follows_the_text():
    """A choice between labels takes the one that the text names."""
    labels = {"type": "object", "properties": {"label": {"enum": ["product", "guarantee"]}}, "required": ["label"]}
    text = answer("Does the guarantee last?", system="Classify the question.", response_format=json_schema(labels))
    assert json.loads(text) == {"label": "guarantee"}


def test_other_questions_get_a_plain_answer():
    """The answer says that it is simulated and names the topic, in short."""
    text = answer("What is the capital of France?")
    assert "simulated" in text
    assert text.endswith("What is the capital of France?")
    assert len(answer("word " * 500)) < 200
    assert answer(" ").endswith("the data given")


def test_not_to_translate_is_no_translation():
    """A prompt that forbids translating does not ask for it."""
    assert "simulated answer" in answer("Hello", system="Never translate names. Do not translate.")


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("Translate to Spanish: Warm coat", "Warm coat"),
        ("Translate the following text to Spanish:\n\nWarm coat\nDry coat", "Warm coat\nDry coat"),
        ("Please translate into Spanish.\n\nWarm coat", "Warm coat"),
        ("Warm coat\n\nTranslate this into Spanish.", "Warm coat"),
        ("Translate 'Warm coat' to Spanish", "Warm coat"),
        ("Translate to Spanish:\n```text\nWarm coat\n```", "Warm coat"),
        ('Translate """Warm coat""" please', "Warm coat"),
        ("<text>Warm coat</text> Translate it", "Warm coat"),
        ("Warm coat", "Warm coat"),
        ("Translate Warm coat", "Translate Warm coat"),
    ],
)
def test_the_text_is_told_from_the_instruction(message, text):
    """Only what is to be translated is translated."""
    assert text_to_translate(message) == text


@pytest.mark.parametrize(
    "schema",
    [
        {"type": ["object"], "properties": []},
        {"type": "object", "required": 5},
        {"type": "string", "minLength": "x"},
        {"type": "array", "minItems": {}},
        {"type": {"a": []}},
        {"anyOf": 7},
        {"type": "integer", "minimum": float("nan"), "multipleOf": "x"},
    ],
)
def test_a_schema_that_is_none_is_a_bad_request(schema):
    """Keywords of the wrong type are the caller's mistake and reported as such."""
    with pytest.raises(BadRequest, match="schema"):
        answer("Hello", response_format=json_schema(schema))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.floats(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "properties", "items", "enum", "anyOf", "required", "$ref", "minimum", "pattern"]
                )
                | st.text(max_size=3),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_value_as_a_schema_gives_json_or_a_bad_request(schema):
    """Nonsense for a schema never ends in another error."""
    try:
        text = answer("Hello {", response_format=json_schema(schema))
    except BadRequest:
        return
    json.loads(text)


@given(st.text('{}[]":,ab1 \n', max_size=200), st.booleans())
def test_braces_in_prose_are_no_trouble(text, translate):
    """Text full of braces is answered like any other."""
    assert isinstance(answer(text, system="Translate to Spanish" if translate else None), str)


def test_a_long_run_of_braces_ends():
    """Deep nests and endless braces neither hang nor fail."""
    deep = ['[{"a": ' * 60 + '"x"' + "}]" * 60, '{"a": ' * 70 + "1" + "}" * 70]
    for text in ("{" * 100_000, "[" * 100_000, '{"a":' * 20_000, *deep, f"Look: {deep[0]}"):
        assert answer(text, system="Translate to Spanish")


def test_a_document_is_copied_where_nothing_is_translated():
    """Fields of the same names are taken over as they are."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    text = answer('Extract the name: {"name": "Ridgeline"}', response_format=json_schema(schema))
    assert json.loads(text) == {"name": "Ridgeline"}


def test_what_is_no_json_is_prose():
    """NaN makes a document none."""
    assert "simulated answer" in answer('Look at {"a": NaN}')


def test_the_seed_changes_what_is_drawn():
    """Another seed draws another number; the same seed the same."""
    schema = {"type": "integer", "minimum": 0, "maximum": 10**9}
    drawn = [answer("x", seed=seed, response_format=json_schema(schema)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_term_of_a_glossary_may_be_a_number():
    """It is none of the places that other terms have kept; there is nothing else to translate here."""
    document = {"glossary": {"卷积": "convolution", "0": "zero"}, "text": "卷积0"}
    translated = json.loads(answer(json.dumps(document), system="Translate from Chinese into English."))
    assert translated["text"] == "convolutionzero"


def test_a_translation_uses_the_words_of_a_glossary():
    """The longest term that is there; the rest is made up."""
    document = {"glossary": {"卷积": "convolution", "卷积网络": "convolutional network"}, "text": "用卷积网络与卷积核"}
    translated = json.loads(answer(json.dumps(document), system="Translate from Chinese into English."))
    assert translated["text"] == "[en] ki convolutional network ki convolution sa"
