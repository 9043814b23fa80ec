"""JSON strings, numbers and labels that fit a schema: candidates, the most natural one first."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ._chance import draw, number_of
from ._formats import FORMATS, example
from ._patterns import matching

LONGEST = 100_000
"""Letters that a string of an answer may be asked to have."""


def strings(schema: Mapping[str, Any], wanted: Iterable[str], *, salt: int = 0) -> Iterator[str]:
    """Strings for `schema`: those `wanted` first, cut or lengthened where they must be."""
    for text in wanted:
        yield _sized(text, schema)
    if "pattern" in schema:
        yield from matching(schema["pattern"], salt=salt)
    if schema.get("format") in FORMATS:
        yield example(schema["format"], salt)
    yield _sized(f"Simulated {salt}" if salt else "Simulated", schema)


def _sized(text: str, schema: Mapping[str, Any]) -> str:
    least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
    longer = text.ljust(min(least, LONGEST), ".")
    return longer if most is None else longer[: int(most)]


def numbers(schema: Mapping[str, Any], reason: object, *, whole: bool) -> Iterator[float]:
    """Numbers for `schema`, the first one drawn for `reason`."""
    low, high = _range(schema, 100 if whole else 1)
    step = schema.get("multipleOf")
    share = draw(reason)
    if step:
        first = math.ceil(low / step)
        steps = max(0, min(math.floor(high / step) - first, 10**9))
        for count in (first + int(share * (steps + 1)), first, first + 1, first + steps, 0):
            yield _whole_if(count * step, whole=whole)
    elif whole:
        least, most = math.ceil(low), math.floor(high)
        yield least + int(share * (most - least + 1))
        yield from (least, least + 1, most, most - 1)
    else:
        point = low + share * (high - low)
        yield from (round(point, 2), point, (low + high) / 2, low, high)
    yield from (0, 1, -1)  # where the schema excludes the others


def _range(schema: Mapping[str, Any], width: float) -> tuple[float, float]:
    lows = [schema[key] for key in ("minimum", "exclusiveMinimum") if _is_finite(schema.get(key))]
    highs = [schema[key] for key in ("maximum", "exclusiveMaximum") if _is_finite(schema.get(key))]
    if lows:
        return max(lows), min(highs) if highs else max(lows) + width * max(1, schema.get("multipleOf", 1))
    if highs:
        return (
            (0, min(highs))
            if min(highs) > 0
            else (min(highs) - width * max(1, schema.get("multipleOf", 1)), min(highs))
        )
    return 0, width * max(1, schema.get("multipleOf", 1))


def _is_finite(bound: Any) -> bool:
    return isinstance(bound, (int, float)) and not isinstance(bound, bool) and math.isfinite(bound)


def _whole_if(value: float, *, whole: bool) -> float:
    return int(value) if whole and float(value).is_integer() else value


def by_preference(labels: Iterable[Any], text: str, reason: object) -> list[Any]:
    """Labels, the one whose words occur in `text` most often first; where none does, by a draw for `reason`."""
    words = _counted(text)
    return sorted(labels, key=lambda label: (-_occurrences(str(label), words), number_of(reason, text, label)))


def _counted(text: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in re.findall(r"[^\W_]+", text.lower()):
        counts[word] = counts.get(word, 0) + 1
    return counts


def _occurrences(label: str, words: Mapping[str, int]) -> int:
    parts = re.findall(r"[A-Z]?[^\W_A-Z]+|[A-Z]+", label)
    return sum(words.get(part.lower(), 0) for part in parts if len(part) > 2) or words.get(label.lower(), 0)  # noqa: PLR2004
