"""The transport over Ray: one actor for each CPU of the cluster, in which items run.

Ray places the actors, starts them on other nodes when theirs dies, and ends them with this process. What they are to do
they are told over a connection of their own to this process, see `remote`: it ends with an actor at once, while Ray
takes its time to declare a node dead.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ..errors import ConfigurationError
from ..steps import JsonForm, step_name
from ._cluster import Actor, Cluster
from ._transport import Resource
from .remote import Hub, Setup, input_type, place_of, write_type

_log: Final = logging.getLogger("llm_composition_patterns")
_TOGETHER: Final = 10.0
"""Seconds that the first worker waits for the others, so that all begin with their share."""

_TOLD_AFTER: Final = 10.0
_AGAIN: Final = 0.2
_LONGEST: Final = 5.0
_FAILED_STARTS: Final = 10
"""Actors that may die in a row before one of them was ready."""


class RayTransport:
    """Runs the step in actors of a Ray cluster.

    Args:
        step: The step.
        resource: Gives the context manager whose value the step needs; opened once in each actor.
        output: The type of the results that the user named, if any.
        address: Of the cluster; None for one on this machine, which ends with the run.
        most: How many actors are of use.

    Raises:
        TypeError: The step, its resource or its output cannot be imported by another process.
    """

    def __init__(
        self, step: Callable[..., Any], resource: Resource | None, output: Any, *, address: str | None, most: int
    ) -> None:
        self._setup = Setup(
            step=place_of("the step", step),
            resource=None if resource is None else place_of("the resource", resource),
            output=write_type(output),
            path=[str(Path(place).absolute()) for place in sys.path],
        )
        self._form = JsonForm(input_type(step, after_resource=resource is not None), of="the source of items")
        self._cluster = Cluster(address)
        self._most = most
        self._step = step_name(step)
        self._stack = AsyncExitStack()
        self._actors: set[asyncio.Task[None]] = set()
        self._failed_starts = 0

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._cluster)
            stack.push_async_callback(self._end_actors)
            actors = max(1, min(self._most, self._cluster.cpus))
            self._hub = await stack.enter_async_context(Hub(self._setup, self._cluster.host, of=actors))
            for number in range(actors):
                self._actors.add(asyncio.create_task(self._have(f"Ray actor {number} of {self._step}")))
            await self._begun(actors)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def run(self, key: str, input: Any, /) -> Any:
        """What the step returns for an item, as JSON.

        Raises:
            WorkerLost: The actor that ran it was lost.
            ConfigurationError: The input cannot be sent, or no actor can begin.
            BaseException: What the step raised.
        """
        try:
            text = self._form.written(input)
        except TypeError as error:
            raise ConfigurationError(
                f"{error}. Under Ray inputs travel as JSON: annotate the input of {self._step} with what items are"
            ) from error
        return await self._hub.run(key, text)

    async def _begun(self, actors: int) -> None:
        """Wait for the first actor, and for the others as long as that is worth it."""
        told = asyncio.get_running_loop().call_later(_TOLD_AFTER, self._tell)
        try:
            while not self._hub.workers:
                if self._hub.unable is not None:
                    raise self._hub.unable
                await self._hub.until_changed()
        finally:
            told.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_TOGETHER):
                while self._hub.workers < actors:
                    await self._hub.until_changed()

    def _tell(self) -> None:
        _log.warning("%s waits until the Ray cluster has a free CPU for its first actor", self._step)

    async def _have(self, name: str) -> None:
        """Have one actor, wherever Ray places it, as long as it is of use."""
        try:
            async with self._cluster.actor() as actor:
                await self._keep_alive(actor, name)
        except Exception as error:  # noqa: BLE001 - it is told to whoever waits for an actor
            self._hub.fail(error)

    async def _keep_alive(self, actor: Actor, name: str) -> None:
        pause, now = _AGAIN, asyncio.get_running_loop().time
        while True:
            ready, began = self._hub.workers, now()
            ended = await actor.work(self._hub.url, self._hub.token, name)
            if ended is None:
                return
            if self._hub.workers or ready:
                self._failed_starts = 0
            if now() - began > _LONGEST:
                pause = _AGAIN
            self._failed_starts += 1
            if self._failed_starts > _FAILED_STARTS and not self._hub.workers:
                self._hub.fail(
                    ConfigurationError(
                        f"no Ray actor can begin with {self._step}: {ended}. Every node needs the same code, and "
                        "llm-composition-patterns, where its Python finds them"
                    )
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST)

    async def _end_actors(self) -> None:
        for task in self._actors:
            task.cancel()
        if self._actors:
            await asyncio.wait(self._actors)
