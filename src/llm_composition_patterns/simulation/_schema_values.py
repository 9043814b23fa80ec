"""JSON strings, numbers and labels that fit a schema: candidates, the most natural one first."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ._chance import draw, number_of
from ._patterns import matching

LONGEST = 100_000
"""Letters that a string of an answer may be asked to have."""

_FORMATS = {
    "date-time": ("2024-01-{:02d}T12:00:00Z", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
    "date": ("2024-01-{:02d}", r"\d{4}-(0[1-9]|1[0-2])-([01][1-9]|10|2[0-8])"),
    "time": ("12:00:{:02d}Z", r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(Z|[+-]\d\d:\d\d)"),
    "duration": ("P{}D", r"P\d+D"),
    "email": ("simulated{}@example.com", r"[\w.+-]+@[\w-]+(\.[\w-]+)+"),
    "idn-email": ("simulated{}@example.com", r"[\w.+-]+@[\w-]+(\.[\w-]+)+"),
    "hostname": ("simulated{}.example.com", r"[a-z0-9]+(\.[a-z0-9]+)+"),
    "idn-hostname": ("simulated{}.example.com", r"[a-z0-9]+(\.[a-z0-9]+)+"),
    "ipv4": ("192.0.2.{}", r"192\.0\.2\.\d{1,2}"),
    "ipv6": ("2001:db8::{}", r"2001:db8::\d{1,4}"),
    "uri": ("https://example.com/simulated/{}", r"https?://[\w./?=&%-]+"),
    "uri-reference": ("/simulated/{}", r"(https?:/)?/[\w./?=&%-]+"),
    "iri": ("https://example.com/simulated/{}", r"https?://[\w./?=&%-]+"),
    "uuid": ("00000000-0000-4000-8000-0000000000{:02d}", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "json-pointer": ("/simulated/{}", r"(/[\w-]+)+"),
    "regex": ("simulated{}", r"[\w ]+"),
    "byte": ("c2ltdWxhdGVk", r"([A-Za-z0-9+/]{4})+"),
    "base64": ("c2ltdWxhdGVk", r"([A-Za-z0-9+/]{4})+"),
}
"""For each format: how to write one (the place of a number from 1 to 28), and how to know one."""


def strings(schema: Mapping[str, Any], wanted: Iterable[str], *, salt: int = 0) -> Iterator[str]:
    """Strings for `schema`: those `wanted` first, cut or lengthened where they must be."""
    known = _FORMATS.get(schema.get("format", ""))
    for text in wanted:
        if known is None or re.fullmatch(known[1], text):
            yield _sized(text, schema)
    if "pattern" in schema:
        yield from matching(schema["pattern"], salt=salt)
    if known is not None:
        yield known[0].format(1 + salt % 28)
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
