"""The same job without a client: fixed numbers of workers, and an oracle's, as a queue of events.

A run through `connect` costs some hundred microseconds a call, and the oracle is a search over many runs. So what a
fixed number gives is computed here, of the same machine, rate limits, faults and times as the simulated provider's; a
test holds it against runs through `connect`.

A worker does what people write by hand: it makes one call after the other, and waits as told, or longer each time,
before it makes the same call again. The oracle's workers know one thing more: what the provider would refuse, for its
rate limits, its capacity or an outage, so that they send nothing of that. Stragglers strike them like everybody.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from heapq import heappop, heappush
from itertools import count
from typing import Final

from llm_composition_patterns.errors import ModelError, ModelUnavailable, RateLimited
from llm_composition_patterns.llm._retries import delay_before
from llm_composition_patterns.simulation import Capacity, Fault, Scenario
from llm_composition_patterns.simulation._chance import draw
from llm_composition_patterns.simulation._faults import Faults
from llm_composition_patterns.simulation._machine import Machine, Place
from llm_composition_patterns.simulation._rate_limit import Exceeded, RateGate
from llm_composition_patterns.simulation._request import Request, read_request
from llm_composition_patterns.simulation._wire import ERRORS
from llm_composition_patterns.virtual_time import EPOCH

from ._backends import Backend
from ._job import Job

_NEVER: Final = math.inf
_UNLIMITED: Final = Capacity(slots=10**9)


@dataclass(frozen=True, slots=True)
class Call:
    """What a call asks of the provider: seconds of work until the first token and in all, and tokens."""

    request: Request
    first_token: float
    work: float
    tokens: int


@lru_cache(maxsize=8)
def calls_of(backend: Backend, seed: int) -> tuple[Call, ...]:
    """Every call of the backend's job."""
    scenario = backend.seeded(seed)
    return tuple(_call(backend, scenario, index, tokens) for index, tokens in enumerate(backend.lengths(seed)))


def _call(backend: Backend, scenario: Scenario, index: int, tokens: int) -> Call:
    request = read_request({"model": "any", "messages": [{"role": "user", "content": backend.prompt(index)}]})
    factor = 1 + scenario.spread * (2 * draw(scenario.seed, "pace", request.text) - 1)
    first_token = scenario.time_to_first_token * factor
    work = first_token + tokens * (factor / scenario.tokens_per_second)
    return Call(request, first_token, work, request.prompt_tokens + tokens)


def naive(backend: Backend, seed: int, workers: int) -> Job:
    """The job, done by a fixed number of workers who know nothing."""
    return _Simulation(backend.seeded(seed), calls_of(backend, seed), knows=False).run(workers)


def knowing(backend: Backend, seed: int, workers: int) -> Job:
    """The job, done by a fixed number of workers who know what would be refused."""
    return _Simulation(backend.seeded(seed), calls_of(backend, seed), knows=True).run(workers)


@dataclass(slots=True)
class _Attempt:
    call: Call
    failed: int = 0
    sent: float = 0.0


_Happens = Callable[[_Attempt, float], None]


