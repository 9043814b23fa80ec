"""What two stores of one batch know, joined. Pure.

To join again what was joined already changes nothing, and the order does not matter: of each item the one is kept that
has come further, and what was spent is known store by store, so that no store is counted twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from ..usage import NO_USAGE, Usage
from ._item import Item
from ._states import FINISHED
from ._usage_since import usage_since
from ._usage_text import read_usage, write_usage

Spending = Mapping[str, Usage]
"""What was used, by the store whose runs used it."""


def is_further(one: Item, other: Item) -> bool:
    """Whether more is known of an item by the one store than by the other."""
    return _progress(one) > _progress(other)


def joined_item(known: Item, found: Item) -> Item:
    """The item, as both stores together know it."""
    kept = found if is_further(found, known) else known
    return replace(kept, repeated=known.repeated or found.repeated)


def spending(store: str, total: Usage, others: Spending) -> Spending:
    """What was used by a store, of which `others` were merged into it, and by these."""
    return {**others, store: usage_since(sum(others.values(), NO_USAGE), total)}


def joined_spending(known: Spending, found: Spending) -> Spending:
    """What all the stores used; of one that both know, what is known since later."""
    return {
        store: max((part[store] for part in (known, found) if store in part), key=_amount)
        for store in {**known, **found}
    }


def write_spending(parts: Spending) -> str:
    """The parts as text, in a store."""
    return json.dumps({store: write_usage(usage) for store, usage in parts.items()})


def read_spending(text: str | None) -> Spending:
    """The parts that a text stands for."""
    return {store: read_usage(usage) for store, usage in json.loads(text or "{}").items()}


def _progress(item: Item) -> tuple[bool, int, bool, int]:
    """Succeeded is for ever; else what was executed more often is later, and an ending later than its start."""
    return item.state == "succeeded", item.executions, item.state in FINISHED, item.deaths


def _amount(usage: Usage) -> tuple[object, ...]:
    return usage.attempts, usage.total_tokens, usage.known_cost
