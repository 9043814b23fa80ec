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


async def slowly(inputs):
    """An async source of what a plain one gives."""
    for input in inputs:
        yield input
        await asyncio.sleep(0)


def spend(seconds):
    """Let virtual time pass without giving the loop a turn, as computing does in real time."""
    loop = asyncio.get_running_loop()
    loop._set_clock(loop.time() + seconds)


def kinds(outcomes):
    """What became of each, as one word."""
    return [outcome.kind if isinstance(outcome, Failure) else "success" for outcome in outcomes]
