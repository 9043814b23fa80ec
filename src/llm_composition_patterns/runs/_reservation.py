"""Reservations: the most that one attempt can cost, held in every budget around it while it is made.

The budgets that lie in each other have one desk. There an attempt reserves in all of its budgets or in none; while one
of them is full it waits and holds nothing, so that nobody can wait in a circle. Who came first is served first by each
budget: nobody overtakes on a budget for which somebody waits, but a full inner budget holds nobody outside it.

One lock guards a desk for a few instructions, so that several threads and event loops can share a budget. What ends is
put on a list first, which is worked off by whoever has the lock: a coroutine that is collected as garbage may be so in
the middle of this very code, on the same thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, Literal, Self

from ..errors import BudgetExceeded
from ..tracing import listening, names, span
from ._account import Account, current_account, waiting_for_permit
from ._budget import Budget
from ._ledger import NOTHING, Amount, Ledger, Unit, open_ledger

_SMALL: Final = Decimal("0.001")

BUDGET: Final = "budget"
"""Why an attempt waits, as `names.WAIT_REASON`."""


class Purse:
    """The budget of one scope, as the calls inside it meet it.

    Attributes:
        scope: The scope's name.
        budget: The budget.
        ledger: Its books; changed only under the desk's lock.
        chain: This purse, and those of the scopes around it.
        desk: Where it is reserved from.
    """

    __slots__ = ("budget", "chain", "desk", "ledger", "scope")

    def __init__(self, scope: str, budget: Budget, around: tuple[Purse, ...]) -> None:
        self.scope: Final[str] = scope
        self.budget: Final[Budget] = budget
        self.ledger: Ledger = open_ledger(budget)
        self.chain: tuple[Purse, ...] = (self, *around)
        self.desk: Desk = around[0].desk if around else Desk()

    @property
    def spent(self) -> Amount:
        """What was settled so far."""
        return self.ledger.spent


class PurseAccount(Account):
    """The account of a scope with a budget.

    Args:
        parent: The account around it.
        purse: Its budget; None where what is inside is paid for as a whole, by a reservation around it.
    """

    __slots__ = ("purses",)

    def __init__(self, parent: Account | None, purse: Purse | None) -> None:
        super().__init__(parent)
        self.purses: tuple[Purse, ...] = () if purse is None else purse.chain


def purses() -> tuple[Purse, ...]:
    """The budgets around the caller, the innermost first; nearly always none, and that is found out quickly."""
    account = current_account.get()
    while account is not None:
        if type(account) is PurseAccount:
            return account.purses
        account = account.parent
    return ()


class Reservation:
    """The right to spend up to an amount, from entering to leaving `async with`.

    Entering waits until it fits. What is not settled by the end costs nothing.

    Args:
        chain: The budgets to reserve in, as `purses` gives them; at least one.
        needs: Gives the amounts that would do, the best first; a later one is taken when those before can never fit.
            Asked whenever there may be room, on any thread.
        caller: Who wants it, for the message of the error.

    Attributes:
        need: The amount that is held.
        waited: Whether it had to wait.
        shown: Whether its waiting is shown by a span here; else it is where the budget is.

    Raises:
        BudgetExceeded: Out of `async with`, when it can never fit.
    """

    __slots__ = ("caller", "chain", "loop", "need", "needs", "refused", "shown", "state", "waited", "woken")

    def __init__(self, chain: tuple[Purse, ...], needs: Callable[[], Sequence[Amount]], caller: str) -> None:
        self.chain: Final[tuple[Purse, ...]] = chain
        self.needs: Final[Callable[[], Sequence[Amount]]] = needs
        self.need: Amount = NOTHING
        self.caller: Final[str] = caller
        self.state: Literal["new", "waiting", "held", "over"] = "new"
        self.refused: BudgetExceeded | None = None
        self.waited: bool = False
        self.shown: bool = True
        self.loop: asyncio.AbstractEventLoop
        self.woken: asyncio.Future[None]

    async def __aenter__(self) -> Self:
        self.chain[0].desk.enter(self)
        if self.refused is None and self.waited:
            await self._wait()
        if self.refused is not None:
            raise self.refused
        return self

    async def __aexit__(self, *_: object) -> None:
        self.settle(NOTHING)

    def settle(self, used: Amount) -> None:
        """Pay what was used, and give the rest back; only the first time counts."""
        self.chain[0].desk.end(self, used)

    async def _wait(self) -> None:
        try:
            with waiting_for_permit():
                await self._woken()
        except BaseException:
            self.settle(NOTHING)
            raise

    async def _woken(self) -> None:
        if listening() is None or not self.shown:
            await self.woken
            return
        with span(names.WAIT_FOR_PERMIT, attributes={names.WAIT_REASON: BUDGET}):
            await self.woken
            if self.refused is not None:
                raise self.refused

    def wake(self) -> None:
        """Let its caller look: it is held, or refused. Called on its loop."""
        if not self.woken.done():
            self.woken.set_result(None)


class Desk:
    """Where the calls inside one outermost budget reserve."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[Reservation, None] = {}  # in the order in which they came
        self._full: set[Purse] = set()  # for those somebody waits
        self._ended: deque[tuple[Reservation, Amount]] = deque()

    def enter(self, reservation: Reservation) -> None:
        """Grant or refuse a reservation, or let it wait."""
        with self._lock:
            self._consider(reservation)
            if reservation.state == "new":
                reservation.loop = asyncio.get_running_loop()
                reservation.woken = reservation.loop.create_future()
                reservation.state, reservation.waited = "waiting", True
                self._waiting[reservation] = None
        if self._ended:
            self._work_off()

    def end(self, reservation: Reservation, used: Amount) -> None:
        """Take back what a reservation holds, but for what was used; or let it wait no longer. Never blocks."""
        self._ended.append((reservation, used))
        self._work_off()

    def _work_off(self) -> None:
        """Do what is on the list, unless somebody has the lock, who then looks at the list afterwards."""
        while self._ended and self._lock.acquire(blocking=False):
            try:
                while self._ended:
                    self._settle(*self._ended.popleft())
                told = self._serve()
            finally:
                self._lock.release()
            for reservation in told:
                if not _reaches(reservation):  # then nobody will come for it
                    self._ended.append((reservation, NOTHING))

    # Below, the lock is held by the caller.

    def _settle(self, reservation: Reservation, used: Amount) -> None:
        if reservation.state == "held":
            for purse in reservation.chain:
                purse.ledger = purse.ledger.settle(reservation.need, used)
        self._waiting.pop(reservation, None)
        reservation.state = "over"

    def _serve(self) -> list[Reservation]:
        """Look at those who wait, in their order, up to where nobody can be served; those who need not wait on."""
        told: list[Reservation] = []
        self._full.clear()
        for reservation in self._waiting:
            if reservation.chain[-1] in self._full:
                break  # the outermost budget is everybody's
            self._consider(reservation)
            if reservation.state != "waiting":
                told.append(reservation)
        for reservation in told:
            del self._waiting[reservation]
        return told

    def _consider(self, reservation: Reservation) -> None:
        chain = reservation.chain
        for need in reservation.needs():
            passed = [(purse, unit) for purse in chain if (unit := purse.ledger.never_fits(need)) is not None]
            if not passed:
                break
        else:
            reservation.state = "over"
            reservation.refused = _exceeded(*passed[0], need, reservation.caller)
            return
        if not self._full.isdisjoint(chain):
            return
        full = [purse for purse in chain if not purse.ledger.fits(need)]
        self._full.update(full)
        if not full:
            for purse in chain:
                purse.ledger = purse.ledger.reserve(need)
            reservation.need, reservation.state = need, "held"


