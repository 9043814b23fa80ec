"""Wrappers of a step: each takes a function and gives back a step with the same signature."""

from ._in_threads import in_threads

__all__ = ["in_threads"]
