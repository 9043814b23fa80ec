"""A models' layer of two local providers and two with keys, so that these tests know every row."""

from types import SimpleNamespace

import pytest

from llm_composition_patterns import llm
from llm_composition_patterns.errors import ConfigurationError

ROWS = {
    "groq": SimpleNamespace(name="groq", key_variable="GROQ_API_KEY", local=False, hint=""),
    "openai": SimpleNamespace(name="openai", key_variable="OPENAI_API_KEY", local=False, hint=""),
    "ollama": SimpleNamespace(name="ollama", key_variable=None, local=True, hint="start Ollama"),
    "vllm": SimpleNamespace(name="vllm", key_variable=None, local=True, hint="start vLLM"),
}


def choose_model(environ):
    name = environ.get("LLM_MODEL")
    if name:
        return SimpleNamespace(name=name, reason="LLM_MODEL says so")
    return SimpleNamespace(name="simulated:simulated/small", reason="no key is set")


def resolve(name, *, base_url, api_key, environ):
    provider, colon, model = name.partition(":")
    if not colon or environ.get(f"{provider.upper()}_BROKEN"):
        raise ConfigurationError(f"{name} cannot be; mend it")
    base_url = environ.get(f"{provider.upper()}_URL", f"http://{provider}.test/v1")
    return SimpleNamespace(base_url=base_url, name=f"{provider}:{model or 'default'}")


@pytest.fixture(autouse=True)
def known_providers(monkeypatch):
    """The rows above, whatever the real ones are."""
    monkeypatch.setattr(llm, "PROVIDERS", ROWS, raising=False)
    monkeypatch.setattr(llm, "choose_model", choose_model, raising=False)
    monkeypatch.setattr(llm, "resolve", resolve, raising=False)
