"""Files and batches of the simulated server, asked for by the official clients over real TCP."""

import asyncio
import json
from contextlib import asynccontextmanager

import groq
import openai
import pytest

from llm_composition_patterns.simulation import Fault, Price, RateLimit, Scenario, serve

QUICK = {"time_to_first_token": 0.01, "tokens_per_second": 100_000, "spread": 0}
ENDPOINT = "/v1/chat/completions"


@pytest.fixture(params=["groq", "openai"])
def sdk(request):
    return request.param


@asynccontextmanager
async def client_of(sdk, **settings):
    """A client of one SDK, of a server of its own."""
    async with serve(Scenario(**{**QUICK, **settings})) as server:
        if sdk == "groq":
            client = groq.AsyncGroq(api_key="any", base_url=server.url, max_retries=0)
        else:
            client = openai.AsyncOpenAI(api_key="any", base_url=f"{server.url}/v1", max_retries=0)
        async with client:
            yield client


def line(number, **changes):
    body = {"model": "x", "messages": [{"role": "user", "content": f"What is {number}?"}]}
    return {"custom_id": f"item-{number}", "method": "POST", "url": ENDPOINT, "body": body, **changes}


def written(*lines):
    return "".join(json.dumps(one) + "\n" for one in lines).encode()


async def begun(client, content):
    file = await client.files.create(file=("requests.jsonl", content), purpose="batch")
    return await client.batches.create(input_file_id=file.id, endpoint=ENDPOINT, completion_window="24h")


async def ended(client, batch):
    """The batch when it has ended."""
    async with asyncio.timeout(10):
        while batch.status in ("validating", "in_progress"):
            await asyncio.sleep(0.01)
            batch = await client.batches.retrieve(batch.id)
    return batch


async def lines_of(client, file_id):
    content = await client.files.content(file_id)
    text = content.text if isinstance(content.text, str) else await content.text()
    return {one["custom_id"]: one for one in map(json.loads, text.splitlines())}


async def test_a_batch_is_answered_as_a_file(sdk):
    """Each request under its own id, for half the price, whatever the rate limit is."""
    price, limit = Price(input=1, output=1), RateLimit(requests_per_minute=1)
    async with client_of(sdk, price=price, rate_limit=limit) as client:
        batch = await begun(client, written(*map(line, range(20))))
        assert batch.status == "validating"
        batch = await ended(client, batch)
        answers = await lines_of(client, batch.output_file_id)
    assert (batch.status, batch.error_file_id) == ("completed", None)
    assert (batch.request_counts.completed, batch.request_counts.failed, batch.request_counts.total) == (20, 0, 20)
    assert list(answers) == [f"item-{number}" for number in range(20)]
    body = answers["item-7"]["response"]["body"]
    assert body["model"] == "simulated/x"
    assert body["usage"]["cost"] == pytest.approx(body["usage"]["total_tokens"] / 1e6 / 2)


async def test_what_fails_is_in_a_file_of_its_own(sdk):
    """With its status, or without one where the connection was dropped."""
    faults = (Fault(kind="server_error", match="is 3"), Fault(kind="drop", match="is 4"))
    async with client_of(sdk, faults=faults) as client:
        batch = await ended(client, await begun(client, written(*map(line, range(6)))))
        answers, failed = [await lines_of(client, file) for file in (batch.output_file_id, batch.error_file_id)]
    assert (batch.status, batch.request_counts.completed, batch.request_counts.failed) == ("completed", 4, 2)
    assert set(answers) == {"item-0", "item-1", "item-2", "item-5"}
    assert failed["item-3"]["response"]["status_code"] == 500
    assert (failed["item-4"]["response"], failed["item-4"]["error"]["code"]) == (None, "server_error")


async def test_a_file_with_mistakes_fails_as_a_whole(sdk):
    """Nothing of it is answered, and each mistake is told with its line."""
    bad = [line(1, url="/v1/embeddings"), line(2, body=None), line(0), line(3, custom_id="")]
    async with client_of(sdk) as client:
        batch = await ended(client, await begun(client, written(line(0), *bad) + b"nope\n"))
        empty = await ended(client, await begun(client, b"\n"))
    assert (batch.status, batch.output_file_id, empty.errors.data[0].code) == ("failed", None, "empty_file")
    assert [(error.line, error.code) for error in batch.errors.data] == [
        (2, "mismatched_url"),
        (3, "missing_required_parameter"),
        (4, "duplicate_custom_id"),
        (5, "missing_required_parameter"),
        (6, "invalid_json_line"),
    ]


async def test_a_batch_that_is_cancelled_keeps_what_was_answered(sdk):
    """One request hangs for ever."""
    async with client_of(sdk, faults=(Fault(kind="hang", match="is 1"),)) as client:
        batch = await begun(client, written(line(0), line(1)))
        async with asyncio.timeout(10):
            while (await client.batches.retrieve(batch.id)).request_counts.completed < 1:  # noqa: ASYNC110 - in TCP
                await asyncio.sleep(0.01)
        batch = await client.batches.cancel(batch.id)
        again = await client.batches.cancel(batch.id)
        assert list(await lines_of(client, batch.output_file_id)) == ["item-0"]
    assert (batch.status, again.status) == ("cancelled", "cancelled")


async def test_batches_are_listed_the_latest_first():
    """Page by page."""
    async with client_of("openai") as client:
        batches = [await begun(client, written(line(number))) for number in range(5)]
        listed = [batch.id async for batch in client.batches.list(limit=2)]
    assert listed == [batch.id for batch in reversed(batches)]


async def test_what_there_is_not_is_said(sdk):
    """In the dialect, as the clients' own errors."""
    module = {"groq": groq, "openai": openai}[sdk]
    async with client_of(sdk) as client:
        for asking in (client.files.content("file-1"), client.batches.retrieve("batch_1"), client.files.delete("x")):
            with pytest.raises(module.NotFoundError, match="No such"):
                await asking
        with pytest.raises(module.BadRequestError, match="there is no file 'file-1'"):
            await client.batches.create(input_file_id="file-1", endpoint=ENDPOINT, completion_window="24h")


async def test_a_file_is_shown_and_deleted():
    """As it was uploaded."""
    async with client_of("openai") as client:
        file = await client.files.create(file=("a.jsonl", b"12345"), purpose="batch")
        assert (await client.files.retrieve(file.id)).bytes == 5
        assert (await client.files.delete(file.id)).deleted
        with pytest.raises(openai.NotFoundError):
            await client.files.retrieve(file.id)
