"""Adaptive concurrency (first version, being tuned)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Protocol

from ._rounds import Point, Round


class Flight:
    __slots__ = ("area", "at", "round")

    def __init__(self, at: float, area: float, round_: Round | None) -> None:
        self.at = at
        self.area = area
        self.round = round_


class Law(Protocol):
    limit: int
    why: str

    def sent(self, now: float, *, in_flight: int) -> Flight: ...
    def succeeded(self, flight: Flight, now: float, *, output_tokens: int | None, waiting: int, lag: float) -> None: ...
    def left(self, flight: Flight, now: float) -> None: ...
    def refused(self, now: float, *, in_flight: int) -> None: ...
    def remembered(self) -> dict[str, float]: ...


class FixedLaw:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.why = "fixed"
        self._flight = Flight(0.0, 0.0, None)

    def sent(self, now: float, *, in_flight: int) -> Flight:
        return self._flight

    def succeeded(self, flight: Flight, now: float, *, output_tokens: int | None, waiting: int, lag: float) -> None:
        pass

    def left(self, flight: Flight, now: float) -> None:
        pass

    def refused(self, now: float, *, in_flight: int) -> None:
        pass

    def remembered(self) -> dict[str, float]:
        return {}


class Lengths:
    """How much of a latency the length of the answer explains: log latency against log tokens."""

    __slots__ = ("_cov", "_n", "_var", "_x", "_y", "share")

    def __init__(self) -> None:
        self._n = self._x = self._y = self._var = self._cov = 0.0
        self.share = 1.0

    def normal(self, log_latency: float, tokens: int | None) -> float:
        if not tokens:
            return log_latency
        x = math.log(tokens)
        if self._n < 200:
            self._n += 1
        gain = 1 / self._n
        dx, dy = x - self._x, log_latency - self._y
        self._x += gain * dx
        self._y += gain * dy
        self._var += gain * (dx * dx * (1 - gain) - self._var)
        self._cov += gain * (dx * dy * (1 - gain) - self._cov)
        if self._n >= 8:
            self.share = min(1.0, max(0.0, self._cov / self._var)) if self._var > 1e-4 else 0.0
        return log_latency - self.share * (x - self._x)


MOST: Final = 4096
KEEP: Final = 0.10
FLAT: Final = 1.12
HIGH: Final = 1.35
AIM: Final = 1.15


class AdaptiveLaw:
    def __init__(
        self, *, start: int, local: bool = False, cap: int | None = None, remembered: Mapping[str, float] | None = None
    ) -> None:
        self._cap = cap or MOST
        memory = remembered or {}
        self._level = self._uncapped = float(memory.get("limit", start))
        self._ceiling = memory.get("ceiling", math.inf)
        self._ceiling_step = 1.0
        self._ceiling_rest = 0
        self._slow = "limit" not in memory
        self._growth = 2.0 if local or start >= 32 else 1.0
        self._why = "start"
        self._area = self._area_at = 0.0
        self._count = 0
        self._lengths = Lengths()
        self._flat: float | None = memory.get("latency")
        self._points: list[Point] = []
        self._round: Round | None = None
        self._warm_until = -math.inf
        self._latency = 0.0
        self._trial: tuple[float, Point] | None = None  # level and point to go back to
        self._rest = 0
        self._patience = 2
        self._last: Point | None = None
        self._cut_at = -math.inf
        self.why = "start"
        self.limit = 0
        self._set(self._level, "start")

    def set_cap(self, cap: int | None) -> None:
        """Allow no more than this; when a cap goes that still held, the limit is again what it was without it."""
        before, self._cap = self._cap, cap or MOST
        level = self._level
        if level >= before:
            level = max(level, self._uncapped)
        self._uncapped = level
        self._set(level, "cap")

    def remembered(self) -> dict[str, float]:
        memory = {"limit": float(self.limit)}
        if self._ceiling < math.inf:
            memory["ceiling"] = self._ceiling
        if self._flat:
            memory["latency"] = self._flat
        return memory

    def _set(self, level: float, why: str) -> None:
        self._level = max(1.0, min(level, self._cap, self._ceiling))
        limit = int(self._level + 1e-9)
        if limit != self.limit:
            self.limit = limit
            self.why = why

    # flights

    def _integrate(self, now: float) -> None:
        self._area += self._count * (now - self._area_at)
        self._area_at = now

    def sent(self, now: float, *, in_flight: int) -> Flight:
        self._integrate(now)
        self._count += 1
        round_ = self._round
        if round_ is None and now >= self._warm_until and in_flight <= self.limit:
            round_ = self._round = Round(self._size())
        flight = Flight(now, self._area, round_)
        if round_ is not None:
            round_.sent()
            if round_.full:
                self._round = None if self._slow else self._round
                if not self._slow:
                    self._warm_until = math.inf
                    self._round = None
        return flight

    def _size(self) -> int:
        return max(2, min(64, self.limit)) if self._slow else max(8, min(64, self.limit))

    def left(self, flight: Flight, now: float) -> None:
        self._integrate(now)
        self._count -= 1
        if flight.round is not None and not flight.round.closed:
            flight.round.left()
            if self._round is None and not self._slow:
                self._round = flight.round if not flight.round.full else None

    def succeeded(self, flight: Flight, now: float, *, output_tokens: int | None, waiting: int, lag: float) -> None:
        self._integrate(now)
        self._count -= 1
        latency = max(now - flight.at, 1e-6)
        load = max(1.0, (self._area - flight.area) / latency)
        y = self._lengths.normal(math.log(latency), output_tokens)
        if self._slow and waiting > 0:
            self._grow(y)
        round_ = flight.round
        if round_ is None or round_.closed:
            return
        if round_.answered(latency, y, load, bound=waiting > 0, lag=lag):
            round_.closed = True
            point = round_.point()
            if self._slow:
                if point:
                    self._judge_slow(point, now)
            else:
                self._next_round(now)
                if point:
                    self._judge(point, now)

    def _next_round(self, now: float, warm: float = 0.0) -> None:
        self._round = None
        self._warm_until = now + warm

    # slow start

    def _grow(self, y: float) -> None:
        if self._flat is not None and y > math.log(self._flat) + math.log(1.5):
            return
        self._set(self._level + self._growth, "slow start")

    def _judge_slow(self, point: Point, now: float) -> None:
        self._latency = point.latency
        if self._flat is None or point.latency < self._flat:
            self._flat = point.latency
        points = self._points
        points.append(point)
        before = [p for p in points if p.load <= point.load / 1.4]
        if not before:
            if point.latency > 1.4 * self._flat:
                self._leave(point.load * self._flat / point.latency * AIM, point, now)
            return
        a = max(before, key=lambda p: p.load)
        span = math.log(point.load / a.load)
        e_b = 1 - math.log(point.latency / a.latency) / span
        if e_b >= 0.75:
            return
        earlier = [p for p in before if p.load <= a.load / 1.4]
        if earlier:
            z = max(earlier, key=lambda p: p.load)
            e_a = 1 - math.log(a.latency / z.latency) / math.log(a.load / z.load)
            mid = math.log(math.sqrt(point.load / z.load))
        else:
            e_a, mid = 0.97, span

        def logit(e: float) -> float:
            return math.log(1 / min(0.97, max(0.03, e)) - 1)

        sharp = (logit(e_b) - logit(e_a)) / mid
        if sharp >= 2 or e_b < KEEP:
            self._leave(point.throughput * min(self._flat, a.latency) * AIM, point, now)
            return
        target = math.sqrt(point.load * a.load) * math.exp((math.log(9) - logit(e_b)) / max(0.7, sharp))
        if target > 1.2 * self._level:
            self._set(min(target, 2.5 * self._level), "throughput still rises")
            self._points = [z, a, point] if earlier else [a, point]
        else:
            self._flat = point.latency / 1.2
            self._leave(target, point, now)

    def _leave(self, level: float, point: Point, now: float) -> None:
        self._slow = False
        self._set(level, "slow start over")
        self._next_round(now, point.latency / 2)

    # steady

    def _judge(self, point: Point, now: float) -> None:
        self._latency = point.latency
        flat = self._flat = self._flat or point.latency
        ratio = point.latency / flat
        if self._trial is not None:
            level, base = self._trial
            self._trial = None
            if point.throughput < base.throughput * (point.load / base.load) ** KEEP:
                up = self._level > level
                if not up:
                    self._flat = base.latency / 1.2
                self._patience = min(64, self._patience * 2)
                self._rest = self._patience
                self._set(level, "probe up rejected" if up else "probe down rejected")
                self._next_round(now, point.latency / 2)
                return
            self._patience = 2
        if self._ceiling < math.inf and self._ceiling <= self._level + 1:
            self._raise_ceiling()
        if ratio < FLAT:
            if ratio < 1:
                self._flat = point.latency
            if self._rest > 0:
                self._rest -= 1
                return
            self._try(
                point,
                self._level * (1.25 if self._limit_is_small() else 1.5 if ratio < 0.95 else 1.25) + 0.5,
                "latency is flat",
                now,
            )
        elif ratio > HIGH:
            if self._rest > 0:
                self._rest -= 1
                return
            self._try(point, self._level / ratio * AIM, "latency rose", now)
        else:
            self._rest -= self._rest > 0

    def _limit_is_small(self) -> bool:
        return self.limit < 8

    def _try(self, point: Point, level: float, why: str, now: float) -> None:
        before = self._level
        self._set(level, why)
        if int(before) == self.limit:
            self._level = before
            return
        self._trial = (before, point)
        self._next_round(now, point.latency / 2)

    # a cap on calls at once

    def _raise_ceiling(self) -> None:
        if self._ceiling_rest > 0:
            self._ceiling_rest -= 1
            return
        self._ceiling += self._ceiling_step
        self._ceiling_step *= 2

    def refused(self, now: float, *, in_flight: int) -> None:
        if in_flight - 1 >= self.limit and self._ceiling <= self.limit:
            return
        ceiling = in_flight - 1.0
        if now - self._cut_at < self._latency and ceiling < self.limit:
            ceiling = min(ceiling, 0.9 * self.limit)
        self._cut_at = now
        self._ceiling = max(1.0, min(ceiling, float(self.limit)))
        self._ceiling_step = 1.0
        self._ceiling_rest = 8
        self._slow = False
        self._trial = None
        self._set(self._ceiling, f"refused at {in_flight}")
        self._next_round(now)
