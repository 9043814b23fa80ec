"""Writing spans: who listens, what is masked, and how a failure looks.

Spans go to the tracer that `setup_tracing` installed for this package, else to the application's own global tracer
provider, whenever that was set, else nowhere: then `listening()` is None and nothing is built. Where a `TraceConfig`
masks anything, every span written here goes through OpenInference's tracer, with what that leaves open covered, too;
else spans take a shorter way, at a third of the cost.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakSet

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import (
    Link,
    NoOpTracer,
    NoOpTracerProvider,
    ProxyTracerProvider,
    Span,
    Status,
    StatusCode,
)

from . import _names as names
from ._keys import REDACTED, without_keys
from ._shown import as_json, as_text, spelled

if TYPE_CHECKING:
    from contextvars import Token

    from openinference.instrumentation import OITracer, TraceConfig
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer, TracerProvider

    from ._backpressure import Backpressure
    from ._item_traces import ItemSampling

SCOPE = "llm_composition_patterns"
SpanKind = Literal["CHAIN", "LLM", "EVALUATOR", "AGENT", "TOOL"]
Attributes = dict[str, Any]

_SPAN_KIND = "openinference.span.kind"
_INPUT_VALUE, _INPUT_MIME = "input.value", "input.mime_type"
_OUTPUT_VALUE, _OUTPUT_MIME = "output.value", "output.mime_type"
_JSON = "application/json"
ITEM_TRACES_ABOVE = 2_000
_PLAIN = frozenset({str, int, float, bool})  # shown as they are: text is what an absent MIME type means


class Spans:
    """Writes spans with one tracer under one masking configuration.

    Attributes:
        backpressure: What new branches wait for while it is shut, or None.
        item_traces_above: With more branches than these, those of one fan-out are traces of their own; None for never.
        item_sampling: What decides which of such traces are kept; None for all.
    """

    def __init__(
        self,
        tracer: Tracer,
        config: TraceConfig,
        *,
        backpressure: Backpressure | None = None,
        item_traces_above: int | None = ITEM_TRACES_ABOVE,
        item_sampling: ItemSampling | None = None,
    ) -> None:
        from . import _masking  # noqa: PLC0415 - needs OpenInference's package, which costs 0.1 s

        self.tracer = tracer
        self.config = config
        self.backpressure = backpressure
        self.item_traces_above = item_traces_above
        self.item_sampling = item_sampling
        self.hides_inputs: bool = bool(config.hide_inputs)
        self.hides_outputs: bool = bool(config.hide_outputs)
        self.hides: bool = _masking.hides_text(config)
        self.masks: bool = _masking.hides_anything(config)
        self._masking: OITracer | None = None
        self._light = None if self.masks else _light_start(tracer)

    @property
    def masking(self) -> OITracer:
        """OpenInference's tracer."""
        if self._masking is None:
            from openinference.instrumentation import OITracer  # noqa: PLC0415

            from ._masking import MaskingTracer  # noqa: PLC0415

            self._masking = (MaskingTracer if self.hides else OITracer)(self.tracer, config=self.config)
        return self._masking

    def start(
        self,
        name: str,
        kind: SpanKind,
        attributes: Attributes | None = None,
        *,
        parent: Context | None = None,
        links: Sequence[Link] = (),
    ) -> Span:
        """Start a span under `parent`, else under the current span. The caller ends it, and gives `attributes` away."""
        attributes = attributes if attributes is not None else {}
        attributes[_SPAN_KIND] = kind
        if self._light is not None:
            return self._light(self.tracer, spelled(name), parent, attributes, links)
        tracer = self.masking if self.masks else self.tracer
        return tracer.start_span(spelled(name), parent, attributes=attributes, links=links)

    def input(self, value: object) -> Attributes:
        """The attributes that show an input, masked where inputs are hidden."""
        if self.hides_inputs:
            return {_INPUT_VALUE: REDACTED}
        if type(value) in _PLAIN:
            return {_INPUT_VALUE: spelled(str(value))}
        return {_INPUT_VALUE: as_json(value), _INPUT_MIME: _JSON}

    def key(self, value: object) -> str:
        """What is shown of the key of an input, masked where inputs are hidden."""
        return REDACTED if self.hides_inputs else spelled(as_text(str, value))

    def show_output(self, span: Span, value: object) -> None:
        """Show an output on a span, masked where outputs are hidden."""
        if self.hides_outputs:
            span.set_attribute(_OUTPUT_VALUE, REDACTED)
        elif type(value) in _PLAIN:
            span.set_attribute(_OUTPUT_VALUE, spelled(str(value)))
        else:
            span.set_attribute(_OUTPUT_VALUE, as_json(value))
            span.set_attribute(_OUTPUT_MIME, _JSON)

    def ambient(self) -> Attributes:
        """The session, user, metadata and tags that the application has set around the caller."""
        # Most often there is nothing but the current span, or not even that.
        context = otel_context.get_current()
        if len(context) <= (trace.get_current_span(context) is not trace.INVALID_SPAN):
            return {}
        from openinference.instrumentation import get_attributes_from_context  # noqa: PLC0415 - costs 0.1 s

        return dict(get_attributes_from_context())

    def fail(self, span: Span, error: BaseException) -> None:
        """Mark a span as failed by `error`: an exception event and the ERROR status."""
        if not span.is_recording():
            return
        name = type(error).__qualname__
        message = REDACTED if self.hides else spelled(without_keys(as_text(str, error)))
        stack = REDACTED if self.hides else spelled(without_keys("".join(traceback.format_exception(error))))
        span.add_event(
            "exception",
            {"exception.type": name, "exception.message": message, "exception.stacktrace": stack},
        )
        span.set_status(Status(StatusCode.ERROR, f"{name}: {message}"))


