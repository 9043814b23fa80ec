"""An endpoint that sends requests in jobs, over an account and a record that fail as they are told."""

import asyncio
import json
import sqlite3
from types import SimpleNamespace

import pytest

from llm_composition_patterns.llm._batch_jobs import _MARK, BatchJobs, NotDone, digest_of
from llm_composition_patterns.llm._batched import BatchedEndpoint
from llm_composition_patterns.llm._endpoint import AnswerTooLong, Reply


class Account:
    """The jobs of an account: each takes 100 s; what is in `fails` is raised, one at a time.

    Attributes:
        jobs: The lines of each job that began.
        fails: What the next submissions fail with.
        begins: Whether a job begins although its submission fails.
        statuses: What the next lines of answers have as their status, by question; else 200.
        trouble: What collecting fails with.
    """

    def __init__(self):
        self.jobs, self.fails, self.begins, self.statuses, self.trouble = {}, [], False, {}, None
        self._found = {}

    @property
    def paid(self):
        """The questions in all jobs."""
        return sorted(line["body"]["q"] for lines in self.jobs.values() for line in lines.values())

    async def submit(self, content):
        await asyncio.sleep(1)
        failure = self.fails.pop(0) if self.fails else None
        if failure is None or self.begins:
            job = f"job {len(self.jobs) + 1}"
            lines = [json.loads(line) for line in content.splitlines()]
            self.jobs[job] = {line["custom_id"]: line for line in lines}
            self._found[digest_of(content)] = job
        if failure is not None:
            raise failure
        return job

    async def find(self, digest):
        return self._found.get(digest)

    async def status(self, job):
        await asyncio.sleep(100)
        return True, SimpleNamespace(id=job, status="completed", errors=None)

    async def collect(self, shown):
        if self.trouble is not None:
            raise self.trouble
        return {name: self._reply(line["body"]["q"]) for name, line in self.jobs[shown.id].items()}

    def _reply(self, question):
        return Reply(next(iter(self.statuses.pop(question, ())), 200), {}, question)


class Record:
    """A record in memory; what is in `breaks` cannot be written."""

    def __init__(self):
        self.rows, self.breaks = {}, set()

    async def jobs(self):
        return {request: job for request, (_, job) in self.rows.items() if job}

    async def unsure(self):
        return list({digest for digest, job in self.rows.values() if not job})

    async def plan(self, digest, requests):
        self.rows |= dict.fromkeys(requests, (digest, ""))

    async def submitted(self, digest, job):
        if job in self.breaks:
            raise sqlite3.OperationalError("database is locked")
        for request, (planned, known) in list(self.rows.items()):
            if planned == digest and job is not None:
                self.rows[request] = (digest, job)
            elif planned == digest and not known:
                del self.rows[request]

    async def forget(self, request):
        self.rows.pop(request, None)


@pytest.fixture
def account():
    return Account()


@pytest.fixture
def record():
    return Record()


def program(account, record):
    """A program that begins: its endpoint."""
    return BatchedEndpoint(account, record, of="here", most=100, wait=5, poll=30)


async def asked(endpoint, *questions):
    """What becomes of some questions."""
    return await asyncio.gather(*(endpoint.send({"q": question}) for question in questions), return_exceptions=True)


async def test_a_file_that_is_refused_for_its_size_is_told_at_once(account, record):
    """To read it again would end the same way."""
    account.trouble = AnswerTooLong("more than 32 MiB")
    assert await asked(program(account, record), 1) == [account.trouble]


@pytest.mark.parametrize("failure", [NotDone(Reply(429, {}, None)), ConnectionError("lost")])
async def test_what_is_asked_again_after_a_refusal_is_known_by_the_same_name(account, record, failure):
    """The next run finds it, and pays nothing."""
    account.fails = [failure]
    endpoint = program(account, record)
    await asked(endpoint, 1, 2, 3)
    await asked(endpoint, 1, 2, 3)
    replies = await asked(program(account, record), 1, 2, 3)
    assert [reply.status for reply in replies] == [200, 200, 200]
    assert account.paid == [1, 2, 3]


