"""Which prices `llm-patterns phoenix` tells Phoenix, and how it tells them twice."""

import re
from decimal import Decimal

import pytest

from llm_composition_patterns.cli import _prices
from llm_composition_patterns.errors import ConfigurationError
from llm_composition_patterns.llm import Price
from llm_composition_patterns.tracing import PhoenixError

CHEAP = _prices.ModelPrice(provider="groq", model="a/b-1.5", price=Price(input=1, output=2, cached_input=0.5))


class Phoenix:
    """A stand-in that keeps the models that it is told of."""

    def __init__(self, *models):
        self.models = list(models)

    def query(self, text, **variables):
        if "generativeModels" in text:
            return {"generativeModels": {"edges": [{"node": node} for node in self.models]}}
        given = {"kind": "CUSTOM", "id": str(len(self.models)), **variables["input"]}
        if "update" in text:
            self.models = [given if node["id"] == given["id"] else node for node in self.models]
        else:
            self.models.append(given)
        return {}


def test_the_usual_models_have_their_price_at_each_provider_that_lists_them():
    """Without them a call of the same model elsewhere would be priced as if it were there."""
    prices = {price.name: price.price for price in _prices.prices_of([], {})}
    assert prices.keys() == {
        "groq:openai/gpt-oss-20b",
        "openrouter:openai/gpt-oss-20b",
        "groq:openai/gpt-oss-120b",
        "openrouter:openai/gpt-oss-120b",
    }
    groq = prices["groq:openai/gpt-oss-20b"]
    assert groq == Price(input=Decimal("0.075"), output=Decimal("0.3"), cached_input=Decimal("0.0375"))


@pytest.mark.parametrize(
    ("name", "price"), [("vllm:own", Price(input=0, output=0)), ("groq:new", None), ("ollama:new:120b-cloud", None)]
)
def test_a_named_model_is_free_or_unknown(name, price):
    """Local models cost nothing; what no list has is kept as unknown, so that it can be said."""
    found = {one.name: one.price for one in _prices.prices_of([name], {})}
    assert found[name] == price


def test_the_model_of_the_environment_is_one_of_them():
    """`LLM_MODEL` is what a command calls."""
    assert "groq:new" in {one.name for one in _prices.prices_of([], {"LLM_MODEL": "groq:new"})}


@pytest.mark.parametrize("name", ["auto", "simulated:small", "ollama:", "nonsense", ""])
def test_what_has_no_price_of_its_own_is_left_out(name):
    """Simulated models, those only a server knows, and what is no model."""
    assert _prices.prices_of([], {"LLM_MODEL": name}) == _prices.prices_of([], {})


def test_an_unknown_provider_is_refused():
    """With those that are known."""
    with pytest.raises(ConfigurationError, match="unknown provider 'grok' in 'grok:x': the providers are groq, "):
        _prices.prices_of(["grok:x"], {})


def test_a_pattern_matches_the_model_and_no_other():
    """Neither a longer name nor one that differs where a dot stands."""
    assert re.search(CHEAP.pattern, "a/b-1.5")
    assert not any(re.search(CHEAP.pattern, name) for name in ("a/b-1.5x", "xa/b-1.5", "a/b-125"))


def test_phoenix_gets_each_kind_of_token():
    """The cached part of a prompt too, where it has a price."""
    costs = {(cost["tokenType"], cost["kind"]): cost["costPerMillionTokens"] for cost in CHEAP.as_input()["costs"]}
    assert costs == {("input", "PROMPT"): 1.0, ("output", "COMPLETION"): 2.0, ("cache_read", "PROMPT"): 0.5}


def test_told_twice_phoenix_has_it_once_with_the_last_price(capsys):
    """A new price replaces the old one."""
    phoenix = Phoenix()
    _prices.register(phoenix, [CHEAP])
    dearer = _prices.ModelPrice(provider="groq", model="a/b-1.5", price=Price(input=9, output=9))
    _prices.register(phoenix, [dearer])
    (model,) = phoenix.models
    assert model["costs"][0]["costPerMillionTokens"] == 9.0
    assert capsys.readouterr().err == "prices registered: groq:a/b-1.5\n" * 2


def test_a_price_that_somebody_set_by_hand_is_kept(capsys):
    """It has another name, and is the same model."""
    own = {"kind": "CUSTOM", "id": "7", "name": "our rate", "provider": "groq", "namePattern": CHEAP.pattern}
    phoenix = Phoenix(own)
    _prices.register(phoenix, [CHEAP])
    assert phoenix.models == [own]
    assert capsys.readouterr().err == "price kept: groq:a/b-1.5 has one of your own, 'our rate'\n"


def test_a_model_without_a_price_is_said_and_not_registered(capsys):
    """With what to do about it."""
    phoenix = Phoenix()
    _prices.register(phoenix, [_prices.ModelPrice(provider="groq", model="new", price=None)])
    assert phoenix.models == []
    assert "price unknown: groq:new; Phoenix shows no cost for it until" in capsys.readouterr().err


def test_a_phoenix_that_refuses_is_no_reason_to_end(capsys):
    """Traces are shown all the same."""

    class Refusing:
        def query(self, *_, **__):
            raise PhoenixError("Phoenix at http://p refuses: read-only")

    _prices.tell_prices(Refusing(), [CHEAP])
    assert capsys.readouterr().err == "no prices registered: Phoenix at http://p refuses: read-only\n"
