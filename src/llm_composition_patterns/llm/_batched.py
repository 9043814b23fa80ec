"""An endpoint that sends requests in jobs of a provider's batch endpoint, for half the price, within a day.

To whoever calls it, it is a model that takes long. Calls that come together become one job. What was submitted is
recorded, so that a program that was killed finds its jobs again: it makes the same calls, and collects their answers.

A request is known by its text and by how many others with the same text were made before. One that failed gives its
number back, so that the call has the same name when it is made again, here or in the next run.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

from ._batch_jobs import BatchJobs, Body, NotDone, digest_of, why, written
from ._batch_record import BatchRecord
from ._endpoint import AnswerTooLong, Reply
from ._kept_answers import note

_REFUSED: Final = 400
_NOT_THERE: Final = 404

Answer: TypeAlias = Reply | ConnectionError


class BatchedEndpoint:
    """Sends requests in jobs.

    Args:
        jobs: Those of the account.
        record: Which request is in which job.
        of: The endpoint, so that the same request elsewhere is another one.
        most: How many requests a job has at most.
        wait: Seconds without another request after which a job is submitted.
        poll: Seconds between two questions whether it is done.
    """

    def __init__(self, jobs: BatchJobs, record: BatchRecord, *, of: str, most: int, wait: float, poll: float) -> None:
        self._jobs = jobs
        self._record = record
        self._of = of
        self._most, self._wait, self._poll = most, wait, poll
        self._known: dict[str, str] | None = None
        self._knowing = asyncio.Lock()
        self._made: Counter[str] = Counter()
        self._given_back: defaultdict[str, list[int]] = defaultdict(list)
        self._waiting: dict[str, Body] = {}
        self._group: asyncio.Future[str] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._results: dict[str, asyncio.Task[dict[str, Answer]]] = {}
        self._submitting: set[asyncio.Task[None]] = set()
        self._under_way: dict[str, asyncio.Future[str]] = {}
        self._begun: set[str] = set()

    async def send(self, body: Body, *, on_text: Callable[[str], None] | None = None) -> Reply:  # noqa: ARG002
        """Send `body`; see `Endpoint`. An answer comes in one piece."""
        body = {name: value for name, value in body.items() if name not in ("stream", "stream_options")}
        digest, number = self._named(body)
        done = False
        try:
            reply = await self._replied(f"{digest}-{number}", body)
            done = reply.status < _REFUSED
            note(partial(self._disown, digest, number))
        finally:
            if not done:
                heapq.heappush(self._given_back[digest], number)
        return reply

    async def _replied(self, request: str, body: Body) -> Reply:
        try:
            job = (await self._jobs_known()).get(request) or await self._joined(request, body)
            answer = await self._answer(job, request)
        except NotDone as refused:
            if refused.reply.status == _NOT_THERE:
                await self._forget(request)
            return refused.reply
        if isinstance(answer, ConnectionError) or answer.status >= _REFUSED:
            await self._forget(request)
        if isinstance(answer, ConnectionError):
            raise answer
        return answer

    async def aclose(self) -> None:
        """Submit no more, and ask no more: what was submitted is recorded."""
        if self._timer is not None:
            self._timer.cancel()
        tasks = [task for task in (*self._submitting, *self._results.values()) if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for group in (self._group, *self._under_way.values()):
            if group is not None:
                group.cancel()

    def _named(self, body: Body) -> tuple[str, int]:
        """What a request is known by, the same in the next run of the program."""
        text = json.dumps([self._of, body], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:40]
        if given_back := self._given_back.get(digest):
            return digest, heapq.heappop(given_back)
        self._made[digest] += 1
        return digest, self._made[digest]

    async def _jobs_known(self) -> dict[str, str]:
        """The jobs of requests that were submitted; those found again of which that was not known."""
        async with self._knowing:
            if self._known is None:
                for digest in await self._record.unsure():
                    if digest not in self._begun:
                        await self._record.submitted(digest, await self._jobs.find(digest))
                self._known = await self._record.jobs()
            return self._known

    async def _disown(self, digest: str, number: int) -> None:
        """An answer was none: the call is submitted again when it is made again."""
        await self._forget(f"{digest}-{number}")
        heapq.heappush(self._given_back[digest], number)

    async def _forget(self, request: str) -> None:
        await self._record.forget(request)
        if self._known is not None:
            self._known.pop(request, None)

    # --- into a job

    async def _joined(self, request: str, body: Body) -> str:
        """The job that a request is submitted with."""
        if (under_way := self._under_way.get(request)) is not None:  # by a call that was given up since
            return await asyncio.shield(under_way)
        loop = asyncio.get_running_loop()
        self._group = group = self._group or loop.create_future()
        self._waiting[request] = body
        if self._timer is not None:
            self._timer.cancel()
        if len(self._waiting) >= self._most:
            self._begin()
        else:
            self._timer = loop.call_later(self._wait, self._begin)
        try:
            return await asyncio.shield(group)
        finally:
            if self._group is group:  # it gave up before it was submitted
                self._waiting.pop(request, None)

    def _begin(self) -> None:
        bodies, group, self._waiting, self._group, self._timer = self._waiting, self._group, {}, None, None
        if group is not None and bodies:
            self._under_way |= dict.fromkeys(bodies, group)
            task = asyncio.create_task(self._submit(bodies, group))
            self._submitting.add(task)
            task.add_done_callback(self._submitting.discard)

    async def _submit(self, bodies: dict[str, Body], group: asyncio.Future[str]) -> None:
        content = written(dict(sorted(bodies.items())))
        digest = digest_of(content)
        self._begun.add(digest)
        try:
            job = await self._submitted(digest, content, bodies)
        except Exception as error:  # noqa: BLE001 - all who wait for it are told
            self._known = None  # it may have begun: whoever asks next looks for it
            _fail(group, error)
        except BaseException:
            group.cancel()
            raise
        else:
            if self._known is not None:
                self._known |= dict.fromkeys(bodies, job)
            group.set_result(job)
        finally:
            self._begun.discard(digest)
            for request in bodies:
                del self._under_way[request]

    async def _submitted(self, digest: str, content: bytes, bodies: dict[str, Body]) -> str:
        await self._record.plan(digest, bodies)
        try:
            job = await self._jobs.submit(content)
        except NotDone as refused:
            if not refused.may_be_done:
                await self._record.submitted(digest, None)
            raise
        await self._record.submitted(digest, job)
        return job

    # --- out of it

    async def _answer(self, job: str, request: str) -> Answer:
        collecting = self._results.get(job)
        if collecting is None or (collecting.done() and collecting.exception() is not None):
            collecting = self._results[job] = asyncio.create_task(self._collect(job))
            collecting.add_done_callback(lambda task: task.cancelled() or task.exception())
        found = await asyncio.shield(collecting)
        answer = found.pop(request, None)
        if answer is None:
            _, shown = await self._jobs.status(job)
            return _nothing(shown)
        return answer

    async def _collect(self, job: str) -> dict[str, Answer]:
        while True:
            try:
                ended, shown = await self._jobs.status(job)
                if ended:
                    return await self._jobs.collect(shown)
            except NotDone as refused:
                if not refused.passes:
                    raise
            except AnswerTooLong:
                raise  # as it would be at the next question
            except OSError:
                pass  # it goes on without us
            await asyncio.sleep(self._poll)


def _nothing(shown: Any) -> Answer:
    """What stands for an answer that is not there."""
    if shown.status != "failed":
        return ConnectionError(why(shown))
    return Reply(_REFUSED, {}, {"error": {"message": why(shown), "type": "invalid_request_error"}})


def _fail(group: asyncio.Future[str], error: BaseException) -> None:
    group.set_exception(error)
    group.exception()  # perhaps nobody waits any more
