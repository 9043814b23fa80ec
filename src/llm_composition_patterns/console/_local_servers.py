"""Looking for model servers on this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from ..printable import printable
from ._providers import base_url, local_providers

if TYPE_CHECKING:
    from aiohttp import ClientResponse

PROBE_TIMEOUT = 1.0
MOST_BYTES = 1_000_000
NO_CHAT = ("embed", "rerank", "whisper")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an address answered.

    Attributes:
        status: The HTTP status; None where there was no answer.
        body: The content, or its beginning.
        problem: Why there was no answer, in words.
    """

    status: int | None = None
    body: bytes = b""
    problem: str = ""


Probe: TypeAlias = Callable[[str], Awaitable[Reply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalServer:
    """A place where a model server would be.

    Attributes:
        provider: Which one, as in `provider:model`.
        url: Its base address.
        models: The models that it has.
        problem: Why it cannot be used, in words; empty where it can.
        hint: How to mend that.
    """

    provider: str
    url: str
    models: tuple[str, ...] = ()
    problem: str = ""
    hint: str = ""

    @property
    def chat_model(self) -> str | None:
        """The first model that is likely to chat, as `provider:model`."""
        chatty = (name for name in self.models if not any(word in name.lower() for word in NO_CHAT))
        return next((f"{self.provider}:{name}" for name in chatty), None)


async def find_local_servers(environ: Mapping[str, str], *, probe: Probe | None = None) -> list[LocalServer]:
    """Ask every local server that we know how to call for its models, all at once, within little over a second."""
    probe = probe or probe_address
    return list(await asyncio.gather(*(_ask(name, hint, environ, probe) for name, hint in local_providers())))


async def probe_address(url: str, *, timeout: float = PROBE_TIMEOUT) -> Reply:  # it is the answer's
    """Get `url` and say what came back; within `timeout` seconds, whatever is there."""
    import aiohttp  # noqa: PLC0415  # 200 ms that other commands need not pay

    try:
        async with (
            asyncio.timeout(timeout),
            aiohttp.ClientSession(trust_env=not _is_here(url)) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            return Reply(status=response.status, body=await _beginning(response))
    except TimeoutError:
        return Reply(problem=f"no answer within {timeout:g} s")
    except aiohttp.ClientConnectorDNSError:
        return Reply(problem="no such host")
    except aiohttp.ClientConnectorError as error:
        refused = isinstance(error.os_error, ConnectionRefusedError)
        return Reply(problem="nothing listens there" if refused else "it cannot be reached")
    except (aiohttp.ClientError, ValueError, OSError):
        return Reply(problem="what answers there is no web server")


def shown_url(url: str) -> str:
    """Give an address without what may be secret in it: user, password and query."""
    parts = urlsplit(url)
    return printable(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl())


async def _ask(name: str, hint: str, environ: Mapping[str, str], probe: Probe) -> LocalServer:
    try:
        url = base_url(name, environ)
    except ConfigurationError as error:
        return LocalServer(provider=name, url="", problem=str(error), hint=hint)
    reply = await probe(f"{url}/models")
    models = _models(reply)
    problem = reply.problem or _problem(reply, models)
    return LocalServer(
        provider=name, url=shown_url(url), models=models or (), problem=problem, hint=hint if problem else ""
    )


def _problem(reply: Reply, models: tuple[str, ...] | None) -> str:
    if models is None:
        return f"what answers there is no model server (status {reply.status})"
    return "" if models else "it has no model"


def _models(reply: Reply) -> tuple[str, ...] | None:
    """Read the list of models; None where it is not one."""
    try:
        listed = json.loads(reply.body)["data"] if reply.status == HTTPStatus.OK else None
        return None if listed is None else tuple(printable(str(model["id"])) for model in listed)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


async def _beginning(response: ClientResponse) -> bytes:
    body = b""
    while len(body) < MOST_BYTES and (piece := await response.content.read(MOST_BYTES)):
        body += piece
    return body


def _is_here(url: str) -> bool:
    """Whether `url` is on this machine, so that no proxy should be asked for it."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
