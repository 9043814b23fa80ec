"""Calls to models that are not ours: what they say they used is added to the runs around.

Inside a budget the most that such a call can use is reserved, as for an attempt of ours, but for the call as a whole:
models of ours that it calls inside reserve nothing then. For that its price must be known. A model that only wraps ours
says so, and they reserve for themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from .. import runs
from ..errors import ConfigurationError, ModelError
from ..simulation import Price
from ..usage import NO_USAGE, Usage
from ._bounds import MOST_TOKENS, bounded, prompt_bound, template_bound
from ._model import ConnectedModel
from ._types import ChatModel, Completion, Message, ModelSettings

_NOT_SAID: Final[Any] = object()


async def completed_by(model: ChatModel, messages: Sequence[Message], settings: ModelSettings) -> Completion:
    """Call `model`, and settle the usage that it tells.

    A model may wrap one of ours, whose attempts settle theirs: the call has an account of its own, and only where
    nothing arrived there is what the model tells believed.

    Raises:
        BudgetExceeded: What is left of a budget around the call cannot pay for it.
        ConfigurationError: There is such a budget in US dollars, and the model's price is not known.
    """
    around, purses, price = runs.current_account.get(), runs.purses(), getattr(model, "price", _NOT_SAID)
    if not purses or price is None or isinstance(model, ConnectedModel):
        return await _accounted(model, messages, settings, runs.Account(around), None)
    known = _checked(price, model, purses)
    settings = bounded(settings)
    need = _most(known, messages, settings)
    async with runs.Reservation(purses, lambda: [need], type(model).__name__) as held:
        inside = runs.PurseAccount(around, None)
        used = need
        try:
            completion = await _accounted(model, messages, settings, inside, known)
            used = _paid(inside.usage)
        except ModelError:
            used = _paid(inside.usage)
            raise
        finally:
            held.settle(used)
            if used is need and inside.usage == NO_USAGE:
                runs.settle(Usage(calls=1, known_cost=need.usd, estimated_cost=need.usd))
        return completion


async def _accounted(
    model: ChatModel, messages: Sequence[Message], settings: ModelSettings, inside: runs.Account, price: Price | None
) -> Completion:
    token = runs.current_account.set(inside)
    told = NO_USAGE
    try:
        completion = await model.complete(messages, **settings)
        told = _told(completion, price)
    except ModelError as error:
        told = _filed(error.usage, error.model)
        raise
    finally:
        if inside.usage == NO_USAGE:
            runs.settle(told)
        runs.current_account.reset(token)
    return completion


def _checked(price: object, model: ChatModel, purses: Sequence[runs.Purse]) -> Price | None:
    """The price that a model tells; None where it tells none and none is needed."""
    if isinstance(price, Price):
        return price
    of_money = [purse.scope for purse in purses if purse.budget.usd is not None]
    if not of_money:
        return None
    name = type(model).__name__
    raise ConfigurationError(
        f"the price of {name} is not known, so the budget of {of_money[0]!r} in US dollars would not hold: give {name} "
        f"an attribute `price`, a Price(input=..., output=...), or None where it only calls models of `connect`"
    )


def _most(price: Price | None, messages: Sequence[Message], settings: ModelSettings) -> runs.Amount:
    body = {"messages": messages, "response_format": settings.get("response_schema")}
    prompt = prompt_bound(body, simulated=False) + template_bound(len(messages), 0)
    room = settings.get("max_tokens", MOST_TOKENS)
    usd = NO_USAGE.known_cost if price is None else price.total(prompt, room)
    return runs.amount(usd, prompt + room)


def _paid(usage: Usage) -> runs.Amount:
    return runs.amount(usage.known_cost, usage.total_tokens)


def _told(completion: Completion, price: Price | None) -> Usage:
    """The usage of an answer, with the cost that the answer names, or its price says; without any it is unknown."""
    usage, cost = completion.usage, completion.cost
    if cost is None and price is not None:
        cost = price.total(usage.input_tokens, usage.output_tokens)
    if usage.by_model or usage == NO_USAGE or usage.unpriced or usage.known_cost:
        return _filed(usage, completion.model)
    priced = replace(usage, unpriced=usage.attempts) if cost is None else replace(usage, known_cost=cost)
    return priced.of_model(completion.model)


def _filed(usage: Usage, model: str | None) -> Usage:
    """The usage by its model's name, as far as it is known."""
    return usage if usage.by_model or usage == NO_USAGE or model is None else usage.of_model(model)
