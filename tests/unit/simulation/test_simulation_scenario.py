"""Scenarios: their checks, and their files."""

from decimal import Decimal
from typing import get_args

import pytest

from llm_composition_patterns.errors import ConfigurationError
from llm_composition_patterns.simulation import Capacity, Change, Fault, Price, RateLimit, Scenario
from llm_composition_patterns.simulation._scenario import ERROR_KINDS, FaultKind
from llm_composition_patterns.simulation._wire import ERRORS

WHOLE = """
seed = 7
time_to_first_token = 0.2
tokens_per_second = inf
spread = 0
models = ["openai/gpt-oss-20b"]
keys = ["secret-key"]
protected = ["Ridgeline"]

[capacity]
slots = 8
queue = 100
knee = 4
beyond = "thrash"
at_once = 64
[[capacity.changes]]
at = 60
factor = 0.5
[[capacity.changes]]
at = 90
factor = 1

[rate_limit]
requests_per_minute = 30
tokens_per_day = 1e6
burst = 5
dialect = "groq"
retry_after = false
in_body = true

[price]
input = 0.1
output = 0.5

[[faults]]
kind = "rate_limit"
match = "Spanish"
retry_after = 2.5

[[faults]]
kind = "hang"
times = 3
probability = 0.5
after = 10
until = 20

[[faults]]
kind = "straggler"
factor = 5
"""
EXPECTED = Scenario(
    seed=7,
    time_to_first_token=0.2,
    tokens_per_second=float("inf"),
    spread=0,
    models=("openai/gpt-oss-20b",),
    keys=("secret-key",),
    protected=("Ridgeline",),
    capacity=Capacity(
        slots=8,
        queue=100,
        knee=4,
        beyond="thrash",
        at_once=64,
        changes=(Change(at=60, factor=0.5), Change(at=90, factor=1)),
    ),
    rate_limit=RateLimit(
        requests_per_minute=30, tokens_per_day=1e6, burst=5, dialect="groq", retry_after=False, in_body=True
    ),
    price=Price(input=0.1, output=0.5),
    faults=(
        Fault(kind="rate_limit", match="Spanish", retry_after=2.5),
        Fault(kind="hang", times=3, probability=0.5, after=10, until=20),
        Fault(kind="straggler", factor=5),
    ),
)


def test_every_setting_can_be_read(tmp_path):
    """A file, its path as text, and the text itself give the same scenario."""
    path = tmp_path / "scenario.toml"
    path.write_text(WHOLE, encoding="utf-8")
    assert Scenario.from_toml(path) == Scenario.from_toml(str(path)) == Scenario.from_toml(WHOLE) == EXPECTED


