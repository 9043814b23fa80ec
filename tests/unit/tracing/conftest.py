"""What the tests of tracing share."""

import concurrent.futures.thread  # noqa: F401 - before any provider is made, or a fork hangs: see _provider.py
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.util._once import Once

from llm_composition_patterns.tracing import _setup


@pytest.fixture(autouse=True)
def no_global_provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test starts in a process that has no tracer provider, and leaves no tracing behind."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(_setup, "_global", None)
    yield
    if _setup._current is not None:
        _setup._current.shutdown(timeout=0.0)
