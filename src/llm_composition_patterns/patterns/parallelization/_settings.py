"""Settings of a fan-out, checked before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ...runs import Progress
from ...steps import check_count, check_seconds, is_plain_function

BREATH: Final = 0.010
"""How long what never suspends may keep the loop to itself, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a fan-out runs; see `parallelize` for what each means.

    Attributes:
        items: Whether each branch is a trace of its own, however few there are.
    """

    name: str
    branch_name: str | Callable[[Any], str]
    max_concurrency: int = 256
    max_failures: int | None = None
    timeout: float | None = None
    deadline: float | None = None
    progress: bool | Callable[[Progress], object] = False
    stop_on_failure: bool = False
    items: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise TypeError(f"name must be a str that is not empty, or None for the step's name; not {self.name!r}")
        if self.branch_name == "":
            raise TypeError("branch_name must not be empty; leave it out for the step's name")
        if not isinstance(self.branch_name, str) and not is_plain_function(self.branch_name):
            raise TypeError(
                f"branch_name must be a str or a plain function of a branch's input, not {self.branch_name!r}"
            )
        if not isinstance(self.progress, bool) and not is_plain_function(self.progress):
            raise TypeError(f"progress must be True, False or a plain function of a Progress, not {self.progress!r}")
        check_count("max_concurrency", self.max_concurrency, least=1)
        if self.max_failures is not None:
            check_count("max_failures", self.max_failures, least=0)
            if self.stop_on_failure:
                raise ValueError('max_failures needs on_error="collect": with "raise" the first failure already stops')
        check_seconds("timeout", self.timeout, or_none=True)
        check_seconds("deadline", self.deadline, or_none=True)


def given_or(given: Any, default: str) -> Any:
    """A name as it was given; the default for none."""
    return default if given is None else given


def stops_on_failure(on_error: object) -> bool:
    """What `on_error` says about the first failure; raise if it says neither."""
    if on_error not in ("raise", "collect"):
        raise ValueError(f'on_error must be "raise" or "collect", not {on_error!r}')
    return on_error == "raise"
