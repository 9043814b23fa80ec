"""Which worker computes which call."""

import asyncio
from collections.abc import Awaitable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.errors import WorkerLost
from llm_composition_patterns.runs import Account, current_account
from llm_composition_patterns.steps.processes._child import ANSWERED, READY
from llm_composition_patterns.steps.processes._pool import Pool
from llm_composition_patterns.virtual_time import run


class FakeWorker:
    """A worker without a process: it begins, answers and dies when it is told to."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.calls = {}
        self.tickets: list[int] = []
        self.begun: list[bytes] = []
        self.now: int | None = None
        self.unheard: list[tuple[int, int, bytes]] = []
        self.finished = self.killed = self.dead = False

    def __str__(self) -> str:
        return "worker"

    def send(self, call) -> None:
        self.tickets.append(call.number)

    def take_back(self) -> list[int]:
        taken, self.tickets = self.tickets, []
        return taken

    def finish(self) -> None:
        self.finished = True

    def kill(self) -> None:
        self.killed = True

    def ready(self) -> None:
        self.pool.heard(self, READY, 0, b"")

    def begin(self) -> None:
        if self.now is None and self.tickets and not self.dead:
            self.now = self.tickets.pop(0)
            self.begun.append(b"".join(self.calls[self.now].pieces))

    def say(self) -> None:
        """Answer, without anybody listening yet."""
        if self.now is not None and not self.dead:
            number, self.now = self.now, None
            body = b"".join(self.calls[number].pieces) if number in self.calls else b""
            self.unheard.append((ANSWERED, number, body))

    def listen(self) -> None:
        while self.unheard:
            self.pool.heard(self, *self.unheard.pop(0))

    def answer(self) -> None:
        self.say()
        self.listen()

    def die(self) -> None:
        if not self.dead:
            self.dead = True
            self.listen()
            self.pool.ended(self, "it died", -9)


class Workers:
    """A pool of fake workers, and those that it has hired."""

    def __init__(self, most: int) -> None:
        self.hired: list[FakeWorker] = []
        self.pool = Pool("step", most, self.hire)

    def hire(self, pool: Pool) -> FakeWorker:
        self.hired.append(FakeWorker(pool))
        return self.hired[-1]

    async def call(self, *names: bytes) -> list[asyncio.Task[bytes]]:
        tasks = [asyncio.create_task(answer_to(self.pool.run([name]))) for name in names]
        await asyncio.sleep(0)
        return tasks


async def answer_to(running: Awaitable[tuple[int, bytes, str]]) -> bytes:
    """What the call was answered."""
    _, body, _ = await running
    return bytes(body)


async def settle() -> None:
    """Let every task get as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_workers_are_hired_for_the_calls_that_wait():
    """One for each call, and no more than there may be."""
    workers = Workers(2)
    calls = await workers.call(b"a")
    assert len(workers.hired) == 1
    calls += await workers.call(b"b", b"c")
    assert len(workers.hired) == 2
    for call in calls:
        call.cancel()


async def test_the_first_worker_that_is_free_takes_the_call_that_waits_longest():
    """Whichever was hired for it."""
    workers = Workers(2)
    (a, b) = await workers.call(b"a", b"b")
    first, second = workers.hired
    second.ready()
    second.begin()
    assert second.begun == [b"a"]
    second.answer()
    second.begin()
    second.answer()
    assert [await a, await b] == [b"a", b"b"]
    assert not first.calls


async def test_one_call_is_sent_in_advance():
    """The next one, so that the worker need not wait; the others wait here."""
    workers = Workers(1)
    calls = await workers.call(b"a", b"b", b"c")
    (worker,) = workers.hired
    worker.ready()
    assert len(worker.calls) == 2
    for _ in calls:
        worker.begin()
        worker.answer()
    assert [await call for call in calls] == [b"a", b"b", b"c"]


async def test_a_long_call_is_not_sent_in_advance():
    """It would fill the socket, and might have to be sent again elsewhere."""
    workers = Workers(1)
    calls = await workers.call(b"a", b"b" * (2**16 + 1))
    (worker,) = workers.hired
    worker.ready()
    assert len(worker.calls) == 1
    worker.begin()
    worker.answer()
    assert len(worker.calls) == 1
    worker.begin()
    worker.answer()
    await asyncio.gather(*calls)


