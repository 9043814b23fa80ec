"""A recorder of spans, for the tests of the fan-out."""

from openinference.instrumentation import TraceConfig
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from llm_composition_patterns import tracing


class Recorder:
    """Finished spans, in memory."""

    def __init__(self, **masking):
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self.provider.get_tracer("test")
        tracing.install(tracing.Spans(self.tracer, TraceConfig(**masking)))

    def spans(self, name=None):
        """Finished spans, those called `name` if one is given, in the order in which they ended."""
        return [span for span in self._exporter.get_finished_spans() if name in {None, span.name}]

    def one(self, name):
        """The only finished span called `name`."""
        (span,) = self.spans(name)
        return span

    def below(self, parent):
        """The finished spans right under `parent`, in the order in which they started."""
        found = [span for span in self.spans() if span.parent and span.parent.span_id == parent.context.span_id]
        return sorted(found, key=lambda span: span.start_time)


def exceptions(span):
    return [event.attributes["exception.type"] for event in span.events if event.name == "exception"]


def is_error(span):
    return span.status.status_code is StatusCode.ERROR
