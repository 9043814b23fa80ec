"""Which requests a scenario's faults strike, and how they spoil an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ._chance import draw
from ._compose import Composed
from ._request import Request
from ._scenario import Fault
from ._schema_fits import fits

REFUSAL = "I'm sorry, but I can't help with that. (simulated refusal)"


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back with status 200.

    Attributes:
        text: The answer, or the words of the refusal.
        finish_reason: Why it ended.
        is_refusal: Whether the model declined.
    """

    text: str
    finish_reason: str = "stop"
    is_refusal: bool = False


class Faults:
    """The faults of a scenario, and how often each has struck."""

    def __init__(self, faults: Sequence[Fault], seed: int) -> None:
        self._faults = [(fault, re.compile(fault.match, re.IGNORECASE)) for fault in faults]
        self._matched = [0] * len(self._faults)
        self._struck = [0] * len(self._faults)
        self._seed = seed

    def striking(self, request: Request, elapsed: float = 0.0) -> Fault | None:
        """The first fault that strikes this request, which came so many seconds after the first one."""
        for index, (fault, pattern) in enumerate(self._faults):
            if _concerns(fault, request, elapsed) and pattern.search(request.text) and self._strikes(index, fault):
                return fault
        return None

    def _strikes(self, index: int, fault: Fault) -> bool:
        self._matched[index] += 1
        if fault.times is not None and self._struck[index] >= fault.times:
            return False
        if fault.probability < 1 and draw(self._seed, index, self._matched[index]) >= fault.probability:
            return False
        self._struck[index] += 1
        return True


def _concerns(fault: Fault, request: Request, elapsed: float) -> bool:
    if elapsed < fault.after or (fault.until is not None and elapsed >= fault.until):
        return False
    if fault.kind == "no_json_schema":
        return request.format == "json_schema"
    return fault.kind != "json_validate_failed" or request.format != "text"


def spoiled(kind: str, composed: Composed) -> Answer:
    """The answer as the fault `kind` leaves it."""
    spoil = _SPOILING.get(kind)
    return Answer(composed.text) if spoil is None else spoil(composed)


def _malformed(composed: Composed) -> Answer:
    text = composed.text if composed.text[:1] in {"{", "["} else json.dumps({"answer": composed.text})
    return Answer(text[: max(1, len(text) * 2 // 3)].rstrip("]}"))


def _truncated(composed: Composed) -> Answer:
    return Answer(composed.text[: len(composed.text) // 2], finish_reason="length")


def _wrong_schema(composed: Composed) -> Answer:
    schema = {} if composed.schema is None else composed.schema
    wrong = next((value for value in _misfits(composed.text) if not fits(value, schema, schema)), {"unexpected": True})
    return Answer(json.dumps(wrong, ensure_ascii=False))


def _misfits(text: str) -> list[Any]:
    """Values that probably do not fit where the right one is `text`, the nearest to it first."""
    try:
        right = json.loads(text)
    except ValueError:
        right = None
    renamed = {f"unexpected_{name}": value for name, value in right.items()} if isinstance(right, dict) else {}
    return [renamed, {"unexpected": right}, ["unexpected"], "unexpected", None, -1.5, False]


def _refused(_composed: Composed) -> Answer:
    return Answer(REFUSAL, is_refusal=True)


_SPOILING: dict[str, Callable[[Composed], Answer]] = {
    "malformed_json": _malformed,
    "truncated": _truncated,
    "wrong_schema": _wrong_schema,
    "refusal": _refused,
}
