"""Wrappers of a step: each takes a function and gives back a step with the same signature."""

from ._checks import check_count, is_plain_function
from ._in_threads import in_threads
from ._step import (
    Step,
    answer_of,
    name_or,
    named,
    not_async,
    refuse_what_cannot_be_called,
    refuse_what_is_no_step,
    run_step,
    step_name,
)
from .processes import in_processes

__all__ = [
    "Step",
    "answer_of",
    "check_count",
    "in_processes",
    "in_threads",
    "is_plain_function",
    "name_or",
    "named",
    "not_async",
    "refuse_what_cannot_be_called",
    "refuse_what_is_no_step",
    "run_step",
    "step_name",
]
