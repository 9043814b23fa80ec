"""What a run uses and how far it has come."""

from ._account import (
    Account,
    account,
    current_account,
    fairness_group,
    running_loop,
    settle,
    waiting_for_permit,
)
from ._budget import Budget
from ._ledger import Amount, amount
from ._progress import Progress
from ._reservation import BUDGET, Desk, Purse, PurseAccount, Reservation, purses
from ._track import Tracked, track, usage_attributes

__all__ = [
    "BUDGET",
    "Account",
    "Amount",
    "Budget",
    "Desk",
    "Progress",
    "Purse",
    "PurseAccount",
    "Reservation",
    "Tracked",
    "account",
    "amount",
    "current_account",
    "fairness_group",
    "purses",
    "running_loop",
    "settle",
    "track",
    "usage_attributes",
    "waiting_for_permit",
]
