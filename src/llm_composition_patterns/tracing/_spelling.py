"""Texts that UTF-8 can spell: half a surrogate pair in a name would cost a batch of spans, in a value the value.

JSON can spell such halves, so models, catalogs and file names bring them. `spelled` is for what is written on a span,
whoever exports it; `spelled_span` for what others have written and this package exports. Neither lets a key pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, Status

from ._shown import spelled


def spelled_span(span: ReadableSpan) -> ReadableSpan:
    """The span, or a copy of it in which every text can be spelled."""
    return span if all(map(_is_spelled, _parts(span))) else _copy(span)


def _parts(span: ReadableSpan) -> Iterator[object]:
    yield span.name
    yield span.status.description
    yield from _of(span.attributes)
    for event in span.events:
        yield event.name
        yield from _of(event.attributes)
    for link in span.links:
        yield from _of(link.attributes)


def _of(attributes: Mapping[str, Any] | None) -> Iterator[object]:
    for key, value in (attributes or {}).items():
        yield key
        yield value


def _is_spelled(value: object) -> bool:
    if isinstance(value, str):
        return spelled(value) == value
    if isinstance(value, tuple | list):
        return all(map(_is_spelled, value))
    return not isinstance(value, Mapping) or all(map(_is_spelled, _of(value)))


def _copy(span: ReadableSpan) -> ReadableSpan:
    status = span.status
    return ReadableSpan(
        name=spelled(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_spelled(span.attributes or {}),
        events=[Event(spelled(event.name), _spelled(event.attributes or {}), event.timestamp) for event in span.events],
        links=[Link(link.context, _spelled(link.attributes or {})) for link in span.links],
        kind=span.kind,
        status=Status(status.status_code, status.description and spelled(status.description)),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _spelled(value: Any) -> Any:
    if isinstance(value, str):
        return spelled(value)
    if isinstance(value, tuple | list):
        return tuple(map(_spelled, value))
    return {spelled(key): _spelled(part) for key, part in value.items()} if isinstance(value, Mapping) else value
