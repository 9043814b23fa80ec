"""Writing spans: who listens, what is masked, and how a failure looks.

Spans go to the tracer that `setup_tracing` installed for this package, else to the application's own global tracer
provider, whenever that was set, else nowhere: then `listening()` is None and nothing is built. A masking
`TraceConfig` of OpenInference holds for the spans written here as for those of its own tracer, and covers what its
tracer leaves open: exception messages, status descriptions and metadata.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import NoOpTracerProvider, ProxyTracerProvider, Span, Status, StatusCode

if TYPE_CHECKING:
    from openinference.instrumentation import OITracer, TraceConfig
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer, TracerProvider

SCOPE = "llm_composition_patterns"
REDACTED = "__REDACTED__"
SpanKind = Literal["CHAIN", "LLM", "EVALUATOR", "AGENT", "TOOL"]
Attributes = dict[str, Any]

_SPAN_KIND = "openinference.span.kind"
_INPUT_VALUE, _INPUT_MIME = "input.value", "input.mime_type"
_OUTPUT_VALUE, _OUTPUT_MIME = "output.value", "output.mime_type"
_TEXT, _JSON = "text/plain", "application/json"
_METADATA = "metadata"


class Spans:
    """Writes spans with one tracer under one masking configuration."""

    def __init__(self, tracer: Tracer, config: TraceConfig) -> None:
        self.tracer = tracer
        self.config = config
        self.hides_inputs = bool(config.hide_inputs)
        self.hides_outputs = bool(config.hide_outputs)
        self.hides = self.hides_inputs or self.hides_outputs
        self._llm: OITracer | None = None

    @property
    def llm(self) -> OITracer:
        """OpenInference's tracer, for the spans of attempts at providers."""
        if self._llm is None:
            from openinference.instrumentation import OITracer  # noqa: PLC0415 - costs 0.05 s

            self._llm = OITracer(self.tracer, config=self.config)
        return self._llm

    def start(
        self, name: str, kind: SpanKind, attributes: Attributes | None = None, *, parent: Context | None = None
    ) -> Span:
        """Start a span under `parent`, else under the current span. The caller ends it."""
        return self.tracer.start_span(name, parent, attributes={_SPAN_KIND: kind, **(attributes or {})})

    def input(self, value: object) -> Attributes:
        """The attributes that show an input, masked where inputs are hidden."""
        if self.hides_inputs:
            return {_INPUT_VALUE: REDACTED}
        text, mime = _shown(value)
        return {_INPUT_VALUE: text, _INPUT_MIME: mime}

    def output(self, value: object) -> Attributes:
        """The attributes that show an output, masked where outputs are hidden."""
        if self.hides_outputs:
            return {_OUTPUT_VALUE: REDACTED}
        text, mime = _shown(value)
        return {_OUTPUT_VALUE: text, _OUTPUT_MIME: mime}

    def ambient(self) -> Attributes:
        """The session, user, metadata and tags that the application has set around the caller."""
        from openinference.instrumentation import get_attributes_from_context  # noqa: PLC0415 - costs 0.05 s

        found = dict(get_attributes_from_context())
        if self.hides and _METADATA in found:
            found[_METADATA] = REDACTED
        return found

    def fail(self, span: Span, error: BaseException) -> None:
        """Mark a span as failed by `error`: an exception event and the ERROR status."""
        if not span.is_recording():
            return
        name = type(error).__qualname__
        message = REDACTED if self.hides else _text(str, error)
        stack = REDACTED if self.hides else "".join(traceback.format_exception(error))
        span.add_event(
            "exception",
            {"exception.type": name, "exception.message": message, "exception.stacktrace": stack},
        )
        span.set_status(Status(StatusCode.ERROR, f"{name}: {message}"))


class SpanHandle:
    """One open span, as `span` gives it; it takes everything and keeps nothing when nobody listens."""

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
            self._span.set_attributes(self._spans.output(value))

    def fail(self, error: BaseException) -> None:
        """Mark the span as failed."""
        if self._spans is not None:
            self._spans.fail(self._span, error)


_NOTHING: Any = object()


@contextmanager
def span(
    name: str, kind: SpanKind = "CHAIN", attributes: Attributes | None = None, *, input: object = _NOTHING
) -> Iterator[SpanHandle]:
    """Open a span around the body and make it current; an exception, cancellation included, marks it ERROR."""
    spans = listening()
    if spans is None:
        yield SpanHandle(None, trace.INVALID_SPAN)
        return
    shown = {} if input is _NOTHING else spans.input(input)
    written = spans.start(name, kind, {**spans.ambient(), **(attributes or {}), **shown})
    token = otel_context.attach(trace.set_span_in_context(written))
    try:
        yield SpanHandle(spans, written)
    except BaseException as error:
        spans.fail(written, error)
        raise
    finally:
        otel_context.detach(token)
        written.end()


_own: Spans | None = None
_of_application: tuple[TracerProvider, Spans] | None = None


def install(spans: Spans | None) -> None:
    """Write this package's spans with `spans` from now on; None gives them back to the application's provider."""
    global _own  # noqa: PLW0603 - the one process-wide setting, made by `setup_tracing` alone
    _own = spans


def listening() -> Spans | None:
    """Where spans are to be written now, or None when nobody would see them."""
    spans = _own or _spans_of_application()
    if spans is None or otel_context.get_value(otel_context._SUPPRESS_INSTRUMENTATION_KEY):  # noqa: SLF001 - as its own SDK reads it
        return None
    return spans


def _spans_of_application() -> Spans | None:
    global _of_application  # noqa: PLW0603 - a cache of one
    provider = trace.get_tracer_provider()
    if isinstance(provider, ProxyTracerProvider | NoOpTracerProvider):
        return None
    if _of_application is None or _of_application[0] is not provider:
        from openinference.instrumentation import TraceConfig  # noqa: PLC0415 - costs 0.05 s

        _of_application = provider, Spans(provider.get_tracer(SCOPE), TraceConfig())
    return _of_application[1]


def _shown(value: object) -> tuple[str, str]:
    if type(value) is str:
        return value, _TEXT
    if type(value) is int or type(value) is float or value is None:
        return repr(value) if value is not None else "null", _JSON
    return _as_json(value), _JSON


def _as_json(value: object) -> str:
    from pydantic_core import PydanticSerializationError, to_json  # noqa: PLC0415 - only when something is shown

    try:
        return to_json(value, fallback=repr, serialize_unknown=True).decode()
    except (PydanticSerializationError, ValueError, RecursionError):
        return json.dumps(_text(repr, value))


def _text(form: Callable[[object], str], value: object) -> str:
    try:
        return form(value)
    except Exception:  # noqa: BLE001 - somebody else's class, which must not fail for being traced
        return f"<{type(value).__name__} that cannot be shown>"