async def test_what_a_dead_worker_had_not_begun_is_computed_before_all_others():
    """Only the call that it had begun is lost."""
    workers = Workers(1)
    a, b, c = await workers.call(b"a", b"b", b"c")
    (worker,) = workers.hired
    worker.ready()
    worker.begin()
    worker.die()
    with pytest.raises(WorkerLost, match="worker of step was lost while it computed the call: it died") as lost:
        await a
    assert (lost.value.step, lost.value.exit_code) == ("step", -9)
    _, replacement = workers.hired
    replacement.ready()
    for _ in range(2):
        replacement.begin()
        replacement.answer()
    assert replacement.begun == [b"b", b"c"]
    assert [await b, await c] == [b"b", b"c"]


@pytest.mark.parametrize("most", [1, 2])
async def test_a_worker_that_dies_at_its_start_fails_no_call(most):
    """It held none, so another one is started; so it is when all of them die once."""
    workers = Workers(most)
    calls = await workers.call(*[b"a", b"b"][:most])
    for worker in list(workers.hired):
        worker.die()
    assert len(workers.hired) == 2 * most
    for worker in workers.hired[most:]:
        worker.ready()
    for worker, call in zip(workers.hired[most:], calls, strict=True):
        worker.begin()
        worker.answer()
        await call
    assert len(workers.hired) == 2 * most


async def test_workers_that_never_start_fail_one_call_after_the_other():
    """After two in a row, nothing speaks for the next one; a worker that starts makes good for them."""
    workers = Workers(1)
    a, b, c = await workers.call(b"a", b"b", b"c")
    for number, failed in enumerate([[False] * 3, [False] * 3, [True, False, False], [True, True, False]]):
        workers.hired[number].die()
        await settle()
        assert [call.done() for call in (a, b, c)] == failed
    workers.hired[4].ready()
    workers.hired[4].die()
    workers.hired[5].die()
    await settle()
    assert not c.done()
    workers.hired[6].die()
    workers.hired[7].die()
    for call in (a, b, c):
        with pytest.raises(WorkerLost, match="while it started"):
            await call


async def test_workers_that_never_start_are_tried_after_each_answer_while_another_lives():
    """Its calls do not fail for them, and they are not started again and again meanwhile."""
    workers = Workers(2)
    a, b, c = await workers.call(b"a", b"b", b"c" * (2**16 + 1))
    living = workers.hired[0]
    living.ready()
    while not (last := workers.hired[-1]).dead:
        last.die()
    assert len(workers.hired) == 1 + 4
    for hired in (6, 6):
        living.begin()
        living.answer()
        assert len(workers.hired) == hired
        workers.hired[-1].die()
    living.begin()
    living.answer()
    assert [await call for call in (a, b, c)] == [b"a", b"b", b"c" * (2**16 + 1)]


async def test_a_call_that_is_given_up_kills_the_worker_that_began_it():
    """What was sent to it in advance goes to its replacement."""
    workers = Workers(1)
    a, b = await workers.call(b"a", b"b")
    (worker,) = workers.hired
    worker.ready()
    worker.begin()
    a.cancel()
    await settle()
    assert a.cancelled()
    assert worker.killed
    workers.hired[1].ready()
    workers.hired[1].begin()
    workers.hired[1].answer()
    assert await b == b"b"
    worker.die()
    assert len(workers.hired) == 2


async def test_a_call_that_is_given_up_before_it_begins_leaves_the_worker_alone():
    """Wherever it waits."""
    workers = Workers(1)
    a, b, c, d = await workers.call(b"a", b"b", b"c", b"d")
    (worker,) = workers.hired
    worker.ready()
    worker.begin()
    b.cancel()  # sent in advance
    d.cancel()  # waits here
    await settle()
    for _ in range(2):
        worker.answer()
        worker.begin()
    worker.answer()
    assert worker.begun == [b"a", b"c"]
    assert [await a, await c] == [b"a", b"c"]
    assert not worker.killed


