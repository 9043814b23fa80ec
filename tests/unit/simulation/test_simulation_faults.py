"""Which requests the faults strike, and what they leave."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.simulation import Fault
from llm_composition_patterns.simulation._compose import Composed
from llm_composition_patterns.simulation._faults import Faults, spoiled
from llm_composition_patterns.simulation._request import read_request


def request(text, **settings):
    return read_request({"model": "m", "messages": [{"role": "user", "content": text}], **settings})


def kinds(faults, *texts, seed=0):
    state = Faults(faults, seed)
    return [fault and fault.kind for fault in (state.striking(request(text)) for text in texts)]


def test_each_language_has_its_fault():
    """Spanish is refused for ever, French hangs, German is malformed three times, Italian is fine."""
    faults = (
        Fault(kind="rate_limit", match="Spanish", retry_after=1),
        Fault(kind="hang", match="French"),
        Fault(kind="malformed_json", match="German", times=3),
    )
    texts = ["to Spanish", "to french", "to Italian", *["to German"] * 4, "to SPANISH"]
    assert kinds(faults, *texts) == [
        "rate_limit", "hang", None, "malformed_json", "malformed_json", "malformed_json", None, "rate_limit",
    ]  # fmt: skip


def test_the_first_of_several_strikes():
    """When the first has struck often enough, the next has its turn."""
    faults = (Fault(kind="server_error", times=1), Fault(kind="drop", times=1))
    assert kinds(faults, "a", "b", "c") == ["server_error", "drop", None]


def test_a_share_is_struck_by_the_seed():
    """A probability strikes about its share, always the same requests, by the seed."""
    faults = (Fault(kind="server_error", probability=0.3),)
    texts = [f"text {number}" for number in range(1000)]
    struck = kinds(faults, *texts)
    assert 250 <= struck.count("server_error") <= 350
    assert struck == kinds(faults, *texts)
    assert struck != kinds(faults, *texts, seed=1)


def test_times_counts_strikes():
    """With a probability, `times` counts what is struck."""
    faults = (Fault(kind="server_error", probability=0.5, times=5),)
    assert kinds(faults, *["a"] * 100).count("server_error") == 5


def test_a_fault_has_its_time():
    """From `after` on and before `until`; what comes at other times is not counted against its times."""
    state = Faults((Fault(kind="server_error", after=1, until=3, times=2), Fault(kind="drop", after=3.5)), 0)
    struck = [state.striking(request("a"), elapsed) for elapsed in (0, 0.9, 1, 2.9, 2.9, 3, 3.5, 1000)]
    assert [fault and fault.kind for fault in struck] == [
        None, None, "server_error", "server_error", None, None, "drop", "drop",
    ]  # fmt: skip


def test_a_retry_is_drawn_anew():
    """The same request is not struck for ever by chance."""
    assert set(kinds((Fault(kind="drop", probability=0.5),), *["same"] * 20)) == {"drop", None}


@pytest.mark.parametrize(
    ("kind", "formats"),
    [("no_json_schema", ["json_schema"]), ("json_validate_failed", ["json_object", "json_schema"])],
)
def test_faults_of_json_concern_json(kind, formats):
    """What a provider says of JSON it says to requests for JSON only."""
    state = Faults((Fault(kind=kind),), 0)
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
    wanted = {"text": {"type": "text"}, "json_object": {"type": "json_object"}, "json_schema": schema}
    struck = [name for name, wish in wanted.items() if state.striking(request("a", response_format=wish))]
    assert struck == formats


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(JSON)
def test_malformed_json_is_never_json(value):
    """Whatever the answer, the malformed one cannot be read."""
    text = spoiled("malformed_json", Composed(json.dumps(value))).text
    with pytest.raises(ValueError, match=r"\w"):
        json.loads(text)


def test_malformed_prose_is_never_json():
    """An answer in words is made to look like broken JSON."""
    assert spoiled("malformed_json", Composed("Hello there")).text.startswith('{"answer": ')


def test_truncated_is_cut_and_says_length():
    """A truncated answer is its first half, and its finish reason says so."""
    answer = spoiled("truncated", Composed("12345678"))
    assert (answer.text, answer.finish_reason) == ("1234", "length")


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ({"a": 1}, {"type": "object", "required": ["a"]}),
        ({"a": 1}, {"type": "object", "properties": {"a": {}}, "additionalProperties": False}),
        ({"a": 1}, {"type": "object"}),
        ([1], {"type": "array"}),
        ("x", {"type": "string"}),
        (None, {"type": "null"}),
    ],
)
def test_the_wrong_schema_is_json_that_does_not_fit(value, schema):
    """The answer is JSON, and jsonschema refuses it."""
    jsonschema = pytest.importorskip("jsonschema")
    wrong = json.loads(spoiled("wrong_schema", Composed(json.dumps(value), schema)).text)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema)


def test_the_wrong_schema_where_there_is_none():
    """Without a schema, or with one that everything fits, the answer is unexpected JSON."""
    assert json.loads(spoiled("wrong_schema", Composed("Hello")).text) == {"unexpected": True}


def test_a_refusal_declines():
    """A refusal is told as one and says that it is simulated."""
    answer = spoiled("refusal", Composed("Hello"))
    assert answer.is_refusal
    assert "simulated" in answer.text


def test_no_fault_leaves_the_answer():
    """Without a fault the answer is what was composed."""
    assert spoiled("", Composed("Hello")).text == "Hello"
