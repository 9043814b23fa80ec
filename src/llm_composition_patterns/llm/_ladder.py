"""What a model's provider was found to refuse, so that it is not asked again: pure."""

from __future__ import annotations

from ._provider_errors import SettingRefused
from ._wire import LAST_RUNG, Body

RESPONSE_FORMAT = "response_format"


class Ladder:
    """What every call of one model has learned about its provider.

    Args:
        rung: How to ask for an answer that fits a schema, to begin with; see `_wire`.

    Attributes:
        rung: How to ask for it now.
        without: Settings to leave out.
    """

    def __init__(self, rung: int) -> None:
        self.rung = rung
        self.without: frozenset[str] = frozenset()
        self._proven: set[int] = set()

    def worked(self, rung: int) -> None:
        """The provider answered a request that asked for a schema in this way."""
        self._proven.add(rung)

    def step_down(self, refused: SettingRefused, body: Body, rung: int) -> int | None:
        """Learn from a refusal; give back the rung for the next attempt, or None when nothing is left to try.

        A single answer that failed its check leaves the rung to the others, if it ever worked.

        Args:
            refused: What the provider said.
            body: The request that it refused.
            rung: The rung of that request.
        """
        if refused.setting != RESPONSE_FORMAT:
            if refused.setting not in body:
                return None
            self.without |= {refused.setting}
            return rung
        if RESPONSE_FORMAT not in body or rung >= LAST_RUNG:
            return None
        if not refused.once or rung not in self._proven:
            self.rung = max(self.rung, rung + 1)
        return rung + 1
