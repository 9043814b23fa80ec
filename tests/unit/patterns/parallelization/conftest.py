"""What tests of the fan-out share: the clock, who still runs, and a recorder of spans."""

import asyncio

import pytest
from openinference.instrumentation import TraceConfig
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llm_composition_patterns import tracing


@pytest.fixture
def now():
    """The loop's clock."""
    return lambda: asyncio.get_running_loop().time()


@pytest.fixture
def still_running():
    """The tasks that run beside the test's own."""
    return lambda: asyncio.all_tasks() - {asyncio.current_task()}


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


@pytest.fixture
def recorder():
    """Spans are written, and kept here."""
    return Recorder()


@pytest.fixture
def masking_recorder():
    """Spans are written with inputs and outputs hidden, and kept here."""
    return Recorder(hide_inputs=True, hide_outputs=True)
