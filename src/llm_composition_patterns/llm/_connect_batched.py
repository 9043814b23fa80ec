"""`connect_batched`: to a model whose calls go through its provider's batch endpoint."""

from __future__ import annotations

import math
import os
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

from ..errors import ConfigurationError
from ..limits import Limiter
from ..simulation import Price
from ..tracing import know_key
from ._addresses import NO_KEY, Address, resolve
from ._connect import open_sdk
from ._endpoint import Endpoint
from ._model import ConnectedModel, Options
from ._start import UNKNOWN

_PROVIDERS: Final = ("openai", "groq")
_IN_FLIGHT: Final = 100_000
_DAYS: Final = 3 * 86_400.0
_REQUEST: Final = 60.0


def connect_batched(
    name: str,
    *,
    record: str | os.PathLike[str],
    base_url: str | None = None,
    api_key: str | None = None,
    price: Price | None = None,
    most: int = 2_000,
    wait: float = 5.0,
    poll: float = 30.0,
) -> ConnectedModel:
    """Name a model that is reached through its provider's batch endpoint; `async with` opens it.

    ```python
    async with connect_batched("openai:gpt-5-nano", record="jobs.db") as model:
        await run_batch(translate, papers, store="papers.db", resource=..., max_concurrency=10_000)
    ```

    A call is answered when its job is done, which may take a day; the program may be killed meanwhile, and started
    again: a call that was submitted is not submitted again. What failed in a job fails as a call does, and is
    submitted again when it is made again. Calls of one program with the same text are paid one by one.

    Args:
        name: `openai:MODEL` or `groq:MODEL`.
        record: The file that says which call is in which job; one model at a time may use it.
        base_url: Another server with the same batch endpoint.
        api_key: The key, instead of the provider's environment variable.
        price: What the model costs there; by default half of what the price list says.
        most: How many calls a job has at most.
        wait: Seconds without another call after which a job is submitted.
        poll: Seconds between two questions whether a job is done.

    Raises:
        ConfigurationError: The name or the address cannot work, the provider has no batch endpoint, or, on opening,
            the record cannot be used or is in use.
        AuthenticationFailed: The provider needs a key and there is none.
        ValueError: A setting is out of range.
    """
    _check(most, wait, poll)
    address = resolve(name, base_url=base_url, api_key=api_key, environ=os.environ)
    if address.provider.name not in _PROVIDERS or not address.model:
        raise ConfigurationError(f"{name!r} has no batch endpoint: name a model as openai:gpt-5-nano or groq:MODEL")
    if address.api_key not in (None, NO_KEY):
        know_key(address.api_key)
    options = Options(
        concurrency=Limiter(fixed=_IN_FLIGHT),
        timeout=_DAYS,
        attempts=1,
        max_rate_limit_wait=math.inf,
        outage_timeout=_REQUEST,
        hedge=False,
        remember=False,
        price=price,
        endpoint=("batched", address.endpoint),
        start=UNKNOWN,
        half_price=True,
    )

    async def open_endpoint(address: Address, resources: AsyncExitStack) -> tuple[Address, Endpoint]:
        from ._batch_jobs import BatchJobs  # noqa: PLC0415 - only when used
        from ._batch_record import BatchRecord  # noqa: PLC0415
        from ._batched import BatchedEndpoint  # noqa: PLC0415

        address, sdk = await open_sdk(address, replace(options, timeout=_REQUEST), resources)
        kept = await resources.enter_async_context(BatchRecord(Path(record)))
        jobs = BatchJobs(sdk.client)
        endpoint = BatchedEndpoint(jobs, kept, of=address.endpoint, most=most, wait=wait, poll=poll)
        resources.push_async_callback(endpoint.aclose)
        return address, endpoint

    return ConnectedModel(address, open_endpoint, options)


def _check(most: object, wait: object, poll: object) -> None:
    if isinstance(most, bool) or not isinstance(most, int):
        raise TypeError(f"connect_batched(most={most!r}): give a number of calls")
    if most < 1:
        raise ValueError(f"connect_batched(most={most}): a job needs at least 1 call")
    for setting, value in (("wait", wait), ("poll", poll)):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"connect_batched({setting}={value!r}): give a number of seconds")
    if not 0 <= cast("float", wait) < math.inf:
        raise ValueError(f"connect_batched(wait={wait}): give 0 seconds or more, for jobs to be submitted")
    if not 0 < cast("float", poll) < math.inf:
        raise ValueError(f"connect_batched(poll={poll}): give more than 0 seconds, for jobs to be asked after")
