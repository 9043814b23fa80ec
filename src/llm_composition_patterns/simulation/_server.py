"""The simulated provider as a server on loopback."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ._provider import SimulatedProvider
from ._scenario import Scenario


@dataclass(frozen=True, slots=True)
class SimulatedServer:
    """A running server.

    Attributes:
        url: Its address, without a path: the base URL of the `groq` SDK. For `openai` add `/v1`.
        provider: What answers.
    """

    url: str
    provider: SimulatedProvider


@asynccontextmanager
async def serve(
    scenario: Scenario | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[SimulatedServer]:
    """Serve a simulated provider over HTTP, as OpenAI and Groq would be reached.

    Leaving the block ends the server, and the requests in flight with it.

    Args:
        scenario: How it behaves.
        host: An address of this machine's loopback.
        port: 0 for any that is free.

    Raises:
        ValueError: `host` can be reached from other machines.
        OSError: The port is taken.
    """
    address = loopback_address(host)
    from ._http import listening_on  # noqa: PLC0415 - aiohttp is needed only to serve

    provider = SimulatedProvider(scenario)
    async with listening_on(provider, address, port) as bound:
        yield SimulatedServer(f"http://{f'[{address}]' if ':' in address else address}:{bound}", provider)


def loopback_address(host: str) -> str:
    """The address of `host`.

    Raises:
        ValueError: It is not on loopback.
    """
    address = "127.0.0.1" if host == "localhost" else host
    try:
        is_loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ValueError(
            f"host must be an address of loopback, not {host!r}: the simulated provider has no protection, so it "
            "serves this machine only; use 127.0.0.1 or ::1"
        )
    return address