def test_an_empty_file_is_the_default(tmp_path):
    """Nothing set is the default scenario."""
    path = tmp_path / "empty.toml"
    path.write_text("", encoding="utf-8")
    assert Scenario.from_toml(path) == Scenario()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sed = 1", "scenario: sed is not a known setting; did you mean 'seed'?"),
        ("zzz = 1", "scenario: zzz is not a known setting; the known ones are seed, "),
        ('seed = "x"', "scenario: seed must be a whole number, not 'x'"),
        ("spread = 2", "scenario: spread must be a number of 0 or more and at most 1, not 2"),
        ("tokens_per_second = 0", "scenario: tokens_per_second must be a number above 0, not 0"),
        ("tokens_per_second = nan", "scenario: tokens_per_second must be a number above 0, not nan"),
        ('models = "x"', "scenario: models must be a tuple of strings, such as ('a', 'b')"),
        ("answer = 1", "scenario: answer can be given from code only: leave it out"),
        ("rate_limit = 5", "scenario: rate_limit must be a table of settings, not 5"),
        ("[rate_limit]\nburst = 1", "scenario: rate_limit.requests_per_minute, tokens_per_minute, "),
        ("[rate_limit]\nrequests = 1", "scenario: rate_limit.requests is not a known setting; did you mean"),
        (
            "[rate_limit]\nrequests_per_minute = 1\ndialect = 'grok'",
            "rate_limit.dialect must be one of groq, openai, openrouter, anthropic, none",
        ),
        ("[price]\ninput = 1", "scenario: price lacks output, which it needs"),
        ("[price]\ninput = 1\noutput = -1", "scenario: price.output must be a number of 0 or more"),
        ("[faults]\nkind = 'hang'", "scenario: faults must be an array of tables: write [[faults]]"),
        ("faults = [1]", "scenario: faults[0] must be a table of settings, not 1"),
        ("[[faults]]\n", "scenario: faults[0] lacks kind, which it needs"),
        ("[[faults]]\nkind = 'hangs'", "scenario: faults[0].kind must be one of rate_limit, "),
        ("[[faults]]\nkind = 'hangs'", "did you mean 'hang'?"),
        ("[[faults]]\nkind = ['hang']", "scenario: faults[0].kind must be one of"),
        (
            "[[faults]]\nkind = 'hang'\nmatch = '('",
            "scenario: faults[0].match must be a regular expression: '(' is none",
        ),
        ("[[faults]]\nkind = 'hang'\nmatch = 5", "scenario: faults[0].match must be a regular expression as a string"),
        ("[[faults]]\nkind = 'hang'\ntimes = 0", "scenario: faults[0].times must be a whole number, 1 or more, not 0"),
        ("[[faults]]\nkind = 'hang'\nretry_after = 1", "scenario: faults[0].retry_after has no meaning for 'hang'"),
        ("[[faults]]\nkind = 'server_error'\nstatus = 200", "scenario: faults[0].status must be a whole number, 400"),
        (
            "[[faults]]\nkind = 'server_error'\nstatus = 600",
            "scenario: faults[0].status must be a number of 0 or more and",
        ),
        (
            "[[faults]]\nkind = 'hang'\nafter = 5\nuntil = 5",
            "scenario: faults[0].until must be a number above 5, not 5",
        ),
        ("[[faults]]\nkind = 'straggler'\nfactor = 0", "scenario: faults[0].factor must be a number above 0"),
        ("[[faults]]\nkind = 'hang'\nfactor = 2", "scenario: faults[0].factor has no meaning for 'hang'"),
        ("capacity = 5", "scenario: capacity must be a table of settings, not 5"),
        ("[capacity]\n", "scenario: capacity.slots, knee or at_once must be given to limit a capacity"),
        ("[capacity]\nslots = 0", "scenario: capacity.slots must be a whole number, 1 or more, not 0"),
        ("[capacity]\nknee = 2\nqueue = 1", "scenario: capacity.queue has no meaning without slots to wait for"),
        ("[capacity]\nslots = 2\nqueue = -1", "scenario: capacity.queue must be a whole number, 0 or more, not -1"),
        ("[capacity]\nslots = 2\nbeyond = 'soft'", "scenario: capacity.beyond = 'soft' has no meaning without a knee"),
        ("[capacity]\nknee = 2\nbeyond = 'sft'", "capacity.beyond must be one of hard, soft, thrash, not 'sft'; did"),
        ("[capacity]\nslots = 2\nchanges = 5", "scenario: capacity.changes must be an array of tables: write [[cap"),
        (
            "[capacity]\nslots = 2\n[[capacity.changes]]\nat = 5",
            "scenario: capacity.changes[0] lacks factor, which it needs",
        ),
        (
            "[capacity]\nslots = 2\nchanges = [{at = 5, factor = 0}]",
            "scenario: capacity.changes[0].factor must be a number above 0",
        ),
        (
            "[capacity]\nslots = 2\nchanges = [{at = 5, factor = 2}, {at = 4, factor = 1}]",
            "scenario: capacity.changes must be in order of time: sort them by `at`",
        ),
        ("seed = ", "scenario: is not TOML: "),
        ("a = " + "[" * 5000, "scenario: is not TOML: "),
        ("seed = " + "9" * 5001, "scenario: is not TOML: "),
        ("[rate_limit]\nrequests_per_minute = inf", "rate_limit.requests_per_minute must be a number of 0.001 or more"),
        ("[rate_limit]\nrequests_per_minute = 1e-300", "rate_limit.requests_per_minute must be a number of 0.001 or"),
        ("[rate_limit]\nrequests_per_minute = 1\nburst = inf", "scenario: rate_limit.burst must be a number above 0"),
        ("[capacity]\nknee = " + "9" * 400, "scenario: capacity.knee must be a whole number of at most 1,000,000,000"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_key(text, message):
    """Every mistake in the file names the file and the key, in one line."""
    with pytest.raises(ConfigurationError) as caught:
        Scenario.from_toml(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path):
    """A missing file, a directory and a file that is no text are one line each, with the path."""
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "missing.toml", tmp_path, binary, "nul\0"):
        with pytest.raises(ConfigurationError, match="cannot be read") as caught:
            Scenario.from_toml(path)
        assert str(caught.value).startswith(" ".join(str(path).split()))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"faults": [Fault(kind="hang")]}, "faults must be a tuple of Fault"),
        ({"faults": ("hang",)}, "faults must be a tuple of Fault"),
        ({"capacity": 5}, "capacity must be a Capacity"),
        ({"rate_limit": 5}, "rate_limit must be a RateLimit"),
        ({"price": 5}, "price must be a Price"),
        ({"answer": "yes"}, "answer must be a function"),
        ({"seed": True}, "seed must be a whole number"),
        ({"time_to_first_token": True}, "time_to_first_token must be a number"),
        ({"keys": ("",)}, "keys must be a tuple of strings"),
    ],
)
def test_settings_are_checked_when_made(settings, message):
    """A setting that cannot be is refused with the repair."""
    with pytest.raises(ValueError, match=message):
        Scenario(**settings)


def test_retry_after_of_a_rate_limit_is_a_truth_value():
    """Seconds belong to a fault: here it is yes or no."""
    with pytest.raises(ValueError, match="retry_after must be true or false"):
        RateLimit(requests_per_minute=1, retry_after=3)


def test_changes_are_objects():
    """From code, a change is a Change."""
    with pytest.raises(ValueError, match=r"changes must be a tuple of Change\(...\)"):
        Capacity(slots=1, changes=({"at": 1, "factor": 2},))


def test_a_price_is_exact():
    """Money is decimal, from floats as written."""
    assert Price(input=0.1, output=Decimal("0.5")).parts(1_000_000, 2_000_000) == (Decimal("0.1"), Decimal(1))


@pytest.mark.parametrize("value", ["1", True, -1, float("inf"), Decimal("NaN"), None])
def test_a_price_is_a_sensible_number(value):
    """Checked when it is made, whatever it is for."""
    with pytest.raises(ValueError, match="input must be a number of 0 or more"):
        Price(input=value, output=1)


def test_the_faults_with_a_status_are_those_that_have_one():
    """Each has its row among the errors, and none of the others has."""
    assert {kind for kind in get_args(FaultKind) if kind in ERRORS} == ERROR_KINDS


def test_keys_are_not_shown():
    """No key is in the scenario's text."""
    assert "secret-key" not in repr(EXPECTED)
