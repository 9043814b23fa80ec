"""A model over a scripted endpoint: what is replied is written down beforehand, what was sent is kept."""

import asyncio
from collections.abc import Callable
from typing import Any

from llm_composition_patterns.llm._addresses import resolve
from llm_composition_patterns.llm._endpoint import Reply
from llm_composition_patterns.llm._model import ConnectedModel, Options
from llm_composition_patterns.llm._start import UNKNOWN

KEY = "gsk-planted-secret"


def completion(text: str = "hello", *, finish_reason: str = "stop", tokens: tuple[int, int] | None = (10, 5), **more):
    """A reply as a provider sends it."""
    message = {"role": "assistant", "content": text, **more.pop("message", {})}
    body = {"model": "m", "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}]}
    if tokens is not None:
        body["usage"] = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], **more.pop("usage", {})}
    return Reply(200, more.pop("headers", {}), {**body, **more})


def refusal(status: int, message: str = "no", *, headers: dict[str, str] | None = None, **more: Any) -> Reply:
    """An error as a provider sends it."""
    return Reply(status, headers or {}, {"error": {"message": message, **more}})


class ScriptedEndpoint:
    """Replies what the script says; the last line of it for ever."""

    def __init__(self, *script: Any) -> None:
        self._script = list(script) or [completion()]
        self.bodies: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.in_flight = self.peak = 0

    async def send(self, body: dict[str, Any], *, on_text: Callable[[str], None] | None = None) -> Reply:
        """Reply the next line of the script."""
        self.bodies.append(body)
        self.times.append(asyncio.get_running_loop().time())
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            line = self._script.pop(0) if len(self._script) > 1 else self._script[0]
            return await self._perform(line, body, on_text)
        finally:
            self.in_flight -= 1

    async def _perform(self, line: Any, body: Any, on_text: Any) -> Reply:
        if isinstance(line, tuple):
            seconds, line = line
            await asyncio.sleep(seconds)
        if callable(line):
            line = line(body) if on_text is None else line(body, on_text)
        if isinstance(line, BaseException):
            raise line
        return line


def model_over(
    endpoint: Any,
    name: str = "groq:openai/gpt-oss-20b",
    *,
    concurrency: Any = None,
    timeout: float = 60.0,
    attempts: int = 4,
    max_rate_limit_wait: float = 120.0,
    outage_timeout: float = 600.0,
    hedge: bool = False,
    remember: bool = False,
    known_as: Any = None,
    price: Any = None,
) -> ConnectedModel:
    """A model whose endpoint is `endpoint`, as `connect` would make it."""

    async def opener(address, resources):
        return address, endpoint

    options = Options(
        concurrency=concurrency,
        timeout=timeout,
        attempts=attempts,
        max_rate_limit_wait=max_rate_limit_wait,
        outage_timeout=outage_timeout,
        hedge=hedge,
        remember=remember,
        price=price,
        endpoint=object() if known_as is None else known_as,
        start=UNKNOWN,
    )
    address = resolve(name, base_url=None, api_key=None if name.startswith("simulated") else KEY, environ={})
    return ConnectedModel(address, opener, options)
