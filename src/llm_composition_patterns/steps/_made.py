"""What a wrapper made its step of: said by the wrapper itself, for those who must tell one step from another."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_ATTRIBUTE = "__made_of__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a step was made of.

    Attributes:
        steps: The functions whose answers it gives.
        helpers: Other functions that decide what it answers.
        settings: Values that decide it.
        by: The wrapper; None for one that adds nothing, so that its step answers as the one inside.
        same_arguments: Whether the first of `steps` is given the arguments of a call as they are.
    """

    steps: tuple[Callable[..., Any], ...] = ()
    helpers: tuple[Callable[..., Any], ...] = ()
    settings: tuple[object, ...] = ()
    by: str | None = None
    same_arguments: bool = True


@dataclass(frozen=True, slots=True)
class _Said:
    of: weakref.ref[Any]
    made: Made


def say_of(step: Callable[..., Any], made: Made) -> None:
    """Let a step know what it was made of."""
    setattr(step, _ATTRIBUTE, _Said(weakref.ref(step), made))


def made_of(step: Any) -> Made | None:
    """What a wrapper of ours made a step of; None for any other step."""
    said = getattr(step, _ATTRIBUTE, None)
    # `functools.wraps` copies attributes: what somebody else wrapped around our step says this of itself, too.
    return said.made if isinstance(said, _Said) and said.of() is step else None
