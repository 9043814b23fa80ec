"""Files and batches of a simulated provider: requests that come as a file of JSON lines, and are answered as one.

As with OpenAI and Groq, a batch has limits of its own and costs half: neither the rate limits of the scenario nor its
capacity hold for it, and its prices are halved. Its requests are answered at once, each in its own time; faults strike
them as they strike others. What was answered is in one file of its output, what failed in another.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Final

from ..virtual_time import date
from ._provider import OK, ConnectionDropped, Reply, SimulatedProvider
from ._scenario import Scenario

ENDPOINT: Final = "/v1/chat/completions"
MOST_REQUESTS: Final = 50_000
_EXPIRES: Final = 86_400
_ENDED: Final = frozenset({"completed", "failed", "cancelled"})


class BadBatch(ValueError):
    """A batch that cannot be made."""


@dataclass(slots=True)
class _Batch:
    shown: dict[str, Any]
    task: asyncio.Task[None] | None = None
    answered: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)


class Batches:
    """The files and batches that there are.

    Args:
        scenario: How requests are answered.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._provider = SimulatedProvider(replace(scenario, rate_limit=None, capacity=None))
        self._files: dict[str, tuple[dict[str, Any], bytes]] = {}
        self._batches: dict[str, _Batch] = {}
        self._numbers = count(1)

    # --- files

    def add_file(self, name: str, purpose: str, content: bytes) -> dict[str, Any]:
        """Keep a file; how it is shown."""
        file_id = f"file-simulated-{next(self._numbers)}"
        shown = {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": int(date()),
            "filename": name,
            "purpose": purpose,
            "status": "processed",
        }
        self._files[file_id] = shown, content
        return shown

    def file(self, file_id: str) -> tuple[dict[str, Any], bytes] | None:
        """A file as it is shown, and its content; None for one that there is not."""
        return self._files.get(file_id)

    def delete_file(self, file_id: str) -> dict[str, Any] | None:
        """Forget a file."""
        found = self._files.pop(file_id, None)
        return None if found is None else {"id": file_id, "object": "file", "deleted": True}

    # --- batches

    def create(self, wire: object) -> dict[str, Any]:
        """Begin a batch; how it is shown.

        Raises:
            BadBatch: It cannot be made.
        """
        given = wire if isinstance(wire, dict) else {}
        if given.get("endpoint") != ENDPOINT:
            raise BadBatch(f"endpoint must be {ENDPOINT}, not {given.get('endpoint')!r}")
        found = self._files.get(str(given.get("input_file_id")))
        if found is None or found[0]["purpose"] != "batch":
            raise BadBatch(f"there is no file {given.get('input_file_id')!r} with the purpose batch")
        batch = _Batch(
            {
                "id": f"batch_simulated_{next(self._numbers)}",
                "object": "batch",
                "endpoint": ENDPOINT,
                "errors": None,
                "input_file_id": found[0]["id"],
                "completion_window": str(given.get("completion_window", "24h")),
                "status": "validating",
                "output_file_id": None,
                "error_file_id": None,
                "created_at": int(date()),
                "expires_at": int(date()) + _EXPIRES,
                "request_counts": {"total": 0, "completed": 0, "failed": 0},
                "metadata": given.get("metadata"),
            }
        )
        self._batches[batch.shown["id"]] = batch
        batch.task = asyncio.create_task(self._work(batch, found[1]))
        return batch.shown

    def batch(self, batch_id: str) -> dict[str, Any] | None:
        """A batch as it is shown now; None for one that there is not."""
        found = self._batches.get(batch_id)
        return None if found is None else found.shown

    def all(self) -> list[dict[str, Any]]:
        """Every batch, the latest first."""
        return [batch.shown for batch in reversed(self._batches.values())]

    async def cancel(self, batch_id: str) -> dict[str, Any] | None:
        """End a batch; what was answered by then is kept."""
        batch = self._batches.get(batch_id)
        if batch is None:
            return None
        if batch.shown["status"] not in _ENDED:
            await _ended([batch])
            self._end(batch, "cancelled")
        return batch.shown

    async def aclose(self) -> None:
        """End all that is at work."""
        await _ended(self._batches.values())

    # --- one batch

    async def _work(self, batch: _Batch, content: bytes) -> None:
        requests, errors = _read(content)
        if errors:
            batch.shown["errors"] = {"object": "list", "data": errors}
            self._end(batch, "failed")
            return
        batch.shown["request_counts"]["total"] = len(requests)
        self._turn(batch, "in_progress")
        async with asyncio.TaskGroup() as group:
            for request in requests:
                group.create_task(self._answer(batch, request))
        self._end(batch, "completed")

    async def _answer(self, batch: _Batch, request: Mapping[str, Any]) -> None:
        line: dict[str, Any] = {"id": f"batch_req_{next(self._numbers)}", "custom_id": request["custom_id"]}
        try:
            reply = await self._provider.respond({**request["body"], "stream": False})
        except ConnectionDropped as error:
            line |= {"response": None, "error": {"code": "server_error", "message": str(error)}}
            self._count(batch, "failed", line)
            return
        line |= {"response": _response(reply), "error": None}
        self._count(batch, "completed" if reply.status == OK and "error" not in reply.body else "failed", line)

    def _count(self, batch: _Batch, how: str, line: dict[str, Any]) -> None:
        (batch.answered if how == "completed" else batch.failed).append(line)
        batch.shown["request_counts"][how] += 1

    def _end(self, batch: _Batch, status: str) -> None:
        for name, lines in (("output", batch.answered), ("error", batch.failed)):
            if lines:
                text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
                file = self.add_file(f"{batch.shown['id']}_{name}.jsonl", "batch_output", text.encode())
                batch.shown[f"{name}_file_id"] = file["id"]
        self._turn(batch, status)

    def _turn(self, batch: _Batch, status: str) -> None:
        batch.shown |= {"status": status, f"{status}_at": int(date())}


