"""The inputs that a fan-out's end kept from starting: told of one by one, when no runner is left."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from ...outcome import Failure
from ...steps import step_name
from ._buffer import Sink
from ._judgment import cut_off
from ._settings import BREATH
from ._source import END

if TYPE_CHECKING:
    from ._fan_out import FanOut

_log = logging.getLogger("llm_composition_patterns")


class Unstarted:
    """Reads what is left of a sized source after a deadline or a decision; a failure for each input.

    How much is left of another source nobody knows: there are no failures for it, so the log tells of it.

    Attributes:
        count: How many there were so far.
    """

    def __init__(self, fan_out: FanOut[Any, Any]) -> None:
        self._fan_out = fan_out
        self.count = 0
        self._over = False
        self._breath_due = 0.0

    def expected(self) -> bool:
        """Whether there may be any."""
        fan_out = self._fan_out
        decided = fan_out.stopping and (fan_out.error is None or fan_out.cut_kind == "deadline")
        return decided and not self._over and fan_out.source.total is not None and fan_out.source.iterator is not None

    async def deliver(self, sink: Sink) -> None:
        """Give all of them to a sink."""
        while (failure := await self.next()) is not None:
            sink.add(failure)

    async def next(self) -> Failure | None:
        """The failure of the next one; None if there is none, or the source raised: then the fan-out has that error."""
        if not self.expected():
            return None
        await self._breathe()
        fan_out = self._fan_out
        try:
            input = fan_out.in_context(fan_out.source.next)
        except BaseException as error:  # noqa: BLE001 - the source's
            self._over = True
            fan_out.source_failed(error)
            return None
        if input is END:
            self._over = True
            return None
        failure = self._failure(input)
        self.count += 1
        fan_out.show_progress()
        return failure

    def tell_of_unread(self, raised: BaseException | None) -> None:
        """Log that the deadline cuts a source of unknown length off, where no error says so."""
        fan_out = self._fan_out
        if raised is None and fan_out.source.total is None and not fan_out.source.ended:
            _log.warning(
                "the deadline of %g s of %r came before its inputs ended: %d were read, those left have no outcome",
                fan_out.settings.deadline,
                fan_out.settings.name,
                fan_out.started,
            )

    def close_source(self) -> None:
        """Close the source, which the runners have left open if there were any."""
        try:
            self._fan_out.in_context(self._fan_out.source.close)
        except Exception as error:  # noqa: BLE001 - the source's
            self._fan_out.source_failed(error)

    def _failure(self, input: Any) -> Failure:
        fan_out = self._fan_out
        index = fan_out.started + self.count
        keys, kind = fan_out.source.keys, fan_out.cut_kind
        name = self._name(input)
        error = cut_off(index, name, fan_out.settings, kind)
        key = index if keys is None else keys[index]
        return Failure(error, kind, index, key, name, input, started=fan_out.clock() - fan_out.began)

    def _name(self, input: Any) -> str:
        try:
            return self._fan_out.name_of(input)
        except Exception:  # noqa: BLE001 - somebody else's function; a branch that runs fails with it
            return step_name(self._fan_out.step)

    async def _breathe(self) -> None:
        clock = self._fan_out.clock
        if clock() >= self._breath_due:
            if self._breath_due:
                await asyncio.sleep(0)
            self._breath_due = clock() + BREATH
