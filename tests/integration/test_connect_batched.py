"""Models behind a batch endpoint, through the official clients: jobs are submitted once, whatever dies in between."""

import asyncio
import signal
import sqlite3
import sys
from contextlib import asynccontextmanager, closing

import pytest

from llm_composition_patterns import (
    ConfigurationError,
    InvalidOutput,
    ModelUnavailable,
    Price,
    Success,
    UnknownModel,
    ask,
    parallelize,
    run_batch,
    track,
)
from llm_composition_patterns.llm import _sdk, connect_batched
from llm_composition_patterns.llm._batch_record import BatchRecord
from llm_composition_patterns.simulation import Fault, Scenario, serve
from llm_composition_patterns.simulation._http_batches import BatchRoutes, Refused
from llm_composition_patterns.tracing import without_known_keys

PROVIDERS = ["openai", "groq"]


@pytest.fixture(params=PROVIDERS)
def provider(request):
    return request.param


class Server:
    """A server that counts what it answers, and models of it."""

    def __init__(self, url, provider, directory):
        self.provider = provider
        self.answered = []
        self.record = directory / "jobs.db"
        self.base_url = url if provider == "groq" else f"{url}/v1"

    def model(self, **settings):
        settings = {"wait": 0.05, "poll": 0.02, "base_url": self.base_url, "api_key": "key", **settings}
        return connect_batched(f"{self.provider}:any", record=self.record, **settings)


@pytest.fixture
def serving(tmp_path, provider):
    """Makes a server."""

    @asynccontextmanager
    async def made(**settings):
        answered = []

        def answer(request):
            answered.append(request["messages"][-1]["content"])
            return f"answer to {answered[-1]}"

        quick = {"time_to_first_token": 0.01, "tokens_per_second": 1e6, "spread": 0, "answer": answer}
        async with serve(Scenario(**{**quick, **settings})) as server:
            found = Server(server.url, provider, tmp_path)
            found.answered = answered
            yield found

    return made


def asks(model):
    async def question(number):
        return await ask(model, f"question {number}")

    return question


async def test_calls_that_come_together_are_one_job(serving):
    """Each gets its own answer, for half the price."""
    async with serving(price=Price(input=2, output=2)) as server, server.model() as model, track("all") as tracked:
        answers = await parallelize(asks(model), range(50))
    assert answers == [f"answer to question {number}" for number in range(50)]
    assert tracked.usage.calls == len(server.answered) == 50
    assert float(tracked.usage.cost) == pytest.approx(tracked.usage.total_tokens / 1e6)


async def test_a_job_has_no_more_than_it_may(serving, tmp_path):
    """The rest is in others."""
    async with serving() as server, server.model(most=20) as model:
        await parallelize(asks(model), range(50))
    async with BatchRecord(tmp_path / "jobs.db") as record:
        jobs = list((await record.jobs()).values())
    assert sorted(jobs.count(job) for job in set(jobs)) == [10, 20, 20]


async def test_a_job_may_say_more_than_any_one_answer(serving, monkeypatch):
    """The bound of an answer is none of a file's, which holds thousands of them."""
    monkeypatch.setattr(_sdk, "MOST_BYTES", 8_000)
    async with serving() as server, server.model() as model, asyncio.timeout(5):
        answers = await parallelize(asks(model), range(50))
    assert answers == [f"answer to question {number}" for number in range(50)]