def _light_start(tracer: Tracer) -> Callable[..., Span] | None:
    """What starts spans of less weight, where the tracer takes them."""
    if "opentelemetry.sdk.trace" not in sys.modules:
        return None
    from ._light_span import start, takes_light_spans  # noqa: PLC0415 - needs the SDK

    return start if takes_light_spans(tracer) else None


class SpanHandle:
    """One open span, as `span` gives it; it takes everything and keeps nothing when nobody listens."""

    __slots__ = ("_span", "_spans")

    def __init__(self, spans: Spans | None, written: Span) -> None:
        self._spans = spans
        self._span = written

    @property
    def recording(self) -> bool:
        """Whether anything set here will be kept."""
        return self._span.is_recording()

    @property
    def trace_id(self) -> str | None:
        """The trace's id, 32 hexadecimal digits; None when nobody listens."""
        context = self._span.get_span_context()
        return trace.format_trace_id(context.trace_id) if context.is_valid else None

    def set(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes; those that are None are left out."""
        if self.recording:
            self._span.set_attributes({key: value for key, value in attributes.items() if value is not None})

    def output(self, value: object) -> None:
        """Show `value` as the span's output."""
        if self._spans is not None and self.recording:
            self._spans.show_output(self._span, value)

    def show(self, key: str, value: object) -> None:
        """Show under `key` what a model said, masked where outputs are hidden."""
        if self._spans is not None and self.recording:
            self._span.set_attribute(key, REDACTED if self._spans.hides_outputs else spelled(as_text(str, value)))

    def fail(self, error: BaseException) -> None:
        """Mark the span as failed."""
        if self._spans is not None:
            self._spans.fail(self._span, error)


_NOTHING: Any = object()


class span:  # noqa: N801 - used like the function it reads as
    """Open a span around the body and make it current; an exception, cancellation included, marks it ERROR.

    A class, because a generator's context manager cannot let a frozen exception pass.
    """

    def __init__(
        self, name: str, kind: SpanKind = "CHAIN", attributes: Attributes | None = None, *, input: object = _NOTHING
    ) -> None:
        self._name = name
        self._kind: SpanKind = kind
        self._attributes = attributes
        self._input = input
        self._spans: Spans | None = None

    def __enter__(self) -> SpanHandle:
        self._spans = spans = listening()
        if spans is None:
            return SpanHandle(None, trace.INVALID_SPAN)
        shown = {} if self._input is _NOTHING else spans.input(self._input)
        attributes = {**spans.ambient(), **(self._attributes or {}), **shown}
        self._written = spans.start(self._name, self._kind, attributes)
        self._outside = otel_context.get_current()
        self._inside = trace.set_span_in_context(self._written)
        self._token = otel_context.attach(self._inside)
        return SpanHandle(spans, self._written)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        if self._spans is None:
            return
        try:
            if error is not None:
                self._spans.fail(self._written, error)
        finally:
            _restore(self._token, self._inside, self._outside)
            self._written.end()


def _restore(token: Token[Context], inside: Context, outside: Context) -> None:
    """Make the span that was current before so again; where the body ended in another context, only if need be."""
    try:
        token.var.reset(token)  # `detach` would log what it cannot reset
    except ValueError:
        if otel_context.get_current() is inside:
            otel_context.attach(outside)


def add_event(name: str, attributes: Attributes) -> None:
    """Write an event on the current span, if there is one that is kept."""
    if listening() is not None:
        trace.get_current_span().add_event(name, attributes)


def show_key(key: object) -> None:
    """Show the key of an input on the current span, if there is one that is kept; masked where inputs are hidden."""
    if (spans := listening()) is not None:
        trace.get_current_span().set_attribute(names.KEY, spans.key(key))


_own: Spans | None = None
_muted = False
_of_application: tuple[TracerProvider, Spans | None] | None = None
_ignored: WeakSet[TracerProvider] = WeakSet()


def install(spans: Spans | None) -> Spans | None:
    """Write this package's spans with `spans` from now on; None gives them back to the application's provider.

    Returns:
        What was installed before.
    """
    global _own, _muted
    before, _own, _muted = _own, spans, False
    return before


def installed() -> tuple[Spans | None, bool]:
    """What spans of this package are written with, if something is installed, and whether they are muted."""
    return _own, _muted


def mute() -> None:
    """Write no spans from now on, whatever the application listens to, until something is installed."""
    global _muted  # noqa: PLW0603 - as above
    install(None)
    _muted = True


def ignore(provider: TracerProvider) -> None:
    """Write nothing to this provider of the application any more: it has been shut down."""
    global _of_application  # noqa: PLW0603 - as below
    _ignored.add(provider)
    _of_application = None


def listening() -> Spans | None:
    """Where spans are to be written now, or None when nobody would see them."""
    spans = _own or (None if _muted else _spans_of_application())
    if spans is None or otel_context.get_value(otel_context._SUPPRESS_INSTRUMENTATION_KEY):  # noqa: SLF001 - as its own SDK reads it
        return None
    return spans


def _spans_of_application() -> Spans | None:
    global _of_application  # noqa: PLW0603 - a cache of one
    provider = trace.get_tracer_provider()
    if isinstance(provider, ProxyTracerProvider | NoOpTracerProvider):
        return None
    if _of_application is None or _of_application[0] is not provider:
        _of_application = provider, None if provider in _ignored else _spans_of(provider)
    return _of_application[1]


def _spans_of(provider: TracerProvider) -> Spans | None:
    from openinference.instrumentation import TraceConfig  # noqa: PLC0415 - costs 0.1 s

    tracer = provider.get_tracer(SCOPE)
    if isinstance(tracer, NoOpTracer):
        return None
    # The providers of OpenInference and Phoenix have a masking of their own.
    config = getattr(tracer, "_self_config", None) or TraceConfig()
    return Spans(getattr(tracer, "__wrapped__", tracer), config)
