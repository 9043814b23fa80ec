"""What a run uses and how far it has come."""

from ..usage import NO_USAGE, Usage
from ._account import Account, current_account, holding_permit, settle, waiting_for_permit
from ._progress import Progress

__all__ = [
    "NO_USAGE",
    "Account",
    "Progress",
    "Usage",
    "current_account",
    "holding_permit",
    "settle",
    "waiting_for_permit",
]
