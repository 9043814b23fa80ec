"""A span of the SDK, made in a third of the time.

The SDK builds a span of ten objects and four locks, asks a sampler that says yes to everything, cleans attributes that
are clean, and copies it all when the span ends: for the branches of a fan-out that is most of what tracing costs. A
`LightSpan` is one of the SDK's spans with the same fields, so whatever reads or writes those works with it. Wherever
anything is out of the ordinary, be it another sampler, a limit on lengths or an SDK that looks different inside, the
SDK makes the span itself.
"""

# ruff: noqa: SLF001 - it stands in for the SDK's own parts
# pyright: reportPrivateUsage=false
from __future__ import annotations

import threading
from collections.abc import Sequence, Sized
from time import time_ns
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, DEFAULT_ON
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, Span, SpanContext, Status, TraceFlags

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.id_generator import IdGenerator

    Attributes = dict[str, Any]

_CLEAN = frozenset({str, int, float, bool})
_RANDOM = 2  # the flag of the W3C's trace context that the trace's id is random
_FLAGS = {False: TraceFlags(TraceFlags.SAMPLED), True: TraceFlags(TraceFlags.SAMPLED | _RANDOM)}


class LightSpan(sdk.Span):
    """A span whose lists are made when something comes into them, and which is its own record when it has ended."""

    # What is the same for all of them until something is set.
    _kind = trace.SpanKind.INTERNAL
    _status = Status()
    _start_time: int | None = None
    _end_time: int | None = None
    _instrumentation_info = None
    _trace_config = None
    _record_exception = True
    _set_status_on_exception = True
    _record_end_metrics = None
    _events: Any = ()

    def __init__(
        self,
        tracer: Any,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        attributes: Attributes,
        links: Sequence[Link],
    ) -> None:
        self._name = name
        self._context = context
        self._parent = parent
        self._attributes = _bounded(attributes, tracer._span_limits.max_span_attributes)
        self._links: Any = links
        self._lock = threading.Lock()
        self._sampler = tracer.sampler
        self._resource = tracer.resource
        self._limits = tracer._span_limits
        self._span_processor = tracer.span_processor
        self._instrumentation_scope = tracer._instrumentation_scope

    def _add_event(self, event: Any) -> None:
        with self._lock:
            if not isinstance(self._events, BoundedList):
                self._events = BoundedList(self._limits.max_events)
        super()._add_event(event)

    def _add_link(self, link: Link) -> None:
        with self._lock:
            if not isinstance(self._links, BoundedList):
                self._links = self._new_links(self._links)
        super()._add_link(link)

    def _readable_span(self) -> LightSpan:
        return self


def _bounded(attributes: Attributes, most: int | None) -> BoundedAttributes:
    """What the SDK keeps attributes in, around those that are clean already."""
    bounded = BoundedAttributes.__new__(BoundedAttributes)
    bounded._dict = attributes
    bounded._lock = threading.Lock()
    bounded._immutable = False
    bounded.maxlen = most
    bounded.max_value_len = None
    bounded.dropped = 0
    return bounded


def takes_light_spans(tracer: Any) -> bool:
    """Whether the SDK would do no more for a tracer's spans than `start` does, and looks inside as is known here."""
    try:
        return (
            type(tracer) is sdk.Tracer
            and tracer.sampler in (ALWAYS_ON, DEFAULT_ON)
            and tracer._span_limits.max_span_attribute_length is None
            and type(tracer._tracer_metrics).__name__ == "NoOpTracerMetrics"
            and callable(tracer._is_enabled)
            and callable(tracer.id_generator.is_trace_id_random)
            and _looks_like_the_sdk(tracer)
        )
    except (AttributeError, TypeError):
        return False


def _looks_like_the_sdk(tracer: Any) -> bool:
    """Whether a light span has exactly what one of the SDK's has."""
    nothing = trace.INVALID_SPAN_CONTEXT
    theirs = sdk._Span("", nothing, resource=tracer.resource, limits=tracer._span_limits, attributes={"a": 1})
    ours = LightSpan(tracer, "", nothing, None, {"a": 1}, ())
    return _fields(theirs) == _fields(ours) and vars(theirs._attributes).keys() == vars(ours._attributes).keys()


def _fields(span: Any) -> set[str]:
    own = {field for field, value in vars(LightSpan).items() if not callable(value) and not field.startswith("__")}
    return {*vars(span), *own}


def start(tracer: Any, name: str, outside: Context | None, attributes: Attributes, links: Sequence[Link] = ()) -> Span:
    """Start a span with a tracer that takes light ones; the caller gives `attributes` away."""
    around = trace.get_current_span(outside).get_span_context()
    limits = tracer._span_limits
    if (
        (around.is_valid and not around.trace_flags & TraceFlags.SAMPLED)
        or not _CLEAN.issuperset(map(type, attributes.values()))
        or _are_more(attributes, limits.max_span_attributes)
        or _are_more(links, limits.max_links)
        or not tracer._is_enabled()
    ):
        return cast("Span", tracer.start_span(name, outside, attributes=attributes, links=links))
    context, parent = _placed(around, tracer.id_generator)
    span = LightSpan(tracer, name, context, parent, attributes, links)
    span._start_time = time_ns()
    tracer.span_processor.on_start(span, parent_context=outside)
    return span


def _are_more(some: Sized, most: int | None) -> bool:
    return most is not None and len(some) > most


def _placed(around: SpanContext, ids: IdGenerator) -> tuple[SpanContext, SpanContext | None]:
    """The context of a new span in `around`, and of its parent."""
    if around.is_valid:
        flags = _FLAGS[bool(around.trace_flags & _RANDOM)]
        return SpanContext(around.trace_id, ids.generate_span_id(), False, flags, around.trace_state), around
    trace_id = ids.generate_trace_id()
    return SpanContext(trace_id, ids.generate_span_id(), False, _FLAGS[ids.is_trace_id_random()]), None
