"""How many calls may be in flight at a model at once."""

from ._dialects import read_headers, read_refusal
from ._endings import Accepted, Ending, Failed, Refused
from ._limiter import AUTOMATIC_LIMIT, Limiter, LimiterStatistics, Permit, check_limit
from ._readings import Reading, Refusal, Unit
from ._retry_after import retry_after
from ._shared import shared_limiter

__all__ = [
    "AUTOMATIC_LIMIT",
    "Accepted",
    "Ending",
    "Failed",
    "Limiter",
    "LimiterStatistics",
    "Permit",
    "Reading",
    "Refusal",
    "Refused",
    "Unit",
    "check_limit",
    "read_headers",
    "read_refusal",
    "retry_after",
    "shared_limiter",
]