@pytest.mark.parametrize("begins_the_next", [True, False])
async def test_a_call_that_is_answered_already_is_given_up_without_a_kill(begins_the_next):
    """The answer was only not heard yet; what was sent in advance is begun once, by the same worker."""
    workers = Workers(1)
    a, b = await workers.call(b"a", b"b")
    (worker,) = workers.hired
    worker.ready()
    worker.begin()
    worker.say()
    if begins_the_next:
        worker.begin()
    a.cancel()
    await settle()
    assert not worker.killed
    worker.begin()
    worker.answer()
    assert await b == b"b"
    assert (worker.begun, len(workers.hired)) == ([b"a", b"b"], 1)


async def test_the_answer_before_a_call_that_is_given_up_is_not_lost_with_the_worker():
    """Nor is the call after it: it is not sent to a worker that is about to be killed."""
    workers = Workers(1)
    a, b, c = await workers.call(b"a", b"b", b"c")
    (worker,) = workers.hired
    worker.ready()
    worker.begin()
    worker.say()
    worker.begin()
    b.cancel()
    await settle()
    assert (a.done(), worker.killed, worker.tickets) == (True, True, [])
    assert await a == b"a"
    worker.die()
    workers.hired[1].ready()
    workers.hired[1].begin()
    workers.hired[1].answer()
    assert await c == b"c"


async def test_a_free_worker_takes_what_was_sent_in_advance_to_a_busy_one():
    """A call does not wait behind a long one."""
    workers = Workers(2)
    a, b, c = await workers.call(b"a", b"b", b"c")
    first, second = workers.hired
    first.ready()
    first.begin()
    second.ready()
    second.begin()
    second.answer()
    second.begin()
    second.answer()
    assert second.begun == [b"c", b"b"]
    assert [await b, await c] == [b"b", b"c"]
    first.answer()
    assert await a == b"a"


async def test_closing_waits_for_the_calls_and_then_for_the_workers():
    """Free ones finish, those that are not ready yet are killed."""
    workers = Workers(2)
    a, b = await workers.call(b"a", b"b")
    ready, starting = workers.hired
    ready.ready()
    closing = asyncio.create_task(workers.pool.aclose())
    for _ in range(2):
        await settle()
        assert not ready.finished
        ready.begin()
        ready.answer()
    await settle()
    assert [await a, await b] == [b"a", b"b"]
    assert (ready.finished, ready.killed) == (True, False)
    assert (starting.finished, starting.killed) == (False, True)
    starting.die()
    await settle()
    assert not closing.done()
    ready.die()
    await closing


async def test_closing_waits_for_a_call_that_is_being_made():
    """Its worker is started before the pool ends, and dismissed with it."""
    workers, made = Workers(1), asyncio.Event()

    async def make_and_call() -> bytes:
        with workers.pool.expecting_a_call():
            await made.wait()
        return await answer_to(workers.pool.run([b"a"]))

    a = asyncio.create_task(make_and_call())
    await settle()
    closing = asyncio.create_task(workers.pool.aclose())
    await settle()
    assert not closing.done()
    made.set()
    await settle()
    (worker,) = workers.hired
    assert not worker.killed
    worker.ready()
    worker.begin()
    worker.answer()
    await settle()
    assert (await a, worker.finished) == (b"a", True)
    worker.die()
    await closing


async def test_a_pool_whose_closing_is_cancelled_hires_nobody_any_more():
    """The calls that wait, that come back from a worker or that come later are refused."""
    workers = Workers(1)
    calls = await workers.call(b"a", b"b", b"c")
    (worker,) = workers.hired
    worker.ready()
    worker.begin()
    closing = asyncio.create_task(workers.pool.aclose())
    await settle()
    closing.cancel()
    await settle()
    worker.die()
    calls += await workers.call(b"d")
    await settle()
    assert len(workers.hired) == 1
    ended = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(error) for error in ended] == [WorkerLost, *[RuntimeError] * 3]
    assert {str(error) for error in ended[1:]} == {"step was closed before it could compute this call"}


