"""What the two SDK adapters share: connections, timeouts, whole and streamed responses, and what their errors mean."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Any, Final, Protocol, cast

import aiohttp

from ._endpoint import AnswerTooLong, Reply
from ._streams import StreamedAnswer, parse_json

CONNECT_TIMEOUT: Final = 10.0
CONNECTIONS: Final = 100_000
"""More than any limiter lets be in flight: a pool that held calls back would look like a slow provider."""

KEEP_ALIVE: Final = 4.0
"""Seconds that an idle connection is kept: common servers close theirs after 5, and the race would cost a call."""


MOST_BYTES: Final = 32 * 2**20


class Headers(Protocol):
    """What both generations of httpx keep headers in."""

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        """Names and values as they came."""
        ...


class Response(Protocol):
    """What both generations of httpx give back."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Headers:
        """The headers."""
        ...

    @property
    def content(self) -> bytes:
        """The body, once it was read."""
        ...

    async def aread(self) -> bytes:
        """Read the body."""
        ...

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """Read the body in pieces."""
        ...

    async def aclose(self) -> None:
        """Let go of the connection."""
        ...


class BoundedStream:
    """A response's body up to `MOST_BYTES`: whatever reads it holds it in memory.

    Args:
        stream: The body as it comes.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for part in self._stream:
            read += len(part)
            if read > MOST_BYTES:
                await self.aclose()  # the SDKs do not, where they read the text of an error
                raise AnswerTooLong(f"more than {MOST_BYTES // 2**20} MiB")
            yield part

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._stream.aclose()


def holds_a_file(path: str) -> bool:
    """Whether what is asked for is a file, such as all the answers of a job: it is as large as it is."""
    return "/files/" in path and path.endswith("/content")


def whole(response: Response) -> Reply:
    """The reply of a response that was read."""
    return Reply(response.status_code, _headers(response), parse_json(response.content))


def _headers(response: Response) -> dict[str, str]:
    """The headers by lower-case names: every reply's are read through, which httpx's own mapping is slow at."""
    return {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in response.headers.raw}


async def streamed(response: Response, on_text: Callable[[str], None], started: float) -> Reply:
    """The reply of a response that is read here, its text given to `on_text` as it comes.

    Args:
        response: Not read yet.
        on_text: Gets each piece of text.
        started: `time.perf_counter()` when the request was sent.

    Raises:
        ConnectionError: The stream ended before the answer did.
    """
    try:
        headers = _headers(response)
        if "event-stream" not in headers.get("content-type", ""):
            await response.aread()
            return whole(response)
        answer, first = StreamedAnswer(), None
        async with aclosing(cast("AsyncGenerator[bytes]", response.aiter_bytes())) as data:
            async for part in data:
                for piece in answer.feed(part):
                    first = first if first is not None else time.perf_counter() - started
                    on_text(piece)
        for piece in answer.end():
            on_text(piece)
    finally:
        await response.aclose()
    if not answer.complete:
        raise ConnectionError("the stream ended before the answer did")
    return Reply(response.status_code, headers, answer.body(), first)


def meaning(error: BaseException) -> OSError:
    """What an error of an SDK or its HTTP client means, as one of the errors that `Endpoint.send` raises.

    aiohttp's own errors are looked at first, at the bottom of the chain: the layers above them call a dropped
    connection a timeout.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, AnswerTooLong):
            return cause
    found = next((cause for cause in reversed(causes) if isinstance(cause, aiohttp.ClientError)), causes[-1])
    said = f"{type(found).__name__}: {found}" if str(found) else type(found).__name__
    if isinstance(found, aiohttp.ConnectionTimeoutError | aiohttp.ClientConnectorError):
        return ConnectionRefusedError(said)
    if isinstance(found, TimeoutError) or "Timeout" in type(found).__name__:
        return TimeoutError(said)
    return ConnectionError(said)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__
