"""Which calls may be made at a model, and when."""

from ._endings import Accepted, Ending, Failed, Refused
from ._limiter import Limiter, check_limit
from ._permit import HeldUp, Permit
from ._readings import Reading, Refusal
from ._shared import shared_limiter
from ._statistics import LimiterStatistics

__all__ = [
    "Accepted",
    "Ending",
    "Failed",
    "HeldUp",
    "Limiter",
    "LimiterStatistics",
    "Permit",
    "Reading",
    "Refusal",
    "Refused",
    "check_limit",
    "shared_limiter",
]
