"""The simulated provider inside the process: the behavior, told by the clock of the running loop.

What is answered is decided at once and without a clock, by functions that know neither time nor network; here only
time passes, as fast as the scenario's capacity lets it. On the loop of `virtual_time` it passes exactly, and costs
none.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

from .. import virtual_time
from ._chance import draw
from ._compose import Composed, compose
from ._dialects import limit_headers, refusal
from ._engine import Engine, NotTaken, Work
from ._faults import Answer, Faults, spoiled
from ._rate_limit import Exceeded, RateGate
from ._request import LETTERS_OF_A_TOKEN, BadRequest, Request, count_tokens, read_request
from ._scenario import ERROR_KINDS, Fault, RateLimit, Scenario
from ._wire import ERRORS, PREFIX, chunk_bodies, completion_body, error_body, usage

_log = logging.getLogger("llm_composition_patterns")

OK = 200


class _AnswerFailedError(Exception):
    """The scenario's own function did not answer."""


class ConnectionDropped(ConnectionError):
    """The simulated provider ended the connection without an answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the provider sends back.

    Attributes:
        status: The HTTP status.
        headers: The HTTP headers, names in lower case.
        body: The JSON body; empty when the answer comes in chunks.
        chunks: The JSON chunks of a streamed answer, each at its time, else None. Close it (`aclose`) to give up.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    chunks: AsyncIterator[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What a simulated provider has done so far.

    Attributes:
        requests: Requests that came.
        answered: Those answered with status 200.
        rejected: Those answered with another status, or with an error in the body.
        dropped: Those whose connection was dropped.
        in_flight: Those being worked on now.
        peak_in_flight: The most there were of them at once.
    """

    requests: int
    answered: int
    rejected: int
    dropped: int
    in_flight: int
    peak_in_flight: int


