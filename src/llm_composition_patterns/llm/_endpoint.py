"""The seam between a model and what answers it: one method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(slots=True)
class Reply:
    """What came back for one request, whatever its status.

    Attributes:
        status: The HTTP status.
        headers: The response's headers, found by lower-case names.
        body: The parsed JSON; the text where it was no JSON. A streamed answer is put together to the body that it
            would have been otherwise.
        time_to_first_token: Seconds from sending to the first piece of text, where the answer was streamed.
    """

    status: int
    headers: Mapping[str, str]
    body: Any
    time_to_first_token: float | None = None


class Endpoint(Protocol):
    """Sends one chat-completions request; it never tries again and keeps no count."""

    async def send(self, body: dict[str, Any], *, on_text: Callable[[str], None] | None = None) -> Reply:
        """Send `body` and give back what was replied; with `on_text`, streamed pieces as they come.

        Raises:
            TimeoutError: No answer came in the endpoint's own time.
            ConnectionRefusedError: The endpoint could not be reached, so nothing was sent.
            ConnectionError: The connection was lost after the request was sent.
        """
        ...


class AnswerTooLong(ConnectionError):
    """The reply does not end where any answer would have."""


class CallbackFailed(Exception):
    """The caller's own `on_text` raised; its error is the cause. No failure of the provider."""
