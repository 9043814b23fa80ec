"""Jobs at a provider's batch endpoint: submit requests as a file, ask how they are, collect what became of them.

OpenAI and Groq speak of files and batches in the same words, and their SDKs have the same names for it. A job is known
by what is in its file: one that was begun, though its answer was lost, is found again and not paid twice.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

from ._endpoint import Reply
from ._sdk import meaning, whole
from ._streams import parse_json

_URL: Final = "/v1/chat/completions"
_WINDOW: Final = "24h"
_MARK: Final = "llm_composition_patterns"
_LOST: Final = frozenset({"failed", "cancelled", "expired", "cancelling"})
_ENDED: Final = frozenset({"completed", "failed", "cancelled", "expired"})
_A_PAGE: Final = 100
_BUSY: Final = 429
_BROKEN: Final = 500

Body = dict[str, Any]


class NotDone(Exception):
    """The provider refuses what is asked of it.

    Attributes:
        reply: What it said.
    """

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"status {reply.status}")
        self.reply: Reply = reply

    @property
    def passes(self) -> bool:
        """Whether the same may be asked again."""
        return self.reply.status == _BUSY or self.may_be_done

    @property
    def may_be_done(self) -> bool:
        """Whether it may have been done all the same: the provider, or what is in front of it, broke on the way."""
        return self.reply.status >= _BROKEN


def written(bodies: Mapping[str, Body]) -> bytes:
    """The file of requests: a line for each body, by the name of its request."""
    lines = ({"custom_id": name, "method": "POST", "url": _URL, "body": body} for name, body in bodies.items())
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()


def digest_of(content: bytes) -> str:
    """What tells a file from all others."""
    return hashlib.sha256(content).hexdigest()


class BatchJobs:
    """The jobs of one account.

    Args:
        client: `openai.AsyncOpenAI` or `groq.AsyncGroq`.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    async def submit(self, content: bytes) -> str:
        """Begin a job; its id.

        Raises:
            NotDone: It was refused.
            OSError: It could not be asked for, or may have begun though its answer was lost.
        """
        file = await _asked(self._client.files.create(file=("requests.jsonl", content), purpose="batch"))
        begun = await _asked(
            self._client.batches.create(
                input_file_id=file.id,
                endpoint=_URL,
                completion_window=_WINDOW,
                metadata={_MARK: digest_of(content)},
            )
        )
        return str(begun.id)

    async def find(self, digest: str) -> str | None:
        """The latest job of a file, unless it was lost; None where there is none.

        Raises:
            NotDone: It cannot be asked.
            OSError: It does not answer.
        """
        async for job in self._listed():
            if isinstance(job.metadata, dict) and job.metadata.get(_MARK) == digest and job.status not in _LOST:
                return str(job.id)
        return None

    async def _listed(self) -> AsyncIterator[Any]:
        """All jobs, the latest first."""
        after: str | None = None
        while True:
            query = {"limit": _A_PAGE} if after is None else {"limit": _A_PAGE, "after": after}
            page = await _asked(self._client.batches.list(extra_query=query))
            for job in page.data or ():
                yield job
            before, after = after, page.data[-1].id if page.data else None
            if after in (None, before) or not getattr(page, "has_more", False):
                return

    async def status(self, job: str) -> tuple[bool, Any]:
        """Whether a job has ended, and what the provider shows of it.

        Raises:
            NotDone: It cannot be asked.
            OSError: It does not answer.
        """
        shown = await _asked(self._client.batches.retrieve(job))
        return shown.status in _ENDED, shown

    async def collect(self, shown: Any) -> dict[str, Reply | ConnectionError]:
        """What became of the requests of a job that has ended, by their names; of some, perhaps, nothing.

        Raises:
            NotDone: It cannot be asked.
            OSError: It does not answer.
        """
        found: dict[str, Reply | ConnectionError] = {}
        for file_id in (shown.output_file_id, shown.error_file_id):
            if file_id:
                found |= _read(await self._content(file_id))
        return found

    async def _content(self, file_id: str) -> bytes:
        answer = await _asked(self._client.files.content(file_id))
        content = answer.read()
        read: bytes = await content if inspect.isawaitable(content) else content
        return read


def why(shown: Any) -> str:
    """Why a job has no answer for a request."""
    errors = getattr(shown.errors, "data", None) or ()
    told = "; ".join(str(error.message) for error in list(errors)[:3])
    return f"the batch {shown.id} is {shown.status}" + (f": {told}" if told else " without an answer to this request")


def _read(content: bytes) -> dict[str, Reply | ConnectionError]:
    return {line["custom_id"]: _answer(line) for line in _lines(content)}


def _lines(content: bytes) -> Iterator[dict[str, Any]]:
    for line in content.splitlines():
        read = parse_json(line)
        if isinstance(read, dict) and isinstance(read.get("custom_id"), str):
            yield read


def _answer(line: Mapping[str, Any]) -> Reply | ConnectionError:
    response = line.get("response")
    if not isinstance(response, dict) or not isinstance(response.get("status_code"), int):
        return ConnectionError(str((line.get("error") or {}).get("message") or "it has no response"))
    return Reply(response["status_code"], {"x-request-id": str(response.get("request_id", ""))}, response.get("body"))


async def _asked(asking: Any) -> Any:
    """What an SDK answers."""
    try:
        return await asking
    except Exception as error:  # noqa: BLE001 - each SDK has its own, with the response in it where there was one
        response = getattr(error, "response", None)
        if response is None:
            raise meaning(error) from None
        raise NotDone(whole(response)) from None
