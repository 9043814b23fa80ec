"""Accounts: usage settles on every scope around."""

import threading
from contextvars import copy_context

import pytest

from llm_composition_patterns.runs import (
    Account,
    current_account,
    settle,
    waiting_for_permit,
)
from llm_composition_patterns.usage import NO_USAGE, Usage

USED = Usage(calls=1, input_tokens=3)


class Watched(Account):
    """An account that notes what it is told about waiting."""

    def __init__(self, parent):
        super().__init__(parent)
        self.waiting = self.working = 0

    def shift(self, *, waiting=0, working=0):
        self.waiting += waiting
        self.working += working


@pytest.fixture
def inside():
    """Run something with an account current."""

    def run(account, call):
        context = copy_context()
        context.run(current_account.set, account)
        return context.run(call)

    return run


def test_nobody_may_ask():
    """Without a scope around, settling does nothing."""
    settle(USED)
    assert current_account.get() is None


def test_what_is_used_settles_on_every_scope_around(inside):
    """And on no other."""
    outer = Account(None)
    inner, beside = Account(outer), Account(outer)
    inside(inner, lambda: settle(USED))
    inside(outer, lambda: settle(USED))
    assert (inner.usage, outer.usage, beside.usage) == (USED, USED + USED, NO_USAGE)


def test_threads_settle_without_loss(inside):
    """Each addition counts, whoever makes it."""
    account = Account(None)

    def settle_often():
        for _ in range(2000):
            settle(USED)

    threads = [threading.Thread(target=inside, args=(account, settle_often)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert account.usage.calls == 8000


def test_who_waits_is_told_to_the_scope_around(inside):
    """Through accounts in between, and taken back at the end."""
    branch = Watched(None)

    def wait():
        with waiting_for_permit():
            assert (branch.waiting, branch.working) == (1, 0)

    inside(Account(Account(branch)), wait)
    assert (branch.waiting, branch.working) == (0, 0)


def test_it_is_taken_back_when_something_is_raised(inside):
    """A call that fails waits no longer."""
    branch = Watched(None)

    def fail():
        with waiting_for_permit():
            raise KeyError

    with pytest.raises(KeyError):
        inside(branch, fail)
    assert (branch.waiting, branch.working) == (0, 0)


def test_it_is_taken_back_where_it_was_told():
    """Though another account is current by then."""
    branch = Watched(None)

    def switch():
        current_account.set(branch)
        with waiting_for_permit():
            current_account.set(Account(None))

    copy_context().run(switch)
    assert (branch.waiting, branch.working) == (0, 0)


def test_without_a_scope_around_nobody_is_told(monkeypatch):
    """A call by itself is just made."""
    told = []
    monkeypatch.setattr(Account, "shift", lambda _, **shifts: told.append(shifts))
    with waiting_for_permit():
        pass
    assert told == []


def test_the_outermost_scope_passes_nothing_on(inside):
    """It is told, and there is nobody else to tell."""
    told = []

    class Outermost(Account):
        def shift(self, **shifts):
            told.append(shifts)
            super().shift(**shifts)

    def wait():
        with waiting_for_permit():
            assert told == [{"waiting": 1}]

    inside(Outermost(None), wait)
    assert told == [{"waiting": 1}, {"waiting": -1}]
