"""What a cached call goes by: the step, and what it is given."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ._canonical import digest
from ._identity import HiddenError, identity, names_of
from ._made import made_of
from ._step import step_name


class CallKey:
    """Gives each call of a step its key.

    Args:
        step: The step.
        key: A function of the step's arguments that gives what decides the result; None for the arguments.
        kept: Whether keys outlive the wrapper. Then what tells the step from others of its name must be in them.

    Raises:
        TypeError: Without `key`, the step holds on to something that its key could not tell.
    """

    def __init__(self, step: Callable[..., Any], key: Callable[..., Any] | None, *, kept: bool) -> None:
        self._step = step
        self._key = key
        self._signature = _signature(step)
        self._kept = kept
        self._identity()

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """The key of a call, 64 hexadecimal digits.

        Raises:
            TypeError: An argument has no canonical form, or the arguments are not the step's.
        """
        given = self._arguments(args, kwargs) if self._key is None else self._key(*args, **kwargs)
        whose = self._identity()  # each time, for an object may have changed
        try:
            return digest(whose, given)
        except TypeError as error:
            name = step_name(self._step)
            if self._key is not None:
                raise TypeError(f"the key of {name} must be of plain types or made of them: {error}") from None
            raise TypeError(f"{error}: give with_cache({name}, key=...) {_ADVICE}") from None

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._signature is None:
            return args, kwargs
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments

    def _identity(self) -> Any:
        if not self._kept:
            return None
        if self._key is not None:
            return names_of(self._step)
        try:
            return identity(self._step, bound=self._signature is not None)
        except HiddenError as error:
            raise TypeError(f"{error}: give with_cache({step_name(self._step)}, key=...) {_ADVICE}") from None


_ADVICE = "a function of the same arguments that gives whatever decides the result, such as (language, text)"


def _signature(step: Any) -> inspect.Signature | None:
    while (made := made_of(step)) and made.same_arguments:
        step = made.steps[0]
    try:
        return inspect.signature(step, follow_wrapped=False)
    except (TypeError, ValueError):
        return None
