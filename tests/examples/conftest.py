"""A simulated provider over HTTP, for commands that run in processes of their own."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack

import pytest

from llm_composition_patterns.simulation import Scenario, SimulatedServer, serve


class ServerThread:
    """Servers on a loop of their own, in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def serve(self, scenario: Scenario) -> SimulatedServer:
        return asyncio.run_coroutine_threadsafe(self._stack.enter_async_context(serve(scenario)), self._loop).result(10)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stack.aclose(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def simulated() -> Iterator[Callable[[Scenario], SimulatedServer]]:
    """Serves scenarios until the test ends."""
    servers = ServerThread()
    yield servers.serve
    servers.close()


@pytest.fixture
def environ() -> dict[str, str]:
    """The environment of a command in a process of its own, as the fixtures leave it."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(["src", os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}
