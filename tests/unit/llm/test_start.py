"""Where the automatic limit begins."""

import pytest

from llm_composition_patterns.llm._addresses import resolve
from llm_composition_patterns.llm._start import CLOUD, LOCAL, UNKNOWN, start_of


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
    assert start_of(resolve(name, base_url=base_url, api_key=key, environ={})) == start
