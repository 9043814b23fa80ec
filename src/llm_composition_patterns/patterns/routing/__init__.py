"""Routing: a classifier decides which handler gets the input."""

from ._labels import Choice
from ._route import route

__all__ = ["Choice", "route"]
