"""Steps and small helpers that the tests of the fan-out share."""

import asyncio

from llm_composition_patterns.outcome import Failure


async def double(number):
    return 2 * number


async def wait(seconds):
    await asyncio.sleep(seconds)
    return seconds


async def wait_or_fail(seconds):
    """Wait; a negative number fails after that time."""
    await asyncio.sleep(abs(seconds))
    if seconds < 0:
        raise ValueError(seconds)
    return seconds


class Stubborn:
    """A step that needs `seconds` to clean up when it is cancelled, and notes what happened to it."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.started, self.ended, self.interrupted = [], [], []

    async def __call__(self, input):
        self.started.append(input)
        try:
            await asyncio.sleep(100)
        finally:
            try:
                await asyncio.sleep(self.seconds)
            except asyncio.CancelledError:
                self.interrupted.append(input)
            self.ended.append(input)


async def slowly(inputs):
    """An async source of what a plain one gives."""
    for input in inputs:
        yield input
        await asyncio.sleep(0)


async def everything(stream):
    """The outcomes of a stream, to its end."""
    async with stream as outcomes:
        return [outcome async for outcome in outcomes]


def spend(seconds):
    """Let virtual time pass without giving the loop a turn, as computing does in real time."""
    loop = asyncio.get_running_loop()
    loop._set_clock(loop.time() + seconds)


def kinds(outcomes):
    """What became of each, as one word."""
    return [outcome.kind if isinstance(outcome, Failure) else "success" for outcome in outcomes]
