"""What a run uses and how far it has come."""

from ._account import (
    Account,
    account,
    current_account,
    fairness_group,
    holding_permit,
    running_loop,
    settle,
    waiting_for_permit,
)
from ._progress import Progress
from ._track import Tracked, track, usage_attributes

__all__ = [
    "Account",
    "Progress",
    "Tracked",
    "account",
    "current_account",
    "fairness_group",
    "holding_permit",
    "running_loop",
    "settle",
    "track",
    "usage_attributes",
    "waiting_for_permit",
]
