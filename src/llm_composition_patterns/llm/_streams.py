"""A streamed answer (server-sent events) put together: bytes in, pieces of text out, and the whole body at the end."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from typing import Any, Final

from ..tracing import spelled

_DONE: Final = "[DONE]"


def parse_json(text: str | bytes) -> Any:
    """What a response's text says: parsed where it is JSON, else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text if isinstance(text, str) else text.decode("utf-8", "replace")


class StreamedAnswer:
    """Collects a streamed chat completion. Feed it bytes as they come; what it does not understand it skips."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""
        self._pieces: list[str] = []
        self._refusal: list[str] = []
        self._finish_reason: str | None = None
        self._done = False
        self._kept: dict[str, Any] = {}

    def feed(self, data: bytes) -> list[str]:
        """Take bytes and give back the pieces of text that they complete."""
        *lines, self._rest = (self._rest + self._decode(data)).split("\n")
        before = len(self._pieces)
        for line in lines:
            self._take(line.rstrip("\r"))
        return self._pieces[before:]

    def take(self, event: Mapping[str, Any]) -> list[str]:
        """Take one event that is parsed already, and give back the pieces of text in it."""
        before = len(self._pieces)
        self._keep(event)
        return self._pieces[before:]

    def end(self) -> list[str]:
        """The bytes are over; give back what the last of them completes."""
        return self.feed(b"\n")

    @property
    def complete(self) -> bool:
        """Whether the answer came to its end, and not only the bytes."""
        return self._done or self._finish_reason is not None or "error" in self._kept

    def body(self) -> dict[str, Any]:
        """The answer as it would have come without streaming."""
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._pieces)}
        if self._refusal:
            message["refusal"] = "".join(self._refusal)
        if "error" in self._kept:
            return self._kept
        return {**self._kept, "choices": [{"index": 0, "message": message, "finish_reason": self._finish_reason}]}

    def _take(self, line: str) -> None:
        field, _, value = line.partition(":")
        if field != "data":
            return  # a comment to keep the connection alive, or a field that chat completions do not use
        value = value.strip()
        if value == _DONE:
            self._done = True
            return
        event = parse_json(value)
        if isinstance(event, dict):
            self._keep(event)

    def _keep(self, event: Mapping[str, Any]) -> None:
        for name in ("model", "usage", "x_groq", "error"):
            if event.get(name) is not None:
                self._kept[name] = event[name]
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return
        if isinstance(choice.get("finish_reason"), str):
            self._finish_reason = choice["finish_reason"]
        delta = choice.get("delta")
        if isinstance(delta, dict):
            self._add(delta)

    def _add(self, delta: dict[str, Any]) -> None:
        if isinstance(piece := delta.get("content"), str) and piece:
            self._pieces.append(spelled(piece))
        if isinstance(refusal := delta.get("refusal"), str):
            self._refusal.append(refusal)
