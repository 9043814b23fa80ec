"""Calls to models that are not ours: what they say they used is added to the runs around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .. import runs
from ..errors import ModelError
from ..usage import NO_USAGE, Usage
from ._types import ChatModel, Completion, Message, ModelSettings


async def completed_by(model: ChatModel, messages: Sequence[Message], settings: ModelSettings) -> Completion:
    """Call `model`, and settle the usage that it tells.

    A model may wrap one of ours, whose attempts settle theirs: the call has an account of its own, and only where
    nothing arrived there is what the model tells believed.
    """
    inside = runs.Account(runs.current_account.get())
    token = runs.current_account.set(inside)
    told = NO_USAGE
    try:
        completion = await model.complete(messages, **settings)
        told = _told(completion)
    except ModelError as error:
        told = _filed(error.usage, error.model)
        raise
    finally:
        runs.current_account.reset(token)
        if inside.usage == NO_USAGE:
            runs.settle(told)
    return completion


def _told(completion: Completion) -> Usage:
    """The usage of an answer, with the cost that the answer names; without any it is unknown, not nothing."""
    usage, cost = completion.usage, completion.cost
    if usage.by_model or usage == NO_USAGE or usage.unpriced or usage.known_cost:
        return _filed(usage, completion.model)
    priced = replace(usage, unpriced=usage.attempts) if cost is None else replace(usage, known_cost=cost)
    return priced.of_model(completion.model)


def _filed(usage: Usage, model: str | None) -> Usage:
    """The usage by its model's name, as far as it is known."""
    return usage if usage.by_model or usage == NO_USAGE or model is None else usage.of_model(model)