async def test_a_line_that_was_refused_keeps_its_name_when_it_is_asked_again(account, record):
    """It is submitted alone, and found by the next run."""
    account.statuses = {2: [429]}
    endpoint = program(account, record)
    assert [reply.status for reply in await asked(endpoint, 1, 2)] == [200, 429]
    assert [reply.status for reply in await asked(endpoint, 2)] == [200]
    assert [reply.status for reply in await asked(program(account, record), 1, 2)] == [200, 200]
    assert account.paid == [1, 2, 2]


async def test_the_same_call_of_several_is_paid_for_each(account, record):
    """And again by nobody."""
    await asked(program(account, record), 1, 1, 1)
    await asked(program(account, record), 1, 1, 1)
    assert account.paid == [1, 1, 1]


@pytest.mark.parametrize("seconds", [3, 5.5, 50])
async def test_a_call_that_was_given_up_is_gone_on_with_when_it_is_made_again(account, record, seconds):
    """Before its job is submitted, while it is, and while the job runs."""
    endpoint = program(account, record)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(endpoint.send({"q": 1}), seconds)
    assert (await endpoint.send({"q": 1})).status == 200
    assert account.paid == [1]


@pytest.mark.parametrize("failure", [NotDone(Reply(502, {}, None)), ConnectionError("lost")])
async def test_a_job_that_began_though_its_answer_was_lost_is_found(account, record, failure):
    """By the same program, and by the next one."""
    account.fails, account.begins = [failure], True
    endpoint = program(account, record)
    await asked(endpoint, 1, 2)
    assert [reply.status for reply in await asked(endpoint, 1, 2)] == [200, 200]
    await asked(program(account, record), 1, 2)
    assert account.paid == [1, 2]


async def test_other_jobs_are_submitted_while_one_is_looked_for(account, record):
    """And none of them is taken for lost."""
    account.fails, account.begins = [ConnectionError("lost")], True
    endpoint = program(account, record)
    await asked(endpoint, 1)
    other = asyncio.create_task(endpoint.send({"q": 2}))
    await asyncio.sleep(5.5)
    endpoint._known = None
    await asked(endpoint, 1)
    await other
    await asked(program(account, record), 1, 2)
    assert account.paid == [1, 2]


@pytest.mark.parametrize("job", [None, "job 1"])
async def test_a_record_that_cannot_be_written_is_told_to_all_who_wait(account, record, job):
    """Nobody waits for ever, and what was submitted is found later."""
    record.breaks = {job}
    account.fails = [NotDone(Reply(429, {}, None))] if job is None else []
    endpoint = program(account, record)
    async with asyncio.timeout(10):
        told = await asked(endpoint, 1, 2)
    assert {type(each) for each in told} == {sqlite3.OperationalError}
    record.breaks = set()
    assert [reply.status for reply in await asked(endpoint, 1, 2)] == [200, 200]
    assert account.paid == [1, 2]


@pytest.mark.parametrize("seconds", [3, 5.5])
async def test_whoever_waits_when_it_is_closed_is_let_go(account, record, seconds):
    """Before a job is submitted, and while it is."""
    endpoint = program(account, record)
    call = asyncio.create_task(endpoint.send({"q": 1}))
    await asyncio.sleep(seconds)
    await endpoint.aclose()
    async with asyncio.timeout(1):
        await asyncio.wait([call])
    assert call.cancelled()


class Pages:
    """The list of an account's jobs, two on a page."""

    def __init__(self, count, *, follows=True):
        self.listed = [
            SimpleNamespace(id=f"job {n}", status="completed", metadata={_MARK: f"digest {n}"}) for n in range(count)
        ]
        self.batches, self.follows, self.asked = self, follows, 0

    async def list(self, *, extra_query):
        self.asked += 1
        after = extra_query.get("after") if self.follows else None
        first = next((n for n, job in enumerate(self.listed, 1) if job.id == after), 0)
        page = self.listed[first : first + 2]
        return SimpleNamespace(data=page, has_more=first + 2 < len(self.listed))


async def test_a_job_is_found_on_any_page():
    """And one that is on none is none."""
    jobs = BatchJobs(Pages(5))
    assert [await jobs.find(f"digest {n}") for n in (0, 3, 4, 5)] == ["job 0", "job 3", "job 4", None]


async def test_a_server_that_has_one_page_only_is_asked_no_further():
    """Whatever it says of more."""
    account = Pages(5, follows=False)
    assert await BatchJobs(account).find("digest 4") is None
    assert account.asked == 2
