"""Which model is called, and what is said about it."""

from argparse import Namespace
from types import SimpleNamespace

import pytest

from llm_composition_patterns.console import (
    SIMULATED,
    LocalServer,
    _model,
    chosen_model,
    default_model,
    is_simulated,
    key_variables,
    why_not,
)


def serving(monkeypatch, *servers):
    async def found(environ):
        return servers

    monkeypatch.setattr(_model, "find_local_servers", found)


def test_the_flag_decides(capsys):
    """Whatever the environment says."""
    environ = {"LLM_MODEL": "openai:other"}
    assert chosen_model(Namespace(model="groq:openai/gpt-oss-20b"), environ=environ) == "groq:openai/gpt-oss-20b"
    assert capsys.readouterr().err == "model: groq:openai/gpt-oss-20b (--model says so)\n"


def test_without_the_flag_the_environment_decides(capsys):
    """And the reason is said."""
    assert chosen_model(Namespace(model=None), environ={"LLM_MODEL": "openai:x"}) == "openai:x"
    assert capsys.readouterr().err == "model: openai:x (LLM_MODEL says so)\n"


def test_a_simulated_model_is_said_to_be_one(capsys):
    """Nobody should take made-up text for a translation."""
    assert chosen_model(Namespace(model=None), environ={}) == "simulated:simulated/small"
    assert capsys.readouterr().err.splitlines() == ["model: simulated:simulated/small (no key is set)", SIMULATED]


def test_auto_takes_a_local_server_and_names_it(monkeypatch, capsys):
    """Text goes to no server that was not named first; models that cannot chat are passed over."""
    serving(
        monkeypatch,
        LocalServer(provider="ollama", url="http://here:1/v1", models=("nomic-embed-text",)),
        LocalServer(provider="vllm", url="http://here:2/v1", models=("bge-reranker", "qwen3:8b")),
    )
    assert chosen_model(Namespace(model="auto"), environ={"LLM_MODEL": "openai:x"}) == "vllm:qwen3:8b"
    assert capsys.readouterr().err == "model: vllm:qwen3:8b (found at http://here:2/v1)\n"


def test_auto_without_a_local_server_is_as_no_flag(monkeypatch, capsys):
    """The environment decides then."""
    serving(monkeypatch, LocalServer(provider="ollama", url="http://here", problem="nothing listens there"))
    assert chosen_model(Namespace(model="auto"), environ={"LLM_MODEL": "openai:x"}) == "openai:x"
    assert capsys.readouterr().err == "model: openai:x (no local server has a model; LLM_MODEL says so)\n"


def test_auto_may_be_said_by_the_environment(monkeypatch, capsys):
    """As by the flag; without a local server it names nothing, and a key or none decides."""
    serving(monkeypatch, LocalServer(provider="vllm", url="http://here/v1", models=("qwen3:8b",)))
    assert chosen_model(Namespace(model=None), environ={"LLM_MODEL": " auto "}) == "vllm:qwen3:8b"
    assert capsys.readouterr().err == "model: vllm:qwen3:8b (found at http://here/v1)\n"
    serving(monkeypatch)
    assert chosen_model(Namespace(model=None), environ={"LLM_MODEL": "auto"}) == "simulated:simulated/small"
    assert "(no local server has a model; no key is set)" in capsys.readouterr().err
    assert chosen_model(Namespace(model="groq:x"), environ={"LLM_MODEL": "auto"}) == "groq:x"


def test_a_model_that_is_not_named_is_called_by_its_name(capsys):
    """What cannot be called, or is known by its server alone, stays as it was given."""
    assert chosen_model(Namespace(model="groq:"), environ={}) == "groq:default"
    assert capsys.readouterr().err == "model: groq:default (--model says so)\n"
    assert chosen_model(Namespace(model="groq:"), environ={"GROQ_BROKEN": "1"}) == "groq:"


def test_without_environ_it_is_the_process_s_own(monkeypatch):
    """Commands pass nothing."""
    monkeypatch.setenv("LLM_MODEL", "openai:from-here")
    assert chosen_model(Namespace(model=None)) == "openai:from-here"


@pytest.mark.parametrize(
    ("name", "simulated"),
    [("simulated:any", True), ("openai:simulated/small", True), ("openai:gpt", False), ("groq:gpt-simulated/x", False)],
)
def test_simulated_models_are_known_by_name(name, simulated):
    """Our own, and those of our own server."""
    assert is_simulated(name) is simulated


def test_the_models_layer_is_asked():
    """For the default, for the keys' variables, and for what speaks against a model."""
    assert default_model({}) == SimpleNamespace(name="simulated:simulated/small", reason="no key is set")
    assert key_variables() == ["GROQ_API_KEY", "OPENAI_API_KEY"]
    assert why_not("groq:x", {}) == ""
    assert why_not("groq", {}) == "groq cannot be; mend it"
