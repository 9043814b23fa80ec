"""How many calls may be in flight at a model at once."""

from ._limiter import AUTOMATIC_LIMIT, Limiter, LimiterStatistics, Permit, check_limit
from ._shared import shared_limiter

__all__ = ["AUTOMATIC_LIMIT", "Limiter", "LimiterStatistics", "Permit", "check_limit", "shared_limiter"]