async def test_a_free_worker_that_dies_is_missed_by_nobody():
    """The next call hires another one."""
    workers = Workers(1)
    (a,) = await workers.call(b"a")
    workers.hired[0].ready()
    workers.hired[0].begin()
    workers.hired[0].answer()
    await a
    workers.hired[0].die()
    assert len(workers.hired) == 1
    (b,) = await workers.call(b"b")
    workers.hired[1].ready()
    workers.hired[1].begin()
    workers.hired[1].answer()
    assert await b == b"b"


EVENTS = st.lists(
    st.tuples(st.sampled_from(["call", "ready", "begin", "say", "answer", "die", "cancel"]), st.integers(0, 7))
)


@given(EVENTS, st.integers(1, 3))
def test_every_call_ends_once_and_rightly(events, most):
    """Whatever workers do: a call is begun once at most, and ends with its own value, its loss or its cancellation."""

    async def use() -> None:
        workers, calls = Workers(most), {}
        for what, which in events:
            await happen(workers, calls, what, which)
        while not all(call.done() for call in calls.values()):
            for worker in list(workers.hired):
                if worker.killed:
                    worker.die()
                if not worker.dead:
                    worker.ready()
                    worker.begin()
                    worker.answer()
            await settle()
        begun = [name for worker in workers.hired for name in worker.begun]
        assert len(begun) == len(set(begun))
        for name, call in calls.items():
            assert call.cancelled() or isinstance(call.exception(), WorkerLost) or call.result() == name
        assert len([worker for worker in workers.hired if not (worker.dead or worker.killed)]) <= most

    run(use())


async def happen(workers: Workers, calls: dict[bytes, asyncio.Task[bytes]], what: str, which: int) -> None:
    """Let something happen to a call or a worker."""
    if what == "call":
        name = str(len(calls)).encode()
        (calls[name],) = await workers.call(name)
    elif what == "cancel" and calls:
        list(calls.values())[which % len(calls)].cancel()
    elif what != "cancel" and workers.hired:
        getattr(workers.hired[which % len(workers.hired)], what)()
    await settle()


class Clock(Account):
    """An account that notes how many things inside it wait, and how many work."""

    def __init__(self) -> None:
        super().__init__(None)
        self.waiting = self.working = 0

    def shift(self, *, waiting: int = 0, working: int = 0) -> None:
        self.waiting += waiting
        self.working += working

    @property
    def now(self) -> tuple[int, int]:
        return self.waiting, self.working


@pytest.fixture
def clock():
    """The account of whatever calls in the test."""
    clock = Clock()
    token = current_account.set(clock)
    yield clock
    current_account.reset(token)


async def test_a_call_waits_until_a_worker_begins_it(clock):
    """Also the one that was sent in advance; when all are answered, nothing is left of it."""
    workers = Workers(1)
    calls = await workers.call(b"a", b"b", b"c")
    assert clock.now == (3, 0)
    (worker,) = workers.hired
    worker.ready()
    assert clock.now == (2, 1)
    seen = []
    for _ in range(3):
        worker.begin()
        worker.answer()
        await settle()
        seen.append(clock.now)
    assert seen == [(1, 1), (0, 1), (0, 0)]
    assert [await call for call in calls] == [b"a", b"b", b"c"]


async def test_a_call_that_goes_back_to_the_queue_waits_again(clock):
    """Its worker died before it began it."""
    workers = Workers(1)
    (call,) = await workers.call(b"a")
    workers.hired[0].ready()
    assert clock.now == (0, 1)
    workers.hired[0].die()
    assert clock.now == (1, 0)
    workers.hired[1].ready()
    workers.hired[1].begin()
    workers.hired[1].answer()
    assert await call == b"a"
    assert clock.now == (0, 0)


async def test_a_call_that_is_cancelled_neither_waits_nor_works(clock):
    """Whether it was begun, sent in advance, or waited here; what is begun in its place works."""
    workers = Workers(1)
    a, b, c = await workers.call(b"a", b"b", b"c")
    (worker,) = workers.hired
    worker.ready()
    worker.begin()
    b.cancel()
    await settle()
    assert clock.now == (1, 1)
    a.cancel()
    await settle()
    assert clock.now == (1, 0)
    c.cancel()
    await settle()
    assert clock.now == (0, 0)
