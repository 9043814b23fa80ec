"""What an item of a batch can be, and what makes it something else. Pure: one table.

```
            start            succeed
pending ───────────▶ running ────────▶ succeeded
   ▲  ▲                │ │ │   fail
   │  │      defer     │ │ └──────────▶ failed ────┐
   │  └────────────────┤ │                         │ ask again
   │        die        │ │   give up               │
   │  ◀────────────────┘ └────────────▶ abandoned ─┤
   └───────────────────────────────────────────────┘
```

An item that nobody has reached yet has no state. `defer` is for what says nothing of the item: the provider had
trouble, or the run was stopped. `die` is for a process that ended while it ran the item, so that nobody knows how far
it came; after too many of those it is given up.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

State: TypeAlias = Literal["pending", "running", "succeeded", "failed", "abandoned"]
Event: TypeAlias = Literal["start", "succeed", "fail", "defer", "die", "give up", "ask again"]

STATES: Final[tuple[State, ...]] = get_args(State)
FINISHED: Final[frozenset[State]] = frozenset({"succeeded", "failed", "abandoned"})
"""States in which an item stays unless somebody asks for it again."""

AGAIN: Final[tuple[State, ...]] = ("failed", "abandoned")
"""Those of them from which an item can be asked for again."""

TRANSITIONS: Final[Mapping[tuple[State, Event], State]] = MappingProxyType(
    {
        ("pending", "start"): "running",
        ("running", "succeed"): "succeeded",
        ("running", "fail"): "failed",
        ("running", "defer"): "pending",
        ("running", "die"): "pending",
        ("running", "give up"): "abandoned",
        ("failed", "ask again"): "pending",
        ("abandoned", "ask again"): "pending",
    }
)


def after(state: State, event: Event) -> State:
    """The state that an event leads to.

    Raises:
        ValueError: It cannot happen to an item in this state.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ValueError(f"an item that is {state} cannot {event}") from None
