"""`connect_simulated`: to a simulated provider that several models share, as processes of their own would."""

from __future__ import annotations

import math
from contextlib import AsyncExitStack

from ..limits import Limiter
from ..simulation import SIMULATED_MODEL, SimulatedProvider
from ._addresses import Address, resolve
from ._endpoint import Endpoint
from ._model import ConnectedModel, Options
from ._simulated import SimulatedEndpoint
from ._start import UNKNOWN


def connect_simulated(
    provider: SimulatedProvider, *, concurrency: Limiter, timeout: float, attempts: int
) -> ConnectedModel:
    """Name a model of a simulated provider that is there already; `async with` opens it.

    It waits for rate limits as long as it takes.

    Args:
        provider: What answers; whoever else calls it uses up the same limits.
        concurrency: The model's own limiter, however many models there are.
        timeout: Seconds that one attempt may take.
        attempts: How often a call is tried.
    """

    async def open_endpoint(
        address: Address,
        resources: AsyncExitStack,  # noqa: ARG001 - there is nothing to close
    ) -> tuple[Address, Endpoint]:
        return address, SimulatedEndpoint(provider=provider)

    options = Options(
        concurrency=concurrency,
        timeout=timeout,
        attempts=attempts,
        max_rate_limit_wait=math.inf,
        outage_timeout=math.inf,
        hedge=False,
        remember=False,
        price=None,
        endpoint=("simulated", provider),
        start=UNKNOWN,
        charged=provider.scenario.price,
    )
    return ConnectedModel(
        resolve(f"simulated:{SIMULATED_MODEL}", base_url=None, api_key=None, environ={}), open_endpoint, options
    )