PROGRAM = """
import asyncio, sys
from llm_composition_patterns import ask, parallelize
from llm_composition_patterns.llm import connect_batched

async def main(name, record, base_url):
    settings = {"wait": 0.05, "poll": 0.02, "base_url": base_url, "api_key": "key"}
    async with connect_batched(name, record=record, **settings) as model:
        await parallelize(lambda number: ask(model, f"question {number}"), range(20))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_program_that_was_killed_collects_what_it_had_submitted(serving):
    """It gets no chance to say goodbye when its jobs are recorded; nothing is asked a second time by the next one."""
    async with serving(time_to_first_token=1.0) as server:
        arguments = (f"{server.provider}:any", server.record, server.base_url)
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, *map(str, arguments))
        try:
            await recorded(server, 20)
        finally:
            process.kill()
            await process.wait()
        assert process.returncode == -signal.SIGKILL
        async with server.model() as model:
            answers = await parallelize(asks(model), range(25))
        assert len(server.answered) == 25
    assert answers == [f"answer to question {number}" for number in range(25)]


async def recorded(server, count):
    """Until so many requests are recorded to be in a job."""
    async with asyncio.timeout(30):
        while jobs_in(server.record) < count:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.02)


def jobs_in(record):
    """How many requests are recorded to be in a job."""
    if not record.exists():
        return 0
    with closing(sqlite3.connect(record)) as db:
        try:
            return db.execute("SELECT count(*) FROM requests WHERE job <> ''").fetchone()[0]
        except sqlite3.OperationalError:  # it is being made
            return 0


@pytest.mark.parametrize("kind", ["server_error", "rate_limit", "drop"])
@pytest.mark.parametrize("where", ["_upload", "_create", "_content"])
async def test_what_goes_wrong_around_a_job_costs_nothing(serving, monkeypatch, where, kind):
    """A request is refused, or its answer lost: whoever asks again, here or in another run, gets what is there."""
    told = []
    handler = getattr(BatchRoutes, where)

    async def broken(self, request, name):
        if kind != "rate_limit" or told:
            answer = await handler(self, request, name)
        if told:
            return answer
        told.append(kind)
        if kind == "drop":
            request.transport.abort()
            return answer
        raise Refused(kind, "")

    monkeypatch.setattr(BatchRoutes, where, broken)
    async with serving() as server:
        async with server.model() as model:
            routes = await parallelize(asks(model), range(5), on_error="collect")
            failed = [number for number, outcome in enumerate(routes) if not isinstance(outcome, Success)]
            await parallelize(asks(model), failed)
        async with server.model() as model:
            answers = await parallelize(asks(model), range(5))
        assert sorted(server.answered) == [f"question {number}" for number in range(5)]
    assert told == [kind]
    assert answers == [f"answer to question {number}" for number in range(5)]


async def test_a_job_is_found_though_it_was_never_recorded(serving, monkeypatch):
    """The process died after it was submitted and before that was written."""
    submitted, dying = BatchRecord.submitted, asyncio.Event()

    async def die(self, digest, job):
        dying.set()
        await asyncio.Event().wait()

    async with serving() as server:
        monkeypatch.setattr(BatchRecord, "submitted", die)
        async with server.model() as model:
            calls = asyncio.ensure_future(parallelize(asks(model), range(20)))
            await dying.wait()
            calls.cancel()
            await asyncio.wait([calls])
        assert jobs_in(server.record) == 0
        monkeypatch.setattr(BatchRecord, "submitted", submitted)
        async with server.model() as model:
            await parallelize(asks(model), range(20))
        assert len(server.answered) == 20


async def test_what_failed_is_submitted_again_when_it_is_asked_again(serving):
    """And nothing else is."""
    async with serving(faults=(Fault(kind="server_error", match="question 3", times=1),)) as server:
        async with server.model() as model:
            outcomes = await parallelize(asks(model), range(5), on_error="collect")
        assert type(outcomes[3].error) is ModelUnavailable
        async with server.model() as model:
            answers = await parallelize(asks(model), range(5))
        assert len(server.answered) == 5
    assert answers[3] == "answer to question 3"


async def test_a_line_that_a_rate_limit_refused_is_paid_once(serving):
    """The call is made again by itself, and the next run knows it by the same name."""
    async with serving(faults=(Fault(kind="rate_limit", match="question 3", times=1),)) as server:
        for _ in range(2):
            async with server.model() as model:
                answers = await parallelize(asks(model), range(5))
        assert sorted(server.answered) == [f"question {number}" for number in range(5)]
    assert answers[3] == "answer to question 3"


async def test_an_answer_that_did_not_fit_is_asked_for_again_by_the_next_run(serving):
    """It and its repairs are in the record until the question has failed; then they are not."""
    fits = []
    async with serving(answer=lambda _: "7" if fits else "seven") as server:
        async with server.model() as model:
            with pytest.raises(InvalidOutput):
                await ask(model, "a number", output=int)
        fits.append(True)
        async with server.model() as model:
            assert await ask(model, "a number", output=int) == 7


async def test_a_repair_is_gone_on_with(serving):
    """The program was stopped between the answer that did not fit and its repair."""
    answered, mended = [], asyncio.Event()

    def answer(request):
        answered.append(request["messages"])
        if len(answered) < 2:
            return "seven"
        mended.set()
        return "7"

    async with serving(answer=answer) as server:
        async with server.model(poll=0.5) as model:
            question = asyncio.ensure_future(ask(model, "a number", output=int))
            await mended.wait()
            question.cancel()
            await asyncio.wait([question])
        async with server.model() as model:
            assert await ask(model, "a number", output=int) == 7
    assert len(answered) == 2


async def test_what_a_provider_refuses_is_raised_as_ever(serving):
    """Here it has no such model."""
    async with serving(models=("another",)) as server, server.model() as model:
        with pytest.raises(UnknownModel):
            await ask(model, "question")


async def test_a_batch_is_gone_on_with(serving, tmp_path):
    """`run_batch` is stopped while the provider works, and run again: each item is paid once."""
    async with serving(time_to_first_token=0.5) as server:

        async def step(model, number):
            return await ask(model, f"question {number}")

        async def run():
            store = tmp_path / "run.db"
            return await run_batch(step, range(30), store=store, key=str, resource=server.model, step_name="step")

        running = asyncio.ensure_future(run())
        await recorded(server, 30)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        report = await run()
        assert report.counts["succeeded"] == len(server.answered) == 30


@pytest.mark.parametrize("name", ["ollama:", "simulated:x", "ollama:qwen3:8b", "openrouter:any", "vllm:any"])
def test_what_has_no_batch_endpoint_is_refused(name, tmp_path):
    """With a name that has one."""
    with pytest.raises(ConfigurationError, match="has no batch endpoint"):
        connect_batched(name, record=tmp_path / "jobs.db", api_key="key")


async def test_a_record_that_cannot_be_used_is_told(tmp_path):
    """When the model is opened."""
    (tmp_path / "jobs.db").write_text("something else, and long enough to be no database at all\n" * 100)
    with pytest.raises(ConfigurationError, match=r"the record .* cannot be used"):
        async with connect_batched("openai:any", record=tmp_path / "jobs.db", api_key="key"):
            pass


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"most": 0}, ValueError, r"most=0\): a job needs at least 1 call"),
        ({"most": 2.5}, TypeError, r"most=2.5\): give a number of calls"),
        ({"wait": -1}, ValueError, r"wait=-1\): give 0 seconds or more"),
        ({"wait": float("inf")}, ValueError, r"wait=inf\): give 0 seconds or more"),
        ({"poll": 0}, ValueError, r"poll=0\): give more than 0 seconds"),
        ({"poll": float("nan")}, ValueError, r"poll=nan\): give more than 0 seconds"),
        ({"poll": "1"}, TypeError, r"poll='1'\): give a number of seconds"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path, settings, error, said):
    """Before anything is opened."""
    with pytest.raises(error, match=said):
        connect_batched("openai:any", record=tmp_path / "jobs.db", api_key="key", **settings)


async def test_a_record_is_used_by_one_model_at_a_time(tmp_path):
    """Another one is told; when the first is closed it may use it."""

    def model():
        return connect_batched("openai:any", record=tmp_path / "jobs.db", api_key="key")

    async with model():
        with pytest.raises(ConfigurationError, match=r"the record .*jobs.db is in use"):
            async with model():
                pass
    async with model():
        pass


def test_its_key_is_known_to_whatever_is_shown(tmp_path):
    """As that of a model by `connect`: no span quotes it."""
    connect_batched("groq:any", record=tmp_path / "jobs.db", api_key="planted-for-batches")
    assert without_known_keys("Bearer planted-for-batches") == "Bearer __REDACTED__"
