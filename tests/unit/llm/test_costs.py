"""What an answer costs, and who says so."""

from decimal import Decimal

import pytest

from llm_composition_patterns.llm import Price
from llm_composition_patterns.llm._addresses import resolve
from llm_composition_patterns.llm._costs import Bill, listed_price, pricing_of
from llm_composition_patterns.llm._providers import PROVIDERS
from llm_composition_patterns.llm._replies import Tokens

MILLION = Tokens(1_000_000, 1_000_000)


def pricing(name, *, given=None, base_url=None):
    return pricing_of(resolve(name, base_url=base_url, api_key="k", environ={}), given)


@pytest.mark.parametrize(
    ("name", "total", "source"),
    [
        ("groq:openai/gpt-oss-20b", Decimal("0.375"), "genai-prices"),
        ("groq:nobody/knows", None, "unknown"),
        ("ollama:qwen3:8b", Decimal(0), "local"),
        ("ollama:gpt-oss:120b-cloud", None, "unknown"),
        ("vllm:anything", Decimal(0), "local"),
        ("simulated:", Decimal(0), "simulated"),
    ],
)
def test_each_provider_has_its_source(name, total, source):
    """Listed, local, simulated or unknown; never 0 for unknown."""
    bill = pricing(name).bill(MILLION)
    assert (bill.total, bill.source) == (total, source)


@pytest.mark.parametrize("row", [row for row in PROVIDERS.values() if row.prices], ids=lambda row: row.name)
def test_the_price_list_knows_every_default_model(row):
    """A default model without a price would be a poor default."""
    bill = pricing(f"{row.name}:").bill(Tokens(1000, 1000))
    assert bill.total == bill.prompt + bill.completion > 0


def test_cached_tokens_have_their_own_price():
    """Listed, or given, or that of the rest."""
    tokens = Tokens(1_000_000, 0, cached=500_000)
    assert pricing("groq:openai/gpt-oss-20b").bill(tokens).total == Decimal("0.05625")
    assert pricing("groq:", given=Price(input=2, output=1, cached_input=1)).bill(tokens).total == Decimal("1.5")
    assert pricing("groq:", given=Price(input=2, output=1)).bill(tokens).total == 2


def test_a_price_that_rises_with_the_prompt_is_followed():
    """The list's own way is used where its price is not one number."""
    price = listed_price("openai", "", "gpt-6-luna")
    short, long = price(Tokens(1_000, 0))[0], price(Tokens(1_000_000, 0))[0]
    assert long > 1000 * short


def test_a_model_that_is_not_priced_by_tokens_has_no_price():
    """Audio hours are not tokens."""
    assert listed_price("groq", "", "whisper-large-v3") is None


def test_another_server_is_known_by_its_address():
    """`openai:` with a base_url is priced as whose it is, if it is known."""
    assert (
        pricing("openai:deepseek-chat", base_url="https://api.deepseek.com/v1").bill(MILLION).source == "genai-prices"
    )
    assert pricing("openai:gpt-6-luna", base_url="http://127.0.0.1:9/v1").bill(MILLION).source == "unknown"


def test_the_given_price_comes_before_local_and_listed():
    """The user knows what his electricity costs."""
    for name in ("ollama:x", "groq:openai/gpt-oss-20b"):
        assert pricing(name, given=Price(input=1, output=1)).bill(MILLION).source == "user"


def test_a_reported_cost_comes_first():
    """The provider's own figure, said to be simulated where it is."""
    told = Tokens(1, 1, cost=Decimal("0.5"))
    assert pricing("groq:", given=Price(input=1, output=1)).bill(told).source == "provider"
    assert pricing("simulated:").bill(told, simulated=True).source == "simulated"


@pytest.mark.parametrize("name", ["groq:openai/gpt-oss-20b", "vllm:x", "simulated:"])
def test_a_simulated_answer_never_passes_for_a_paid_one(name):
    """Its cost is what was told, else nothing; its source is called simulated, whoever told it."""
    assert pricing(name).bill(MILLION, simulated=True) == Bill(Decimal(0), "simulated")
    bill = pricing(name, given=Price(input=1, output=1)).bill(MILLION, simulated=True)
    assert (bill.total, bill.source) == (2, "simulated")


def test_without_tokens_only_what_is_free_is_known():
    """Nobody counted."""
    assert pricing("groq:").bill(None).total is None
    assert pricing("groq:", given=Price(input=1, output=1)).bill(None).total is None
    assert pricing("ollama:x").bill(None).total == 0
    assert pricing("groq:").bill(None, simulated=True).source == "simulated"


@pytest.mark.parametrize(
    ("price", "most"),
    [
        (Price(input=1, output=2), "0.00021"),
        (Price(input=1, output=2, cached_input=0.1), "0.00021"),
        (Price(input=1, output=2, cached_input=3), "0.00023"),
    ],
)
def test_the_most_that_a_call_can_cost_is_at_its_dearest_price(price, most):
    """Whether the prompt comes from a cache is not known beforehand."""
    address = resolve("groq:openai/gpt-oss-20b", base_url=None, api_key="k", environ={})
    assert pricing_of(address, price).most(10, 100) == Decimal(most)


@pytest.mark.parametrize(
    ("name", "most"),
    [("ollama:qwen3:8b", Decimal(0)), ("simulated:", Decimal(0)), ("openai:no-such-model-anywhere", None)],
)
def test_the_most_that_a_call_can_cost_is_known_or_said_to_be_unknown(name, most):
    """Local and simulated calls cost nothing."""
    address = resolve(name, base_url=None, api_key="k", environ={})
    assert pricing_of(address, None).most(10, 100) == most


def test_a_scenario_s_price_comes_before_the_user_s():
    """As the cost that a simulated provider tells does in a bill."""
    address = resolve("simulated:", base_url=None, api_key=None, environ={})
    pricing = pricing_of(address, Price(input=1, output=1), Price(input=0, output=5))
    assert pricing.most(10, 100) == Decimal("0.0005")


def test_at_a_batch_endpoint_half_of_the_list_is_paid():
    """Of both parts; a price of the user's own is taken as it is given."""
    address = resolve("openai:gpt-4o-mini", base_url=None, api_key="k", environ={})
    whole, half = (pricing_of(address, None, half_price=half).most(1000, 1000) for half in (False, True))
    assert half == whole / 2 > 0
    assert pricing_of(address, Price(input=1, output=1), half_price=True).most(1000, 1000) == Decimal("0.002")