class _Simulation:
    """Workers, the provider, and what happens between them in order of time."""

    def __init__(self, scenario: Scenario, calls: tuple[Call, ...], *, knows: bool) -> None:
        self._job = Job(len(calls))
        self._to_do = deque(_Attempt(call) for call in calls)
        self._now = 0.0
        self._idle = 0
        self._events: list[tuple[float, int, _Happens, _Attempt]] = []
        self._number = count()
        self._machine = Machine(scenario.capacity or _UNLIMITED, first=0.0)
        self._gate = None if scenario.rate_limit is None else RateGate(scenario.rate_limit)
        faults = [fault for fault in scenario.faults if fault.kind == "straggler" or not knows]
        self._faults = Faults(faults, scenario.seed)
        self._knows = knows
        self._says_when = scenario.rate_limit is not None and scenario.rate_limit.dialect != "openrouter"
        self._outages = [(fault.after, fault.until) for fault in scenario.faults if fault.until is not None and knows]
        self._places: dict[Place, tuple[_Attempt, _Happens]] = {}
        self._awake = _NEVER
        self._jitter = random.Random(0)  # noqa: S311 - as a simulated model's

    def run(self, workers: int) -> Job:
        """Do the job."""
        self._idle = workers
        self._pump(0.0)
        while self._events or self._places:
            self._step()
        return self._job

    def _step(self) -> None:
        ends = self._machine.next_end(self._now)
        if ends is not None and (not self._events or ends <= self._events[0][0]):
            self._now = max(self._now, ends)
            for place in self._machine.advance(self._now):
                attempt, happens = self._places.pop(place)
                happens(attempt, self._now)
            return
        self._now, _, happens, attempt = heappop(self._events)
        happens(attempt, self._now)

    def _at(self, when: float, happens: _Happens, attempt: _Attempt) -> None:
        heappush(self._events, (when, next(self._number), happens, attempt))

    def _pump(self, now: float) -> None:
        """Every worker who has nothing to do takes the next call, if it may be sent."""
        while self._idle and self._to_do:
            if self._knows and self._machine.refusal(now) is not None:
                return  # the next answer makes room
            wait = self._wait(self._to_do[0].call, now)
            if wait > 0:
                if self._awake <= now or self._awake == _NEVER:
                    self._awake = now + wait
                    self._at(self._awake, self._wake, self._to_do[0])
                return
            self._idle -= 1
            self._send(self._to_do.popleft(), now)

    def _wake(self, _: _Attempt, now: float) -> None:
        self._awake = _NEVER
        self._pump(now)

    def _wait(self, call: Call, now: float) -> float:
        if not self._knows:
            return 0.0
        outage = max((until - now for after, until in self._outages if after <= now < until), default=0.0)
        if self._gate is None:
            return outage
        return max(
            outage,
            *(bucket.wait(call.tokens if bucket.unit == "tokens" else 1, now) for bucket in self._gate.buckets),
        )

    def _send(self, attempt: _Attempt, now: float) -> None:
        attempt.sent = now
        call = attempt.call
        fault = self._faults.striking(call.request, now)
        if fault is not None and fault.kind != "straggler":
            return self._strike(attempt, now, fault)
        refusal = self._machine.refusal(now)
        if refusal is not None:
            return self._refused(attempt, now, None) if refusal == "too_many" else self._failed(attempt, now)
        exceeded = None if self._gate is None else self._gate.admit(call.tokens, now)
        if exceeded is not None:
            return self._refused(attempt, now, self._retry_after(exceeded))
        return self._work(attempt, now, call.work * (1.0 if fault is None else fault.factor), self._answered)

    def _retry_after(self, exceeded: Exceeded) -> float:
        """What a refusal tells a worker to wait: a gateway names the time at which the limit is full again."""
        if self._says_when:
            return float(math.ceil(exceeded.wait))
        date = EPOCH + exceeded.now
        return math.ceil((date + exceeded.bucket.full_in(exceeded.now)) * 1000) / 1000 - date

    def _strike(self, attempt: _Attempt, now: float, fault: Fault) -> None:
        if ERRORS[fault.kind].is_at_the_door:
            self._failed(attempt, now)
        else:
            self._work(attempt, now, attempt.call.first_token, self._failed)

    def _work(self, attempt: _Attempt, now: float, seconds: float, then: _Happens) -> None:
        place = self._machine.arrive(now, seconds)
        if isinstance(place, Place):
            self._places[place] = attempt, then

    def _answered(self, attempt: _Attempt, now: float) -> None:
        self._job.makespan = now
        self._job.latencies.append(now - attempt.sent)
        self._idle += 1
        self._pump(now)

    def _refused(self, attempt: _Attempt, now: float, retry_after: float | None) -> None:
        self._job.refused += 1
        self._again(attempt, now, RateLimited("", retry_after=retry_after))

    def _failed(self, attempt: _Attempt, now: float) -> None:
        self._job.failed += 1
        self._again(attempt, now, ModelUnavailable(""))

    def _again(self, attempt: _Attempt, now: float, error: ModelError) -> None:
        attempt.failed += 1
        self._at(now + delay_before(attempt.failed, error, self._jitter.random()), self._send, attempt)
