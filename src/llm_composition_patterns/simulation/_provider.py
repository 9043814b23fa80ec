"""The simulated provider inside the process: the behavior, told by the clock of the running loop.

What is answered is decided at once and without a clock, by functions that know neither time nor network; here only
time passes. On the loop of `virtual_time` it passes exactly, and costs none.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ._chance import draw
from ._compose import Composed, compose
from ._faults import Answer, Faults, spoiled
from ._rate_limit import Exceeded, RateGate
from ._request import LETTERS_OF_A_TOKEN, BadRequest, Request, count_tokens, read_request
from ._scenario import ERROR_KINDS, Fault, Scenario
from ._wire import ERRORS, PREFIX, chunk_bodies, completion_body, error_body, usage

_log = logging.getLogger("llm_composition_patterns")

OK = 200
TOO_LARGE = 413


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
        rejected: Those answered with another status.
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
    clock of the running loop.

    Args:
        scenario: How it behaves; the default is quick and has no faults.
    """

    def __init__(self, scenario: Scenario | None = None) -> None:
        self.scenario: Scenario = scenario if scenario is not None else Scenario()
        self._faults = Faults(self.scenario.faults, self.scenario.seed)
        self._gate = RateGate(self.scenario.rate_limit) if self.scenario.rate_limit is not None else None
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
        if reply.status == OK:
            self._answered += 1
        else:
            self._rejected += 1
        return reply

    async def _reply(self, wire: Mapping[str, Any], number: int) -> Reply:
        start = asyncio.get_running_loop().time()
        request = read_request(wire)
        pace = self._pace(request, start)
        fault = self._faults.striking(request)
        kind = "" if fault is None else fault.kind
        if kind == "hang":
            await asyncio.get_running_loop().create_future()
        if kind == "drop":
            await _until(pace.first_token)
            self._dropped += 1
            raise ConnectionDropped("the simulated provider dropped the connection, as its scenario says: call again")
        if fault is not None and kind in ERROR_KINDS:
            return await self._failed(fault, request, number, pace)
        if not self._has(request.model):
            return self._error(number, "unknown_model", model=request.model)
        return await self._answer(request, kind, number, pace)

    async def _failed(self, fault: Fault, request: Request, number: int, pace: _Pace) -> Reply:
        failed = self._composed(request).text if fault.kind == "json_validate_failed" else None
        if not ERRORS[fault.kind].is_at_the_door:
            await _until(pace.first_token)
        return self._error(
            number,
            fault.kind,
            model=request.model,
            status=fault.status,
            retry_after=fault.retry_after,
            failed_generation=failed and failed[: len(failed) // 2],
        )

    async def _answer(self, request: Request, kind: str, number: int, pace: _Pace) -> Reply:
        answer = limited(spoiled(kind, self._composed(request)), request)
        used = usage(request, answer, self.scenario.price)
        if self._gate is not None:
            exceeded = self._gate.admit(used["total_tokens"], pace.start, model=request.model)
            if exceeded is not None:
                return self._exceeded(exceeded, number)
        headers = self._headers(number)
        if request.stream:
            return Reply(OK, headers, chunks=self._chunks(chunk_bodies(number, request, answer, used), pace))
        await _until(pace.token(used["completion_tokens"]))
        return Reply(OK, headers, completion_body(number, request, answer, used))

    async def _chunks(self, chunks: Iterator[tuple[int, dict[str, Any]]], pace: _Pace) -> AsyncIterator[dict[str, Any]]:
        with self._at_work():
            for tokens, chunk in chunks:
                await _until(pace.token(tokens))
                yield chunk

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

    def _pace(self, request: Request, start: float) -> _Pace:
        scenario = self.scenario
        factor = 1 + scenario.spread * (2 * draw(scenario.seed, "pace", request.text) - 1) if scenario.spread else 1.0
        first_token = start + scenario.time_to_first_token * factor
        return _Pace(start, first_token, factor / scenario.tokens_per_second)

    def _headers(self, number: int) -> dict[str, str]:
        headers = {"x-simulated": "true", "x-request-id": f"req_simulated_{number}"}
        if self._gate is not None:
            headers |= self._gate.headers(asyncio.get_running_loop().time())
        return headers

    def _exceeded(self, exceeded: Exceeded, number: int) -> Reply:
        return self._error(
            number,
            "rate_limit",
            message=exceeded.message,
            status=TOO_LARGE if exceeded.is_too_large else None,
            retry_after=exceeded.retry_after,
            type=exceeded.unit,
        )

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


@dataclass(frozen=True, slots=True)
class _Pace:
    """When the tokens of one answer come, on the loop's clock."""

    start: float
    first_token: float
    seconds_per_token: float

    def token(self, index: int) -> float:
        return self.first_token + index * self.seconds_per_token


async def _until(when: float) -> None:
    """Sleep to a time of the loop's clock: to the time itself, so that it comes out exact in virtual time."""
    loop = asyncio.get_running_loop()
    if when <= loop.time():
        return
    future = loop.create_future()
    timer = loop.call_at(when, _wake, future)
    try:
        await future
    finally:
        timer.cancel()


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def limited(answer: Answer, request: Request) -> Answer:
    """The answer as the request's stop texts and its token limit leave it."""
    ends = [index for index in (answer.text.find(stop) for stop in request.stop) if index >= 0]
    text = answer.text[: min(ends)] if ends else answer.text
    if request.max_tokens is not None and count_tokens(text) > request.max_tokens:
        return replace(answer, text=text[: request.max_tokens * LETTERS_OF_A_TOKEN], finish_reason="length")
    return replace(answer, text=text)
