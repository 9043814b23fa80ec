"""Outcomes between the runners of a fan-out and the one who consumes them, in bounded memory."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from ...outcome import Outcome

if TYPE_CHECKING:
    from ._fan_out import FanOut


class Sink(Protocol):
    """Where outcomes go.

    Attributes:
        keeps: Whether every outcome stays there, or is gone when it has been consumed.
    """

    keeps: bool

    @property
    def full(self) -> bool:
        """Whether no input may be pulled now."""

    def add(self, outcome: Outcome[Any]) -> None:
        """Take an outcome, in whatever order branches end."""

    async def room(self) -> None:
        """Wait until there is room for another input to be pulled."""


class Buffer(ABC):
    """Holds outcomes until they are consumed, and lets no more inputs be pulled than there is room for.

    Each outcome that is consumed wakes one runner that waits for room; the outcome that the consumer lacks wakes it.
    """

    keeps = False

    def __init__(self) -> None:
        self._consumed = 0
        self._runners: deque[asyncio.Future[None]] = deque()
        self._consumer: asyncio.Future[None] | None = None

    def open(self, fan_out: FanOut[Any, Any], room: int) -> None:
        """Serve a fan-out: at most `room` of its inputs are pulled and not yet consumed."""
        self._fan_out = fan_out
        self._room = room

    @property
    def full(self) -> bool:
        """Whether no input may be pulled now."""
        fan_out = self._fan_out
        return fan_out.started + fan_out.pulling - self._consumed >= self._room

    async def room(self) -> None:
        """Wait until an outcome has been consumed."""
        waiting = self._fan_out.loop.create_future()
        self._runners.append(waiting)
        await waiting

    def add(self, outcome: Outcome[Any]) -> None:
        """Hold an outcome."""
        self._keep(outcome)
        if self._consumer is not None and self.ready():
            self.wake_consumer()

    def take(self) -> Outcome[Any]:
        """Consume the next outcome; there is one when `ready`."""
        self._consumed += 1
        while self._runners:
            waiting = self._runners.popleft()
            if not waiting.done():
                waiting.set_result(None)
                break
        return self._next()

    async def filled(self) -> None:
        """Wait until the next outcome is ready, or the fan-out is over."""
        if self._consumer is not None:
            raise RuntimeError("another task waits for the next outcome already; let one task take them all")
        self._consumer = self._fan_out.loop.create_future()
        try:
            await self._consumer
        finally:
            self._consumer = None

    def wake_consumer(self) -> None:
        """Let the consumer look again."""
        if self._consumer is not None and not self._consumer.done():
            self._consumer.set_result(None)

    @abstractmethod
    def any(self) -> Outcome[Any] | None:
        """Take any outcome that is left, whether it is next or not; None if there is none."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether the next outcome is there."""

    @abstractmethod
    def _keep(self, outcome: Outcome[Any]) -> None: ...

    @abstractmethod
    def _next(self) -> Outcome[Any]: ...


class AsTheyEnd(Buffer):
    """Gives outcomes in the order in which branches end."""

    def __init__(self) -> None:
        super().__init__()
        self._outcomes: deque[Outcome[Any]] = deque()

    def ready(self) -> bool:
        """Whether any outcome is there."""
        return bool(self._outcomes)

    def any(self) -> Outcome[Any] | None:
        """Take the first that is left."""
        return self._outcomes.popleft() if self._outcomes else None

    def _keep(self, outcome: Outcome[Any]) -> None:
        self._outcomes.append(outcome)

    def _next(self) -> Outcome[Any]:
        return self._outcomes.popleft()


class InOrder(Buffer):
    """Gives outcomes in the order of their inputs."""

    def __init__(self) -> None:
        super().__init__()
        self._outcomes: dict[int, Outcome[Any]] = {}
        self._index = 0

    def ready(self) -> bool:
        """Whether the outcome of the next input is there."""
        return self._index in self._outcomes

    def any(self) -> Outcome[Any] | None:
        """Take the one with the lowest index."""
        return self._outcomes.pop(min(self._outcomes)) if self._outcomes else None

    def _keep(self, outcome: Outcome[Any]) -> None:
        self._outcomes[outcome.index] = outcome

    def _next(self) -> Outcome[Any]:
        outcome = self._outcomes.pop(self._index)
        self._index += 1
        return outcome
