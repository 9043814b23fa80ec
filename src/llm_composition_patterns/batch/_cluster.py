"""A Ray cluster: joined, asked for what it has, given actors, and left. The one file that imports Ray."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Final, Self

from ..errors import ConfigurationError
from .remote import work

_log: Final = logging.getLogger("llm_composition_patterns")
_LOCAL: Final = "local"
_LOOPBACK: Final = "127.0.0.1"
_CLIENT: Final = "ray://"
_NO_STATISTICS: Final = "RAY_USAGE_STATS_ENABLED"


class Cluster:
    """A cluster, from entering to leaving `async with`.

    A program that has joined one by itself stays in it; else what is joined here is left in the end.

    Args:
        address: Where it is; None for one on this machine alone, which ends when it is left.

    Attributes:
        host: The address by which its nodes reach this process.
        cpus: How many CPUs it has.
    """

    def __init__(self, address: str | None) -> None:
        if address is not None and address.startswith(_CLIENT):
            raise ConfigurationError(
                f"transport='ray:{address}': actors could not reach this process through a Ray client. Run the program "
                "on a node of the cluster, with transport='ray:auto' or 'ray:<host>:6379'"
            )
        self._address = address
        self._joined = False
        self._prints = ExitStack()
        self.host: str = _LOOPBACK
        self.cpus: int = 1

    async def __aenter__(self) -> Self:
        joining = asyncio.ensure_future(asyncio.to_thread(self._join))
        try:
            await asyncio.shield(joining)
        except BaseException:
            await asyncio.wait([joining])  # Ray goes on with it in its thread, whoever is cancelled
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def _leave(self) -> None:
        if self._joined:
            try:
                await asyncio.to_thread(_ray().shutdown)
            finally:
                self._prints.close()

    @asynccontextmanager
    async def actor(self) -> AsyncIterator[Actor]:
        """An actor on some node; its process is started again where it dies."""
        ray = _ray()
        handle = await asyncio.to_thread(_started, ray)
        try:
            yield Actor(ray, handle)
        finally:
            await asyncio.shield(asyncio.to_thread(_killed, ray, handle))

    def _join(self) -> None:
        ray = _ray()
        if not ray.is_initialized():
            address = self._address or _LOCAL
            try:
                with _quietly():
                    ray.init(
                        address=address,
                        log_to_driver=False,
                        configure_logging=False,
                        **({"include_dashboard": False} if address == _LOCAL else {}),
                    )
            except Exception as error:
                raise ConfigurationError(_not_joined(address, error)) from error
            self._joined = True
            self._prints.enter_context(_printing_nothing(ray))
        self.cpus = int(ray.cluster_resources().get("CPU", 1))
        if not (self._joined and self._address is None):
            self.host = ray.util.get_node_ip_address()


class Actor:
    """One actor."""

    def __init__(self, ray: Any, handle: Any) -> None:
        self._ray = ray
        self._handle = handle

    async def work(self, url: str, token: str, name: str) -> str | None:
        """Let it work for a dispatcher; None when that needs it no more, else how it ended."""
        try:
            await self._handle.work.remote(url, token, name)
        except self._ray.exceptions.RayError as error:
            return str(error).strip() or type(error).__name__
        return None


class _Actor:
    """What runs in the process of an actor."""

    async def work(self, url: str, token: str, name: str) -> None:
        await work(url, token, f"{name} (process {os.getpid()} on {socket.gethostname()})", alone=True)


def _started(ray: Any) -> Any:
    made = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=0, scheduling_strategy="SPREAD")(_Actor)
    return made.remote()


def _killed(ray: Any, handle: Any) -> None:
    if ray.is_initialized():
        ray.kill(handle)


def _ray() -> Any:
    try:
        import ray  # noqa: PLC0415 - an extra, and it costs a second
    except ImportError as error:
        raise ConfigurationError(
            "transport='ray' needs Ray: pip install 'llm-composition-patterns[ray]', on every node of the cluster"
        ) from error
    return ray


@contextmanager
def _quietly() -> Iterator[None]:
    """Without usage statistics, and without the log lines that say nothing to our users."""
    before, logger = os.environ.get(_NO_STATISTICS), logging.getLogger("ray")
    level = logger.level
    os.environ[_NO_STATISTICS] = "0"
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
        if before is None:
            del os.environ[_NO_STATISTICS]
        else:
            os.environ[_NO_STATISTICS] = before


@contextmanager
def _printing_nothing(ray: Any) -> Iterator[None]:
    """Ray prints what becomes of its nodes on standard output, where a program's data belong: log it instead."""
    driver = getattr(getattr(ray, "_private", None), "worker", None)
    before = getattr(driver, "print_to_stdstream", None)
    if driver is None or before is None:  # it is Ray's own affair, and may be called otherwise in another version
        yield
        return

    def log(data: dict[str, Any], **_: object) -> None:
        for line in data["lines"]:
            _log.info("Ray: %s", line)

    driver.print_to_stdstream = log
    try:
        yield
    finally:
        driver.print_to_stdstream = before


def _not_joined(address: str, error: Exception) -> str:
    if address == _LOCAL:
        return f"Ray could not be started on this machine: {error}"
    return (
        f"the Ray cluster at {address} cannot be joined: {error}. Is it running (`ray status`)? A cluster with token "
        "authentication needs its token here, in ~/.ray/auth_token or RAY_AUTH_TOKEN"
    )