def _read(content: bytes) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The requests of a file, and what is wrong with it."""
    requests: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    known: set[str] = set()
    for number, line in enumerate(content.splitlines(), 1):
        try:
            request = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError):
            request = ()
        if request is None:
            continue
        problem = _problem(request, known)
        if problem:
            errors.append({"code": problem[0], "message": problem[1], "line": number, "param": None})
        else:
            known.add(request["custom_id"])
            requests.append(request)
    if not requests and not errors:
        errors.append({"code": "empty_file", "message": "The file has no request.", "line": None, "param": None})
    if len(requests) > MOST_REQUESTS:
        text = f"A batch has at most {MOST_REQUESTS} requests."
        errors.append({"code": "too_many_requests", "message": text, "line": None, "param": None})
    return requests, errors


def _problem(request: object, known: set[str]) -> tuple[str, str] | None:
    """What is wrong with a line, as a code and a message."""
    if not isinstance(request, dict):
        return "invalid_json_line", "This line is not a JSON object."
    custom_id = request.get("custom_id")
    if not isinstance(custom_id, str) or not custom_id:
        return "missing_required_parameter", "custom_id must be a text."
    if custom_id in known:
        return "duplicate_custom_id", f"The custom_id {custom_id!r} was there before."
    if request.get("method") != "POST" or request.get("url") != ENDPOINT:
        return "mismatched_url", f"method must be POST and url {ENDPOINT}."
    if not isinstance(request.get("body"), dict):
        return "missing_required_parameter", "body must be an object."
    return None


def _response(reply: Reply) -> dict[str, Any]:
    used = reply.body.get("usage")
    body = reply.body
    if isinstance(used, dict) and "cost" in used:
        body = {**body, "usage": {**used, "cost": used["cost"] / 2}}
    return {"status_code": reply.status, "request_id": reply.headers.get("x-request-id", ""), "body": body}


async def _ended(batches: Iterable[_Batch]) -> None:
    working = [batch.task for batch in batches if batch.task is not None and not batch.task.done()]
    for task in working:
        task.cancel()
    if working:
        await asyncio.wait(working)