class SimulatedProvider:
    """A provider of chat completions that needs no key, no network and no model.

    Its answers follow from the request and the scenario's seed; they say that they are simulated. Time passes on the
    clock of the running loop; on each of several loops there is the whole capacity.

    Args:
        scenario: How it behaves; the default is quick and has no faults.
    """

    def __init__(self, scenario: Scenario | None = None) -> None:
        self.scenario: Scenario = scenario if scenario is not None else Scenario()
        self._faults = Faults(self.scenario.faults, self.scenario.seed)
        self._gate = RateGate(self.scenario.rate_limit) if self.scenario.rate_limit is not None else None
        self._engines: dict[asyncio.AbstractEventLoop, Engine] = {}
        self._requests = self._answered = self._rejected = self._dropped = 0
        self._in_flight = self._peak = 0

    @property
    def calls(self) -> int:
        """Requests that came so far."""
        return self._requests

    def statistics(self) -> Statistics:
        """What happened so far, counted."""
        return Statistics(
            requests=self._requests,
            answered=self._answered,
            rejected=self._rejected,
            dropped=self._dropped,
            in_flight=self._in_flight,
            peak_in_flight=self._peak,
        )

    async def respond(self, request: Mapping[str, Any]) -> Reply:
        """Answer a chat completion request in OpenAI's wire format.

        An answer in one piece comes when its last token would. A streamed one comes at once, and its chunks take the
        time. A request that a `hang` strikes never returns: cancel it.

        Raises:
            ConnectionDropped: A `drop` struck.
        """
        self._requests += 1
        number = self._requests
        with self._at_work():
            try:
                reply = await self._reply(request, number)
            except _AnswerFailedError as error:
                reply = self._error(number, "answer_failed", message=str(error))
            except BadRequest as error:
                reply = self._error(number, "bad_request", message=str(error), param=error.parameter, code=error.code)
            except RecursionError:
                reply = self._error(number, "bad_request", message="the request is nested too deeply")
            except NotTaken as refused:
                reply = self._not_taken(refused.reason, number)
        if reply.status == OK and "error" not in reply.body:
            self._answered += 1
        else:
            self._rejected += 1
        return reply

    async def _reply(self, wire: Mapping[str, Any], number: int) -> Reply:
        engine = self._engine()
        request = read_request(wire)
        fault = self._faults.striking(request, engine.elapsed)
        pace = self._pace(request, fault)
        kind = "" if fault is None else fault.kind
        if kind == "hang":
            await asyncio.get_running_loop().create_future()
        if kind == "drop":
            await _worked(engine, pace.first_token)
            self._dropped += 1
            raise ConnectionDropped("the simulated provider dropped the connection, as its scenario says: call again")
        if fault is not None and kind in ERROR_KINDS:
            return await self._failed(fault, request, number, engine, pace)
        if not self._has(request.model):
            return self._error(number, "unknown_model", model=request.model)
        return await self._answer(request, kind, number, engine, pace)

    async def _failed(self, fault: Fault, request: Request, number: int, engine: Engine, pace: _Pace) -> Reply:
        failed = self._composed(request).text if fault.kind == "json_validate_failed" else None
        if not ERRORS[fault.kind].is_at_the_door:
            await _worked(engine, pace.first_token)
        return self._error(
            number,
            fault.kind,
            model=request.model,
            status=fault.status,
            retry_after=fault.retry_after,
            failed_generation=failed and failed[: len(failed) // 2],
        )

    async def _answer(self, request: Request, kind: str, number: int, engine: Engine, pace: _Pace) -> Reply:
        answer = limited(spoiled(kind, self._composed(request)), request)
        used = usage(request, answer, self.scenario.price)
        engine.check()  # who is not taken uses nothing of the rate limit
        exceeded = None if self._gate is None else self._gate.admit(used["total_tokens"], _now())
        if exceeded is not None:
            return self._exceeded(exceeded, request, number)
        headers, tokens = self._headers(number), used["completion_tokens"]
        if request.stream:
            work = engine.begin(pace.token(tokens), (pace.token(index) for index in range(tokens)))
            chunks = self._chunks(chunk_bodies(number, request, answer, used), engine, work)
            return Reply(OK, headers, chunks=_Chunks(chunks, partial(engine.drop, work)))
        await _worked(engine, pace.token(tokens))
        return Reply(OK, headers, completion_body(number, request, answer, used))

    async def _chunks(
        self, chunks: Iterator[tuple[int, dict[str, Any]]], engine: Engine, work: Work
    ) -> AsyncGenerator[dict[str, Any]]:
        with self._at_work(), engine.dropping(work):
            for tokens, chunk in chunks:
                await work.until(tokens + 1)
                yield chunk

    def _engine(self) -> Engine:
        """What drives the work on the running loop: time, and all that depends on it, belongs to a loop."""
        loop = asyncio.get_running_loop()
        engine = self._engines.get(loop)
        if engine is None:
            self._engines = {known: its for known, its in self._engines.items() if not known.is_closed()}
            engine = self._engines[loop] = Engine(self.scenario.capacity)
        return engine

    def _composed(self, request: Request) -> Composed:
        given = self._given(request)
        if given is None:
            return compose(request, seed=self.scenario.seed, protected=self.scenario.protected)
        return Composed(given, request.schema)

    def _given(self, request: Request) -> str | None:
        """What the scenario's own function answers, if anything."""
        try:
            given = None if self.scenario.answer is None else self.scenario.answer(request.wire)
            return given if given is None or isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        except Exception as error:
            _log.exception("the scenario's answer raised")
            raise _AnswerFailedError(f"the scenario's answer raised {type(error).__name__} (simulated)") from error

    def _has(self, model: str) -> bool:
        known = self.scenario.models
        return not known or model.removeprefix(PREFIX) in {name.removeprefix(PREFIX) for name in known}

    def _pace(self, request: Request, fault: Fault | None) -> _Pace:
        scenario = self.scenario
        factor = 1 + scenario.spread * (2 * draw(scenario.seed, "pace", request.text) - 1) if scenario.spread else 1.0
        if fault is not None and fault.kind == "straggler":
            factor *= fault.factor
        return _Pace(scenario.time_to_first_token * factor, factor / scenario.tokens_per_second)

    def _headers(self, number: int) -> dict[str, str]:
        headers = {"x-simulated": "true", "x-request-id": f"req_simulated_{number}"}
        limit = self.scenario.rate_limit
        if limit is not None and self._gate is not None:
            headers |= limit_headers(limit.dialect, self._gate.buckets, _now(), virtual_time.date())
        return headers

    def _exceeded(self, exceeded: Exceeded, request: Request, number: int) -> Reply:
        limit = cast(RateLimit, self.scenario.rate_limit)
        told = refusal(limit, exceeded, virtual_time.date(), model=request.model)
        return Reply(told.status, {**self._headers(number), **told.headers}, told.body)

    def _not_taken(self, reason: str, number: int) -> Reply:
        if reason == "full":
            return self._error(
                number, "server_overloaded", message="The server is busy: its queue is full. (simulated)"
            )
        headers = {"x-simulated": "true"}  # a cap on requests at once tells nothing of rates
        return Reply(ERRORS["too_many"].status, headers, error_body("too_many"))

    def _error(
        self, number: int, kind: str, *, status: int | None = None, retry_after: float | None = None, **details: Any
    ) -> Reply:
        headers = self._headers(number)
        if retry_after is not None:
            headers["retry-after"] = f"{retry_after:g}"
        return Reply(status or ERRORS[kind].status, headers, error_body(kind, **details))

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        self._in_flight += 1
        self._peak = max(self._peak, self._in_flight)
        try:
            yield
        finally:
            self._in_flight -= 1


class _Chunks:
    """The chunks of an answer that is at work since its reply: closing them gives it up, read from or not.

    A generator that was never begun has nothing to end when it is closed.
    """

    def __init__(self, chunks: AsyncGenerator[dict[str, Any]], give_up: Callable[[], object]) -> None:
        self._chunks = chunks
        self._give_up = give_up

    def __aiter__(self) -> _Chunks:
        return self

    async def __anext__(self) -> dict[str, Any]:
        return await anext(self._chunks)

    async def aclose(self) -> None:
        """End them."""
        try:
            await self._chunks.aclose()
        finally:
            self._give_up()


@dataclass(frozen=True, slots=True)
class _Pace:
    """Seconds that the tokens of one answer take at full speed, counted from its start."""

    first_token: float
    seconds_per_token: float

    def token(self, index: int) -> float:
        return self.first_token + index * self.seconds_per_token


async def _worked(engine: Engine, seconds: float) -> None:
    """Work on a request that needs so many seconds at full speed; who gives up leaves its place."""
    work = engine.begin(seconds)
    with engine.dropping(work):
        await work.until(1)


def _now() -> float:
    return asyncio.get_running_loop().time()


def limited(answer: Answer, request: Request) -> Answer:
    """The answer as the request's stop texts and its token limit leave it."""
    ends = [index for index in (answer.text.find(stop) for stop in request.stop) if index >= 0]
    text = answer.text[: min(ends)] if ends else answer.text
    if request.max_tokens is not None and count_tokens(text) > request.max_tokens:
        return replace(answer, text=text[: request.max_tokens * LETTERS_OF_A_TOKEN], finish_reason="length")
    return replace(answer, text=text)
