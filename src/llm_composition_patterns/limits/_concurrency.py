"""The adaptive concurrency law: how many calls may be in flight.

Too few calls in flight leave a provider idle; too many wait in a queue there, are refused, or make it thrash. Where
the right number is cannot be asked, but it can be seen: by Little's law throughput is calls in flight divided by
latency, so a rise of latency with the limit shows what one more call in flight brings.

1. **Measure.** Calls are measured in rounds, in the order in which they were sent (`_rounds`). Latency is corrected
   for the length of the answers (`_lengths`). A round in which the limit did not bind, or in which the event loop was
   busy with something else, decides nothing.
2. **Slow start** (`_slow_start`). The limit grows with every answer while latency is flat. Each round narrows a belief
   about the provider's knee (`_knee`); when it is within what was measured, the limit goes there.
3. **Probing** (`_probing`). From then on one step up or down from time to time, kept if throughput says so, and at
   once when latency changes at the same limit.
4. **Ceiling** (`_ceiling`). A call that was refused without a word on rates says how many the provider takes at once.

5. **Overdue** answers: where calls run out of time while the provider answers others, most of its time goes to answers
   that nobody waits for any more. Then the limit is at most what it has answered in half of that time.

Failures teach nothing here: an outage is not a matter of concurrency.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Protocol

from ._ceiling import Ceiling
from ._lengths import Lengths
from ._probing import Probing, Step
from ._rounds import Point, Round, Rounds
from ._slow_start import SlowStart

_MOST: Final = 4096
"""Calls in flight beyond which nobody should go, whatever the provider seems to take."""
_WIDE: Final = 32
"""A start from which the provider is taken for a wide one: there the beginning costs most."""
_GROWTH: Final = 2.0
_GROWTH_WIDE: Final = 3.0
"""How much an answer raises the limit in slow start."""
_SHARP_LOCAL: Final = 2.0
"""How much more likely a local server has a few slots than a soft knee."""
_SMALLEST_EARLY: Final = 2
_SMALLEST: Final = 8
_LARGEST: Final = 64
"""Calls of a round: as many as are in flight, but enough against noise and not so many that it takes long."""
_WARM_UP: Final = 0.5
"""Latencies between a change of the limit and the next round."""
_INSTANT: Final = 1e-6
"""The shortest latency that is believed."""


class Flight:
    """A call, from being sent to its end: the law's own ticket, of no interest to others."""

    __slots__ = ("passed", "round", "sent_at")

    def __init__(self, sent_at: float, passed: float, round_: Round | None) -> None:
        self.sent_at: float = sent_at
        self.passed: float = passed
        self.round: Round | None = round_


class Law(Protocol):
    """How many calls may be in flight: what happens goes in, a number comes out.

    Every call that is sent ends in exactly one of `succeeded` and `left`. Times are seconds on any clock that does
    not go back.

    Attributes:
        limit: Calls that may be in flight at once.
        why: Why it last changed, in a few words.
    """

    limit: int
    why: str

    def sent(self, now: float, *, in_flight: int) -> Flight:
        """A call is sent; `in_flight` includes it."""

    def succeeded(self, flight: Flight, now: float, *, output_tokens: int | None, waiting: int, lag: float) -> None:
        """The provider answered.

        Args:
            flight: What `sent` gave.
            now: The time.
            output_tokens: The length of the answer, where it is known.
            waiting: Calls that wait for this limit right now.
            lag: Seconds of its latency that were the event loop's.
        """

    def left(self, flight: Flight, now: float) -> None:
        """A call ended in a way that teaches nothing: cancelled, hedged away, failed, refused."""

    def refused(self, now: float, *, in_flight: int) -> None:
        """A call was refused for being too many at once; `in_flight`: how many there were when it was sent, with it."""

    def overdue(self, now: float, *, answered: int) -> None:
        """A call ran out of time while `answered` others were answered."""

    def set_cap(self, cap: int | None) -> None:
        """Never let more than `cap` calls be in flight from now on."""

    def remembered(self) -> dict[str, float]:
        """What the next process should start from."""


