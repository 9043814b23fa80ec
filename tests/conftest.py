"""What every test has: no network beyond loopback, no blocking call on the event loop, no tracing left behind."""

import os
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster

from llm_composition_patterns import tracing


@pytest.fixture(autouse=True)
def no_blocking_calls() -> Iterator[None]:
    """A blocking call of this package on the event loop fails the test."""
    blockbuster = BlockBuster(scanned_modules=["llm_composition_patterns"])
    blockbuster.activate()
    yield
    blockbuster.deactivate()


@pytest.fixture(autouse=True)
def nobody_listens() -> Iterator[None]:
    """Spans of one test are not seen by the next."""
    yield
    tracing.install(None)


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys, endpoints and tracing settings of whoever runs the tests do not reach them."""
    prefixes = ("GROQ_", "OPENAI_", "OPENROUTER_", "OLLAMA_", "LLM_", "PHOENIX_", "OTEL_", "OPENINFERENCE_")
    for name in list(os.environ):
        if name.startswith(prefixes):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PHOENIX_DISCOVER_CONFIG", "false")
