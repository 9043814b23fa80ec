"""What doctor finds in given facts."""

from dataclasses import replace
from importlib import metadata

import pytest

from llm_composition_patterns.cli import _doctor
from llm_composition_patterns.cli._doctor import (
    Facts,
    ModelFacts,
    PhoenixFacts,
    TracingFacts,
    exit_code,
    findings,
    lines,
)
from llm_composition_patterns.console import LocalServer

FACTS = Facts(
    python="3.11.7",
    packages={"llm-composition-patterns": "0.1.0", "groq": "1.7.0"},
    env_file="/home/me/.env",
    keys={"GROQ_API_KEY": True},
    model=ModelFacts(name="groq:openai/gpt-oss-20b", reason="GROQ_API_KEY is set"),
    local_servers=[LocalServer(provider="ollama", url="http://here:1/v1", models=("a", "b:latest"))],
    phoenix=PhoenixFacts(installed="20.0", url="http://localhost:6006", status=200),
    tracing=TracingFacts(endpoint="http://localhost:6006", variable="PHOENIX_COLLECTOR_ENDPOINT"),
)


def report(facts):
    return ["".join(text for text, _ in line) for line in lines(findings(facts))]


def test_a_machine_that_has_everything():
    """Every topic has its rows, and there is nothing to mend."""
    assert report(FACTS) == [
        "Environment",
        "  ✓ Python                    3.11.7",
        "  ✓ llm-composition-patterns  0.1.0",
        "  ✓ groq                      1.7.0",
        "  ✓ .env                      /home/me/.env",
        "Keys",
        "  ✓ GROQ_API_KEY  set",
        "Model",
        "  ✓ groq:openai/gpt-oss-20b  GROQ_API_KEY is set",
        "Local servers",
        "  ✓ ollama  http://here:1/v1: a, b:latest",
        "Phoenix",
        "  ✓ server  arize-phoenix 20.0 is installed",
        "  ✓ traces  http://localhost:6006 answers (status 200)",
        "Tracing",
        "  ✓ --trace auto  http://localhost:6006 (PHOENIX_COLLECTOR_ENDPOINT)",
    ]
    assert exit_code(FACTS) == 0


NOTHING = Facts(
    python="3.11.7",
    packages={"groq": None},
    env_file=None,
    keys={"GROQ_API_KEY": False},
    model=ModelFacts(name="simulated:simulated/small", reason="no key is set"),
    local_servers=[
        LocalServer(provider="ollama", url="http://here:1/v1", problem="nothing listens there", hint="start it")
    ],
    phoenix=PhoenixFacts(installed=None, url="http://localhost:6006", problem="nothing listens there"),
    tracing=TracingFacts(),
)


def test_a_machine_that_has_nothing():
    """Every missing thing has a line that says how to mend it; the simulated model can run all the same."""
    assert report(NOTHING) == [
        "Environment",
        "  ✓ Python  3.11.7",
        "  ✗ groq    not installed",
        "      to mend: pip install groq",
        "  - .env    none found",
        "Keys",
        "  - GROQ_API_KEY  not set",
        "      to mend: export GROQ_API_KEY=..., or a line GROQ_API_KEY=... in .env",
        "Model",
        "  ✓ simulated:simulated/small  no key is set",
        "      to mend: for real answers set a key, or name a model with --model or LLM_MODEL",
        "Local servers",
        "  - ollama  http://here:1/v1: nothing listens there",
        "      to mend: start it",
        "Phoenix",
        "  - server  not installed",
        "      to mend: pip install arize-phoenix",
        "  - traces  http://localhost:6006: nothing listens there",
        "      to mend: llm-patterns phoenix",
        "Tracing",
        "  - --trace auto  off: the environment names no endpoint",
        "      to mend: --trace phoenix, or export PHOENIX_COLLECTOR_ENDPOINT=http://localhost:6006",
    ]
    assert exit_code(NOTHING) == 0


def test_a_model_that_cannot_be_called_is_a_broken_configuration():
    """The reason says how to mend it."""
    facts = replace(FACTS, model=ModelFacts(name="gpt", reason="LLM_MODEL says so", problem="give provider:model"))
    assert "  ✗ gpt  LLM_MODEL says so, but it cannot be called" in report(facts)
    assert "      to mend: give provider:model" in report(facts)
    assert exit_code(facts) == 2


@pytest.mark.parametrize("model", ["ollama:a", "ollama:b", "ollama:b:latest", "ollama:"])
def test_a_local_model_that_is_there_can_run(model):
    """By its name, with or without Ollama's `latest`, or as whatever the server has."""
    assert exit_code(replace(FACTS, model=ModelFacts(name=model, reason="LLM_MODEL says so"))) == 0


def test_a_local_model_that_is_not_there_cannot_run():
    """The configuration is sound, but nothing would succeed."""
    facts = replace(FACTS, model=ModelFacts(name="ollama:c", reason="LLM_MODEL says so"))
    assert "  ✗ ollama:c  LLM_MODEL says so, but the server there has no model 'c'" in report(facts)
    assert exit_code(facts) == 1


def test_a_local_server_without_address_says_why():
    """An address that is none has nothing to be shown."""
    facts = replace(FACTS, local_servers=[LocalServer(provider="ollama", url="", problem="OLLAMA_HOST is wrong")])
    assert "  - ollama  OLLAMA_HOST is wrong" in report(facts)


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    """Run from a checkout, not even this one has."""

    def not_there(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", not_there)
    monkeypatch.setattr(metadata, "requires", not_there)
    assert dict(_doctor._packages()) == {"llm-composition-patterns": None}


def test_optional_packages_are_not_needed():
    """Those that this one needs are listed, extras left out."""
    packages = dict(_doctor._packages())
    assert packages["groq"]
    assert "arize-phoenix" not in packages


def test_an_endpoint_that_cannot_work_is_a_broken_configuration():
    """Every command would end with it."""
    tracing = _doctor._tracing({"PHOENIX_COLLECTOR_ENDPOINT": "http://me:secret@h:4317"})
    facts = replace(FACTS, tracing=tracing)
    shown = "\n".join(report(facts))
    assert "  ✗ --trace auto  spans cannot be sent\n      to mend: PHOENIX_COLLECTOR_ENDPOINT=" in shown
    assert "use Phoenix's port 6006" in shown
    assert "secret" not in shown
    assert exit_code(facts) == 2


@pytest.mark.parametrize("endpoint", ["http://[::1", "http://me:secret@h", "http://h:99999"])
def test_an_endpoint_that_is_no_address_is_a_broken_configuration(endpoint):
    """Said in the report, and not by a traceback."""
    facts = _doctor._here({"PHOENIX_COLLECTOR_ENDPOINT": endpoint})
    assert facts.tracing.problem.startswith("PHOENIX_COLLECTOR_ENDPOINT")
    assert "secret" not in "\n".join(report(facts))
    assert exit_code(facts) == 2


@pytest.mark.parametrize(
    ("environ", "facts"),
    [
        ({}, TracingFacts()),
        ({"PHOENIX_COLLECTOR_ENDPOINT": "http://a", "OTEL_SDK_DISABLED": "true"}, TracingFacts()),
        ({"PHOENIX_COLLECTOR_ENDPOINT": " "}, TracingFacts()),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "PHOENIX_COLLECTOR_ENDPOINT": "http://b"},
            TracingFacts(endpoint="http://b", variable="PHOENIX_COLLECTOR_ENDPOINT"),
        ),
    ],
)
def test_the_environment_names_the_endpoint(environ, facts):
    """Phoenix's own variable first."""
    assert _doctor._tracing(environ) == facts
