"""The prices of models as Phoenix is told them, so that it shows what a call's own result says.

Phoenix finds the price of a span by a regular expression on the model's name; among several that fit, the span's
provider decides. It takes any price that fits where there is but one, so a name is registered for each provider that
lists it: else a model at one provider would cost what it costs at another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..console import say
from ..errors import ConfigurationError
from ..llm import PROVIDERS, SUCCESSORS, Price, known_price
from ..tracing import PhoenixError, PhoenixServer

_REGISTERED: Final = """
query { generativeModels(first: 100000) { edges { node { id name provider namePattern kind } } } }
"""
_CREATE: Final = "mutation ($input: CreateModelMutationInput!) { createModel(input: $input) { __typename } }"
_UPDATE: Final = "mutation ($input: UpdateModelMutationInput!) { updateModel(input: $input) { __typename } }"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPrice:
    """What a model costs at a provider.

    Attributes:
        provider: The provider's name.
        model: The model's name there.
        price: None where nobody knows.
    """

    provider: str
    model: str
    price: Price | None

    @property
    def name(self) -> str:
        """As `provider:model`, which it is called in Phoenix too."""
        return f"{self.provider}:{self.model}"

    @property
    def pattern(self) -> str:
        """Matches the model's name and no other."""
        return f"^{re.escape(self.model)}$".replace(r"\-", "-")

    def as_input(self) -> dict[str, Any]:
        """As Phoenix takes it."""
        price = self.price
        if price is None:
            raise ValueError(f"{self.name} has no price to register")
        kinds = [("input", "PROMPT", price.input), ("output", "COMPLETION", price.output)]
        if price.cached_input is not None:
            kinds.append(("cache_read", "PROMPT", price.cached_input))
        costs = [{"tokenType": token, "kind": kind, "costPerMillionTokens": float(cost)} for token, kind, cost in kinds]
        return {"name": self.name, "provider": self.provider, "namePattern": self.pattern, "costs": costs}


def prices_of(named: Iterable[str], environ: Mapping[str, str]) -> list[ModelPrice]:
    """The prices of the models that are configured, each once.

    They are those `named`, that of `LLM_MODEL`, each provider's default and the successors of retired models, and the
    models of the same name at other providers whose lists have them. Simulated models have none.

    Raises:
        ConfigurationError: One of `named` is at no known provider.
    """
    wanted = dict.fromkeys(_split(name) for name in (*named, *_from_environment(environ)))
    found = {(name, model): known_price(PROVIDERS[name], model) for name, model in wanted if _has_price(name, model)}
    for model in dict.fromkeys([*(model for _, model in found), *_usual()]):
        for row in PROVIDERS.values():
            if row.prices and (price := known_price(row, model)) is not None:
                found[row.name, model] = price
    return [ModelPrice(provider=provider, model=model, price=price) for (provider, model), price in found.items()]


def register(server: PhoenixServer, prices: Sequence[ModelPrice]) -> None:
    """Have Phoenix use these prices for what it receives from now on, and say which; done again, nothing doubles.

    Prices that somebody registered there under a name of their own are left as they are.

    Raises:
        PhoenixError: It cannot be reached, or refuses.
    """
    nodes = [edge["node"] for edge in server.query(_REGISTERED)["generativeModels"]["edges"]]
    there = [node for node in nodes if node["kind"] == "CUSTOM"]
    done = [price.name for price in prices if price.price is not None and _register(server, price, there)]
    if done:
        say(f"prices registered: {', '.join(done)}")
    for price in prices:
        if price.price is None:
            say(f"price unknown: {price.name}; Phoenix shows no cost for it until you add one under Settings, Models")


def tell_prices(server: PhoenixServer, prices: Sequence[ModelPrice]) -> None:
    """Register prices; what keeps it from that is said, and stops nothing."""
    try:
        register(server, prices)
    except PhoenixError as error:
        say(f"no prices registered: {error}")


def _register(server: PhoenixServer, price: ModelPrice, there: Sequence[Mapping[str, Any]]) -> bool:
    wanted = price.as_input()
    ours = next((node for node in there if node["name"] == price.name), None)
    if ours is not None:
        server.query(_UPDATE, input={**wanted, "id": ours["id"]})
        return True
    for node in there:
        if (node["namePattern"], node["provider"]) == (price.pattern, price.provider):
            say(f"price kept: {price.name} has one of your own, {node['name']!r}")
            return False
    server.query(_CREATE, input=wanted)
    return True


def _from_environment(environ: Mapping[str, str]) -> Iterator[str]:
    name = environ.get("LLM_MODEL", "").strip()
    if name.partition(":")[0] in PROVIDERS and name.partition(":")[2]:
        yield name


def _usual() -> list[str]:
    defaults = [row.default_model for row in PROVIDERS.values() if row.prices]
    return [*defaults, *SUCCESSORS.values()]


def _split(name: str) -> tuple[str, str]:
    provider, _, model = name.partition(":")
    if provider not in PROVIDERS:
        raise ConfigurationError(f"unknown provider {provider!r} in {name!r}: the providers are {', '.join(PROVIDERS)}")
    return provider, model


def _has_price(provider: str, model: str) -> bool:
    return bool(model) and PROVIDERS[provider].sdk != "simulated"
