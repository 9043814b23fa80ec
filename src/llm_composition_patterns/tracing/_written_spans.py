"""Reading spans back from a file of OTLP requests as JSON, such as `_file.py` writes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf import json_format  # type: ignore[import-untyped]  # as in _otlp.py
from openinference.semconv.resource import ResourceAttributes
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as WrittenResource
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WrittenSpan
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from ._file import IDS

_ID_LENGTHS = (16, 8)


class DamagedLineError(ValueError):
    """The line is no request; why is its text."""


def read_spans(line: bytes, project: str | None) -> list[ReadableSpan]:
    """The spans of one line, in a project of that name if one is given.

    Raises:
        DamagedLineError: It is not JSON, or no request of spans.
    """
    request = _request(line)
    return [
        _span(span, resource, scope)
        for of_resource in request.resource_spans
        for resource in [_resource(of_resource.resource, of_resource.schema_url, project)]
        for of_scope in of_resource.scope_spans
        for scope in [_scope(of_scope)]
        for span in of_scope.spans
    ]


def _request(line: bytes) -> ExportTraceServiceRequest:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DamagedLineError("it is no JSON; it may have been cut off") from error
    if not isinstance(said, dict) or "resourceSpans" not in said:
        raise DamagedLineError('it is no request of spans: there is no "resourceSpans"')
    request = ExportTraceServiceRequest()
    try:
        for record in _records(said):
            for key in IDS:
                if key in record:
                    record[key] = base64.b64encode(bytes.fromhex(record[key])).decode()
        json_format.ParseDict(said, request, ignore_unknown_fields=True)
    except (json_format.ParseError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise DamagedLineError("it is no request of spans as OTLP has it") from error
    return request


def _records(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Whatever has ids in hexadecimal: spans and their links."""
    for resource in request["resourceSpans"]:
        for scope in resource.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                yield span
                yield from span.get("links", ())


def _span(span: WrittenSpan, resource: Resource, scope: InstrumentationScope) -> ReadableSpan:
    parent = span.parent_span_id and _context(span.trace_id, span.parent_span_id)
    try:
        kind = SpanKind(span.kind - 1) if span.kind else SpanKind.INTERNAL
        status = Status(StatusCode(span.status.code), span.status.message or None)
    except ValueError as error:
        raise DamagedLineError("a span is of a kind or status that OTLP does not have") from error
    return ReadableSpan(
        name=span.name,
        context=_context(span.trace_id, span.span_id, span.trace_state),
        parent=parent or None,
        resource=resource,
        attributes=_values(span.attributes),
        events=[Event(event.name, _values(event.attributes), event.time_unix_nano) for event in span.events],
        links=[Link(_context(link.trace_id, link.span_id), _values(link.attributes)) for link in span.links],
        kind=kind,
        status=status,
        start_time=span.start_time_unix_nano,
        end_time=span.end_time_unix_nano,
        instrumentation_scope=scope,
    )


def _context(trace_id: bytes, span_id: bytes, state: str = "") -> SpanContext:
    ids = int.from_bytes(trace_id), int.from_bytes(span_id)
    if (len(trace_id), len(span_id)) != _ID_LENGTHS or not all(ids):
        raise DamagedLineError("a span has no valid ids")
    # What was exported once was sampled.
    return SpanContext(*ids, False, TraceFlags(TraceFlags.SAMPLED), TraceState.from_header([state]))


def _resource(resource: WrittenResource, schema_url: str, project: str | None) -> Resource:
    named = {} if project is None else {ResourceAttributes.PROJECT_NAME: project}
    return Resource({**_values(resource.attributes), **named}, schema_url)


def _scope(written: ScopeSpans) -> InstrumentationScope:
    scope = written.scope
    return InstrumentationScope(scope.name, scope.version or None, written.schema_url, _values(scope.attributes))


def _values(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(map(_value, value.array_value.values))
    if kind == "kvlist_value":
        return _values(value.kvlist_value.values)
    return None if kind is None else getattr(value, kind)
