"""Wrappers of a step: each takes a function and gives back a step with the same signature."""

from ._checks import check_count, is_plain_function
from ._in_threads import in_threads

__all__ = ["check_count", "in_threads", "is_plain_function"]
