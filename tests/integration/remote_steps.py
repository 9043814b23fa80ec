"""Steps and resources that workers import by their names; what they need to know they find in the environment."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from pydantic import BaseModel

from llm_composition_patterns import (
    AuthenticationFailed,
    Budget,
    Limiter,
    ModelUnavailable,
    Price,
    ask,
    connect,
    once,
    parallelize,
    track,
)
from llm_composition_patterns.tracing import span

URL = "REMOTE_STEPS_URL"
"""Where the simulated server is."""

DIRECTORY = "REMOTE_STEPS_DIRECTORY"
"""Where steps and resources leave notes."""


class Paper(BaseModel):
    id: str
    words: int


class Summary(BaseModel):
    paper: Paper
    text: str


class OddError(Exception):
    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")


async def note(name: str, text: str = "") -> None:
    def write() -> None:
        with (Path(os.environ[DIRECTORY]) / name).open("a") as file:
            file.write(f"{text}\n")

    await asyncio.to_thread(write)


async def first_time(name: str) -> bool:
    """Whether this was not asked before, in whatever process."""
    path = Path(os.environ[DIRECTORY]) / name
    there = await asyncio.to_thread(path.exists)
    await note(name)
    return not there


async def double(number: int) -> int:
    return 2 * number


async def summarize(paper: Paper) -> Summary:
    with span("reading"):
        await asyncio.sleep(0)
    return Summary(paper=paper, text="short")


async def fail(number: int) -> int:
    raise [KeyError("k"), OddError(1, 2), ModelUnavailable("away", status=503), RuntimeError("")][number]


async def be_refused(number: int) -> int:
    raise AuthenticationFailed("no key", model="groq:x")


async def give_what_is_no_json(number: int) -> object:
    return object()


def plain(number: int) -> int:
    return number


async def cancel_itself(number: int) -> int:
    raise asyncio.CancelledError


async def wait_forever(number: int) -> int:
    await note("begun")
    try:
        await asyncio.Event().wait()
    finally:
        await note("ended")
    return number


async def nap(number: int) -> int:
    await asyncio.sleep(0.05)
    return number


async def nap_somewhere(number: int) -> int:
    """Gives the process that it ran in."""
    await asyncio.sleep(0.05)
    return os.getpid()


async def die_at_seven(number: int) -> int:
    """Kill this process at the first attempt of item 7."""
    await asyncio.sleep(0.02)
    if number == 7 and await first_time("died"):
        os.kill(os.getpid(), signal.SIGKILL)
    return number


async def two_parts(number: int) -> str:
    async def first(number: int) -> str:
        await note("first", str(number))
        return f"first {number}"

    text = await once(first, number, key="first")
    if number == 1 and await first_time("failed"):
        raise ModelUnavailable("away")
    return text


@asynccontextmanager
async def noted() -> AsyncIterator[str]:
    await note("opened", str(os.getpid()))
    yield "held"
    await note("closed", str(os.getpid()))


async def with_held(held: str, number: int) -> str:
    return f"{held} {number}"


@asynccontextmanager
async def broken() -> AsyncIterator[str]:
    raise ValueError("there is no glossary")
    yield ""


@asynccontextmanager
async def broken_at_first() -> AsyncIterator[str]:
    with suppress(FileExistsError):
        await asyncio.to_thread((Path(os.environ[DIRECTORY]) / "tried").touch, exist_ok=False)
        raise ValueError("there is no glossary yet")
    await note("opened")
    yield "held"


async def with_two_held(held: str, number: int) -> str:
    """An item that takes until two workers have opened their resource."""
    opened = Path(os.environ[DIRECTORY]) / "opened"
    while await asyncio.to_thread(opened.read_text) != "\n\n":  # noqa: ASYNC110 - another process may write it
        await asyncio.sleep(0.01)
    return f"{held} {number}"


def _connected(**settings):
    url = os.environ.get(URL) or (Path(os.environ[DIRECTORY]) / "url").read_text()
    return connect("openai:any", base_url=url, api_key="key-key", **settings)


def model():
    return _connected(price=None)


def hedging():
    return _connected(hedge=True)


def three_at_once():
    return _connected(concurrency=Limiter(fixed=3))


def ten_a_minute():
    return _connected(concurrency=Limiter(requests_per_minute=10), max_rate_limit_wait=1.0)


def three_hundred_a_second():
    return _connected(concurrency=Limiter(requests_per_minute=18_000), remember=False)


async def answer(model, number: int) -> str:
    return await ask(model, f"What is {number}?", max_tokens=100)


def priced():
    return _connected(price=Price(input=1, output=1))


async def answer_or_die(model, number: int) -> str:
    """Kill this process while item 5 is asked for the first time."""
    if number == 5 and await first_time("died"):
        asyncio.get_running_loop().call_later(0.02, os.kill, os.getpid(), signal.SIGKILL)
    return await ask(model, f"What is {number}?", max_tokens=100)


async def call_and_die(model, number: int) -> str:
    asyncio.get_running_loop().call_later(0.03, os.kill, os.getpid(), signal.SIGKILL)
    return await ask(model, f"What is {number}?", max_tokens=100)


async def answer_in_parts(model, number: int) -> list[str]:
    return await parallelize(lambda part: ask(model, f"What is {number} {part}?", max_tokens=100), range(2))


async def answer_cheaply(model, number: int) -> str:
    async with track("inner", budget=Budget(tokens=60)):
        return await ask(model, f"What is {number}?", max_tokens=1000)
