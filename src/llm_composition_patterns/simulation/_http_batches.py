"""HTTP around the files and batches of a simulated provider."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import BodyPartReader, web

from ._batches import BadBatch, Batches
from ._scenario import Scenario

MOST_BYTES: Final = 100 * 2**20
"""Of a file, as OpenAI and Groq have it."""

_LISTED: Final = 20


class Refused(Exception):
    """What is asked for cannot be done.

    Attributes:
        kind: Of the error, as `error_body` knows it.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind: str = kind


class BatchRoutes:
    """Answers what is asked of `/files` and `/batches`.

    Args:
        scenario: How requests are answered.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._batches = Batches(scenario)
        self._takes: Final[Mapping[tuple[str, str, str], Callable[[web.BaseRequest, str], Awaitable[Any]]]] = {
            ("POST", "files", ""): self._upload,
            ("GET", "files", "ID"): self._file,
            ("GET", "files", "ID/content"): self._content,
            ("DELETE", "files", "ID"): self._delete,
            ("POST", "batches", ""): self._create,
            ("GET", "batches", ""): self._list,
            ("GET", "batches", "ID"): self._batch,
            ("POST", "batches", "ID/cancel"): self._cancel,
        }

    async def handle(self, request: web.BaseRequest, path: str) -> bytes | dict[str, Any]:
        """Answer a request for a path such as `batches/ID`: with JSON, or with the content of a file.

        Raises:
            Refused: It cannot be answered.
        """
        kind, _, rest = path.partition("/")
        name, _, what = rest.partition("/")
        shape = "" if not name else f"ID/{what}" if what else "ID"
        take = self._takes.get((request.method, kind, shape))
        if take is None:
            known = any((kind, shape) == each[1:] for each in self._takes)
            raise Refused("method_not_allowed" if known else "not_found", "")
        answer: bytes | dict[str, Any] | None = await take(request, name)
        if answer is None:
            raise Refused("not_found", f"No such {kind.removesuffix('es').removesuffix('s')}: {name}. (simulated)")
        return answer

    async def aclose(self) -> None:
        """End all that is at work."""
        await self._batches.aclose()

    async def _upload(self, request: web.BaseRequest, _: str) -> dict[str, Any]:
        if not request.content_type.startswith("multipart/"):
            raise Refused("bad_request", "a file comes as multipart/form-data")
        purpose, name, content = "", "", None
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            if part.name == "purpose":
                purpose = await part.text()
            elif part.name == "file":
                name, content = part.filename or "file", await _whole(part)
        if content is None or not purpose:
            raise Refused("bad_request", "an upload needs a file and its purpose")
        return self._batches.add_file(name, purpose, content)

    async def _file(self, _: web.BaseRequest, file_id: str) -> dict[str, Any] | None:
        found = self._batches.file(file_id)
        return None if found is None else found[0]

    async def _content(self, _: web.BaseRequest, file_id: str) -> bytes | None:
        found = self._batches.file(file_id)
        return None if found is None else found[1]

    async def _delete(self, _: web.BaseRequest, file_id: str) -> dict[str, Any] | None:
        return self._batches.delete_file(file_id)

    async def _create(self, request: web.BaseRequest, _: str) -> dict[str, Any]:
        try:
            return self._batches.create(json.loads(await request.content.read()))
        except (BadBatch, ValueError, RecursionError) as error:
            raise Refused("bad_request", str(error)) from error

    async def _list(self, request: web.BaseRequest, _: str) -> dict[str, Any]:
        batches = self._batches.all()
        after, limit = request.query.get("after"), request.query.get("limit", "")
        if after:
            places = [place for place, batch in enumerate(batches, 1) if batch["id"] == after]
            batches = batches[places[0] if places else len(batches) :]
        shown = batches[: int(limit) if limit.isdecimal() else _LISTED]
        return {"object": "list", "data": shown, "has_more": len(shown) < len(batches)}

    async def _batch(self, _: web.BaseRequest, batch_id: str) -> dict[str, Any] | None:
        return self._batches.batch(batch_id)

    async def _cancel(self, _: web.BaseRequest, batch_id: str) -> dict[str, Any] | None:
        return await self._batches.cancel(batch_id)


async def _whole(part: BodyPartReader) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > MOST_BYTES:
            raise Refused("bad_request", f"a file has at most {MOST_BYTES} bytes")
    return bytes(content)
