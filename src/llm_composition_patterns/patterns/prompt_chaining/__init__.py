"""Prompt chaining: steps one after the other, with gates between them."""

from ._chain import chain
from ._gate import gate

__all__ = ["chain", "gate"]
