"""Batches that are only thought of: planned by arithmetic, and rehearsed by running them against a simulated provider.

`plan` never runs anything, and `rehearse` runs the real dispatcher and the real limiter: each checks the other. Both
give `Figures` of the same `Case`.
"""

from ._case import RUNNERS, Case, Rates, Runner, Workload
from ._figures import Figures
from ._plan import plan
from ._rehearse import rehearse
from ._strategies import PAPERS, STRATEGIES, Strategy

__all__ = [
    "PAPERS",
    "RUNNERS",
    "STRATEGIES",
    "Case",
    "Figures",
    "Rates",
    "Runner",
    "Strategy",
    "Workload",
    "plan",
    "rehearse",
]
