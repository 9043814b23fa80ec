"""Which calls may be made at a model, and when."""

from ._dialects import read_headers, read_refusal, tells_full
from ._elsewhere import LimiterSource, Wanted, limiter_source
from ._endings import Accepted, Answered, Ending, Failed, Overdue, Throttled
from ._limiter import (
    Given,
    Limiter,
    brief,
    check_limit,
    given_to,
    impatient_permit,
    is_finite,
    notice_of,
    retry_budget_of,
)
from ._memory import memory_key, recall, remember
from ._notice import Notice
from ._permit import HeldUp, Permit, Ticket
from ._readings import Reading, Refusal, Unit
from ._retry_after import retry_after
from ._retry_budget import RetryBudget
from ._shared import key_fingerprint, shared_limiter
from ._statistics import LimiterStatistics

__all__ = [
    "Accepted",
    "Answered",
    "Ending",
    "Failed",
    "Given",
    "HeldUp",
    "Limiter",
    "LimiterSource",
    "LimiterStatistics",
    "Notice",
    "Overdue",
    "Permit",
    "Reading",
    "Refusal",
    "RetryBudget",
    "Throttled",
    "Ticket",
    "Unit",
    "Wanted",
    "brief",
    "check_limit",
    "given_to",
    "impatient_permit",
    "is_finite",
    "key_fingerprint",
    "limiter_source",
    "memory_key",
    "notice_of",
    "read_headers",
    "read_refusal",
    "recall",
    "remember",
    "retry_after",
    "retry_budget_of",
    "shared_limiter",
    "tells_full",
]
