"""Where the automatic limit begins."""

import resource

import pytest

from llm_composition_patterns.llm._addresses import resolve
from llm_composition_patterns.llm._start import CLOUD, LOCAL, UNKNOWN, start_of
from llm_composition_patterns.simulation import Capacity, Scenario


@pytest.mark.parametrize(
    ("name", "base_url", "start"),
    [
        ("groq:m", None, CLOUD),
        ("openai:m", None, CLOUD),
        ("openrouter:m", None, CLOUD),
        ("groq:m", "http://127.0.0.1:8080", LOCAL),
        ("ollama:m", None, LOCAL),
        ("vllm:m", None, LOCAL),
        ("vllm:m", "http://localhost:9000/v1", LOCAL),
        ("openai:m", "http://[::1]:9000/v1", LOCAL),
        ("ollama:m", "http://gpu.example:11434", UNKNOWN),
        ("openai:m", "https://models.example/v1", UNKNOWN),
        ("simulated:", None, UNKNOWN),
    ],
)
def test_the_kind_of_endpoint_says_where_to_begin(name, base_url, start):
    """Few calls for what runs on this machine, many for a known cloud."""
    key = None if name.startswith("simulated") else "key"
    assert start_of(resolve(name, base_url=base_url, api_key=key, environ={}))[:2] == start[:2]


@pytest.mark.parametrize(("allowed", "most"), [(1024, 896), (64, 32), (resource.RLIM_INFINITY, 4096), (10**6, 4096)])
def test_no_more_calls_than_connections_that_may_be_opened(allowed, most, monkeypatch):
    """A process has only so many files; whoever wants fewer calls gets fewer."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (allowed, allowed))
    start = start_of(resolve("groq:m", base_url=None, api_key="key", environ={}))
    assert (start.most, start.cap(None), start.cap(5), start.cap(10**6)) == (most, most, 5, most)


def test_a_simulated_provider_needs_no_connections():
    """Only the user's own cap counts."""
    start = start_of(resolve("simulated:", base_url=None, api_key=None, environ={}))
    assert (start.cap(None), start.cap(5)) == (None, 5)


def test_a_scenario_with_slots_is_local():
    """It plays a server on this machine."""
    address = resolve("simulated:", base_url=None, api_key=None, environ={})
    assert start_of(address, Scenario(capacity=Capacity(slots=4))) == LOCAL
    assert start_of(address, Scenario(capacity=Capacity(knee=64))) == UNKNOWN
