"""A sink before which new branches wait, beside their usual reasons, while the queue of spans is nearly full."""

from __future__ import annotations

from typing import Any

from ...outcome import Outcome
from ...tracing import Backpressure
from ._buffer import Sink


class HeldBack:
    """Another sink, behind the gate of the spans."""

    def __init__(self, sink: Sink, gate: Backpressure) -> None:
        self.keeps = sink.keeps
        self._sink, self._gate = sink, gate

    @property
    def full(self) -> bool:
        """Whether no input may be pulled now."""
        return self._gate.shut or self._sink.full

    def add(self, outcome: Outcome[Any]) -> None:
        """Pass an outcome on."""
        self._sink.add(outcome)

    async def room(self) -> None:
        """Wait for whichever there is to wait for."""
        await (self._gate.opened() if self._gate.shut else self._sink.room())
