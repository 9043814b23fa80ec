"""What a cached call goes by: the step, and what it is given."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ._annotations import innermost
from ._canonical import digest
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
        function, brought = innermost(step)
        self._name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', step_name(step))}"
        self._brought = brought if kept and key is None else None
        self._signature = _signature(step)
        if kept and key is None:
            self._refuse_what_is_hidden(function)

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """The key of a call, 64 hexadecimal digits.

        Raises:
            TypeError: An argument has no canonical form, or the arguments are not the step's.
        """
        given = self._arguments(args, kwargs) if self._key is None else self._key(*args, **kwargs)
        try:
            return digest(self._name, self._brought, given)
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

    def _refuse_what_is_hidden(self, function: Any) -> None:
        name = step_name(self._step)
        if held := getattr(getattr(function, "__code__", None), "co_freevars", ()):
            raise TypeError(
                f"what {name} answers depends on {', '.join(held)}, which its name does not tell: give "
                f"with_cache({name}, key=...) {_ADVICE}"
            )
        try:
            digest(self._brought)
        except TypeError as error:
            raise TypeError(f"{name} belongs to an object, and {error}: give key=... {_ADVICE}") from None


_ADVICE = "a function of the same arguments that gives whatever decides the result, such as (language, text)"


def _signature(step: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(step)
    except (TypeError, ValueError):
        return None