def _reaches(reservation: Reservation) -> bool:
    """Tell one, on its own loop; False if that is gone."""
    try:
        here = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    if here is reservation.loop:
        reservation.wake()
        return True
    try:
        reservation.loop.call_soon_threadsafe(reservation.wake)
    except RuntimeError:
        return False
    return True


def _exceeded(purse: Purse, unit: Unit, need: Amount, caller: str) -> BudgetExceeded:
    spent, budget = purse.ledger.spent, purse.budget
    figures: tuple[Decimal, Decimal, Decimal] | tuple[int, int, int]
    if unit == "usd":
        figures = Decimal(budget.usd or 0), spent.usd, need.usd
        limit, used, needed = map(_dollars, figures)
    else:
        figures = budget.tokens or 0, spent.tokens, need.tokens
        limit, used, needed = f"{figures[0]:,} tokens", f"{figures[1]:,}", f"{figures[2]:,}"
    return BudgetExceeded(
        f"the budget of {purse.scope!r} is {limit}, {used} of it spent, and a call to {caller} may use {needed}. Raise "
        f"the budget, or lower max_tokens",
        scope=purse.scope,
        unit=unit,
        limit=figures[0],
        spent=figures[1],
        needed=figures[2],
    )


def _dollars(usd: Decimal) -> str:
    return f"${usd.normalize():f}" if usd == round(usd, 4) else f"${usd:.3g}" if usd < _SMALL else f"${usd:.6f}"
