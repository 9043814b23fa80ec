"""The accounts and budgets of a worker: what is used inside an item is settled, and reserved, at the dispatcher."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ...errors import BudgetExceeded
from ...runs import Account, Amount, Budget, Desk, Purse, PurseAccount, Reservation
from ...usage import NO_USAGE, Usage
from .._usage_since import usage_since
from .._usage_text import write_usage
from ._line import Line, Message
from ._traces import parent_here


class ItemAccount(Account):
    """What is used inside an item, told as it is settled.

    Args:
        line: To the dispatcher.
        item: The item's number.
    """

    __slots__ = ("_item", "_line", "_used")

    def __init__(self, line: Line, item: int) -> None:
        self._line = line
        self._item = item
        self._used = NO_USAGE
        super().__init__(None)

    @property
    def usage(self) -> Usage:
        """What was used so far."""
        return self._used

    @usage.setter
    def usage(self, usage: Usage) -> None:
        added, self._used = usage_since(self._used, usage), usage
        if added != NO_USAGE:
            self._line.say(**{"is": "used", "item": self._item, "usage": write_usage(added)})


def account_of(line: Line, item: int, budgets: Sequence[Sequence[Any]]) -> Account:
    """The account of an item inside these budgets: scope, US dollars and tokens of each, the innermost first."""
    account = ItemAccount(line, item)
    if not budgets:
        return account
    desk = RemoteDesk(line, item)
    around: tuple[Purse, ...] = ()
    for scope, usd, tokens in reversed(budgets):
        purse = Purse(scope, Budget(usd=None if usd is None else Decimal(usd), tokens=tokens), around)
        purse.desk = desk
        around = purse.chain
    desk.begin_with(around)
    return PurseAccount(account, around[0])


class RemoteDesk(Desk):
    """Where the calls of an item reserve: at the dispatcher, in the budgets around the item, and in those inside it.

    Args:
        line: To the dispatcher.
        item: The item's number.
    """

    def __init__(self, line: Line, item: int) -> None:
        super().__init__()
        self._line = line
        self._item = item
        self._around: tuple[Purse, ...] = ()
        self._inner: dict[Purse, int] = {}
        self._asked: dict[Reservation, int] = {}

    def begin_with(self, around: tuple[Purse, ...]) -> None:
        """Say which budgets the dispatcher has."""
        self._around = around

    def enter(self, reservation: Reservation) -> None:
        """Ask for a reservation, and let it wait for the answer."""
        needs = reservation.needs()
        reservation.loop = asyncio.get_running_loop()
        reservation.woken = reservation.loop.create_future()
        reservation.state, reservation.waited, reservation.shown = "waiting", True, False
        asked = self._line.ask(
            **{"is": "reserve", "item": self._item, "parent": parent_here()},
            inner=[self._shown(purse) for purse in reservation.chain if purse not in self._around],
            needs=needs,
            caller=reservation.caller,
        )
        self._asked[reservation] = asked.number
        asked.answer.add_done_callback(lambda answer: self._answered(reservation, needs, answer))

    def end(self, reservation: Reservation, used: Amount) -> None:
        """Settle a reservation."""
        asked = self._asked.pop(reservation, None)
        if asked is None:
            return
        if reservation.state == "held":
            for purse in reservation.chain:
                purse.ledger = replace(purse.ledger, spent=purse.ledger.spent.plus(used))
        reservation.state = "over"
        self._line.say(**{"is": "settle", "reservation": asked, "used": used})

    def _answered(self, reservation: Reservation, needs: Sequence[Amount], answer: asyncio.Future[Message]) -> None:
        if reservation.state != "waiting" or answer.cancelled():
            return
        error = answer.exception()
        if isinstance(error, BudgetExceeded):
            reservation.refused, reservation.state = error, "over"
            del self._asked[reservation]
            reservation.wake()
        elif error is not None:
            reservation.woken.set_exception(error)
        else:
            reservation.need = needs[answer.result()["need"]]
            reservation.waited = answer.result()["waited"]
            reservation.state = "held"
            reservation.wake()

    def _shown(self, purse: Purse) -> dict[str, Any]:
        budget = purse.budget
        usd = None if budget.usd is None else str(budget.usd)
        number = self._inner.setdefault(purse, len(self._inner))
        return {"number": number, "scope": purse.scope, "usd": usd, "tokens": budget.tokens}
