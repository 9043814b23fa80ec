"""Unit tests run in virtual time and open no sockets."""

from collections.abc import Callable

import hypothesis
import pytest
from openinference.instrumentation import TraceConfig
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llm_composition_patterns import tracing
from llm_composition_patterns.virtual_time import VirtualTimeLoop

hypothesis.settings.register_profile("shared machine", deadline=None)
hypothesis.settings.load_profile("shared machine")


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable[[], VirtualTimeLoop]]:
    """Every async test below gets a loop whose clock jumps."""
    return {"virtual": VirtualTimeLoop}


@pytest.fixture
def exported() -> InMemorySpanExporter:
    """Spans of this package are collected here."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.install(tracing.Spans(provider.get_tracer("test"), TraceConfig()))
    return exporter
