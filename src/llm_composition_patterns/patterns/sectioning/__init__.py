"""Sectioning: different looks at one thing, side by side."""

from ..parallelization import together

__all__ = ["together"]
