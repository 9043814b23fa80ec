"""What `once` recalls and keeps in a worker: recorded by the dispatcher."""

from __future__ import annotations

import asyncio

from ...usage import Usage
from ._line import Line


class RemoteRecords:
    """The records of one item.

    Args:
        line: To the dispatcher.
        item: The item's number.
    """

    def __init__(self, line: Line, item: int) -> None:
        self._line = line
        self._item = item

    async def recall(self, item: str, key: str, /) -> str | None:  # noqa: ARG002 - the dispatcher knows which
        """The result of a step inside the item, as JSON; None where there is none."""
        answer = await self._line.ask(**{"is": "recall", "item": self._item, "key": key}).answer
        text: str | None = answer["value"]
        return text

    def keep(self, item: str, key: str, value: str, /, *, usage: Usage) -> asyncio.Future[None]:  # noqa: ARG002 - told already
        """Write the result of a step inside the item; what was used was told as it was."""
        return asyncio.ensure_future(self._keep(key, value))

    async def _keep(self, key: str, value: str) -> None:
        await self._line.ask(**{"is": "keep", "item": self._item, "key": key, "value": value}).answer