class AdaptiveLaw:
    """Finds the limit by itself.

    Args:
        start: What to begin with.
        local: The server is on this machine: probably one with a few slots.
        cap: Never more than this.
        remembered: What `remembered` said in an earlier process; it replaces `start`.

    Attributes:
        limit: Calls that may be in flight at once.
        why: Why it last changed, in a few words.
    """

    __slots__ = (
        "_cap", "_ceiling", "_flying", "_growth", "_known", "_latency", "_lengths", "_level", "_passed", "_passed_at",
        "_probing", "_rounds", "_sharp", "_slow_start", "_uncapped", "limit", "why",
    )  # fmt: skip

    def __init__(
        self, *, start: int, local: bool = False, cap: int | None = None, remembered: Mapping[str, float] | None = None
    ) -> None:
        memory = remembered or {}
        self._known: dict[str, float] = dict(memory) if "limit" in memory else {}  # before the cap, or slow start
        self._cap = cap or _MOST
        self._ceiling = Ceiling(memory.get("ceiling", math.inf))
        self._growth = _GROWTH_WIDE if start >= _WIDE else _GROWTH
        self._sharp = _SHARP_LOCAL if local else 1.0
        self._lengths = Lengths()
        self._rounds = Rounds(self._lengths)
        self._latency = 0.0
        self._flying = 0
        # Calls in flight, summed up over time: differences of it are averages over a call's life.
        self._passed = self._passed_at = 0.0
        self._slow_start: SlowStart | None = None
        self._probing = Probing(above_flat=memory.get("above_flat"))
        self.limit: int = 0
        self.why: str = ""
        self._uncapped = float(memory.get("limit", start))
        self._set(self._uncapped, "remembered" if "limit" in memory else "start")
        if "limit" not in memory:
            self._start_slowly()

    def set_cap(self, cap: int | None) -> None:
        """Never let more than `cap` calls be in flight from now on; one that only held down gives back what it held."""
        was_held = self._level >= self._cap
        self._known = self.remembered()
        self._uncapped = max(self._level, self._uncapped if was_held else 0.0)
        self._cap = cap or _MOST
        self._set(self._uncapped, "cap")
        if was_held and self._level < self._highest and self._slow_start is None:
            self._start_slowly()

    def remembered(self) -> dict[str, float]:
        """What the next process should start from: what was measured, neither a guess nor a cap."""
        if self._slow_start is not None or self._is_capped:
            memory = dict(self._known)
        else:
            memory = {"limit": float(int(self._settled))}
            if (above_flat := self._probing.above_flat) is not None:
                memory["above_flat"] = above_flat
        if self._ceiling.height < math.inf:
            memory["ceiling"] = self._ceiling.height
        return memory

    def sent(self, now: float, *, in_flight: int) -> Flight:
        """A call is sent; `in_flight` includes it."""
        self._pass(now)
        self._flying += 1
        limit = self.limit
        smallest = _SMALLEST if self._slow_start is None else _SMALLEST_EARLY
        size = smallest if limit < smallest else min(limit, _LARGEST)
        return Flight(now, self._passed, self._rounds.sent(now, size, settled=in_flight <= limit))

    def left(self, flight: Flight, now: float) -> None:
        """A call ended in a way that teaches nothing."""
        self._pass(now)
        self._flying -= 1
        if flight.round is not None:
            self._rounds.left(flight.round, now)

    def succeeded(self, flight: Flight, now: float, *, output_tokens: int | None, waiting: int, lag: float) -> None:
        """The provider answered."""
        self._pass(now)
        self._flying -= 1
        latency = max(_INSTANT, now - flight.sent_at)
        log_latency = math.log(latency)
        log_tokens = self._lengths.learn(output_tokens, log_latency)
        corrected = log_latency - self._lengths.share * log_tokens
        if waiting > 0 and self._slow_start is not None:
            self._set(self._slow_start.grown(self._level, corrected), "slow start")
        elif waiting > 0:
            step = self._probing.answered(corrected, self._level)
            if step is not None:
                self._take(step, now, latency)
        if flight.sent_at >= self._ceiling.doubted_at and (height := self._ceiling.restored()) > self._level:
            self._take(Step(height, "refusals were no cap"), now, latency)
        round_ = flight.round
        if round_ is None or not self._rounds.open(round_):
            return
        load = max(1.0, (self._passed - flight.passed) / latency)
        round_.answered(latency, load, (log_latency, log_tokens, corrected), bound=waiting > 0, lag=lag)
        if round_.complete:
            point = self._rounds.closed(round_, now)
            if point is not None:
                self._judge(point, now)

    def refused(self, now: float, *, in_flight: int) -> None:
        """A call was refused for being too many at once."""
        if not self._ceiling.refused(now, in_flight=in_flight, limit=self.limit, latency=self._latency):
            return
        self._probe(Probing(above_flat=0.0), now)  # a provider that refuses does not queue
        self._set(self._level, f"refused at {in_flight}")

    def overdue(self, now: float, *, answered: int) -> None:
        """A call ran out of time while `answered` others were answered."""
        back = self._probing.overdue() if self._slow_start is None else None
        if back is None:
            back = answered / 2
            if back >= self._level:
                return  # it was lowered already since the call was sent
            self._probe(Probing(above_flat=0.0), now)  # up first: half may be too few
        self._set(back, "answers too late")
        self._rounds.restart(now)

    @property
    def _highest(self) -> float:
        return min(self._cap, self._ceiling.height)

    @property
    def _settled(self) -> float:
        """The level, without a step that is still on trial."""
        back = self._probing.back
        return self._level if back is None else min(back, self._highest)

    @property
    def _is_capped(self) -> bool:
        """Whether nothing but the user's cap says that it goes no higher."""
        return self._settled >= self._cap < min(_MOST, self._ceiling.height)

    def _pass(self, now: float) -> None:
        self._passed += self._flying * (now - self._passed_at)
        self._passed_at = now

    def _set(self, level: float, why: str) -> None:
        self._level = max(1.0, min(level, self._highest))
        limit = int(self._level)
        if limit != self.limit:
            self.limit = limit
            self.why = why

    def _start_slowly(self) -> None:
        self._slow_start = SlowStart(self._level, growth=self._growth, sharp=self._sharp)
        self._rounds.overlap()

    def _probe(self, probing: Probing, now: float) -> None:
        self._probing = probing
        self._slow_start = None
        self._rounds.restart(now)

    def _judge(self, point: Point, now: float) -> None:
        self._latency = point.seconds
        if self._slow_start is not None:
            step = self._slow_start.judge(point, self._level)
            if self._slow_start.over or self._level >= self._cap:
                self._probe(self._slow_start.probing(), now)
        elif self._level > self._ceiling.height - 1 and self._ceiling.held():
            step = Step(self._ceiling.height, "ceiling rises", drain=False)
        else:
            step = self._probing.judge(point, self._level, self._highest)
        if step is not None:
            self._take(step, now, point.seconds)

    def _take(self, step: Step, now: float, latency: float) -> None:
        self._set(step.level, step.why)
        if step.drain:
            self._rounds.restart(now, _WARM_UP * latency)
