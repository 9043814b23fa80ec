"""What every test has: no network beyond loopback, no blocking call on the event loop, no tracing left behind."""

import concurrent.futures.thread  # noqa: F401 - before any provider is made, or a fork hangs: see tracing/_provider.py
import importlib
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from blockbuster import BlockBuster
from opentelemetry import trace
from opentelemetry.util._once import Once
from xdist.scheduler import LoadScopeScheduling

from llm_composition_patterns import tracing
from llm_composition_patterns.tracing import _setup

if "PYTEST_XDIST_WORKER" in os.environ:
    # A process that runs a part of the tests was started without a file, as a notebook's is.
    sys.modules["__main__"] = importlib.import_module("pytest.__main__")


class OnePhoenix(LoadScopeScheduling):
    """Tests run side by side, those that are named after Phoenix in one process, so that one server is started."""

    def _split_scope(self, nodeid: str) -> str:
        return "phoenix" if "phoenix" in nodeid else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    return OnePhoenix(config, log)


@pytest.fixture(autouse=True)
def no_blocking_calls() -> Iterator[None]:
    """A blocking call of this package on the event loop fails the test."""
    blockbuster = BlockBuster(scanned_modules=["llm_composition_patterns"])
    # Coverage takes a lock of its own whenever a thread comes to a file for the first time, in whose frame it runs.
    blockbuster.functions["threading.Lock.acquire"].can_block_in("coverage/collector.py", {"lock_data"})
    blockbuster.activate()
    yield
    blockbuster.deactivate()


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test starts in a process without a tracer provider, and its spans are not seen by the next."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(_setup, "_global", None)
    yield
    if _setup._current is not None:
        _setup._current.shutdown(timeout=0.0)
    tracing.install(None)


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys, endpoints and tracing settings of whoever runs the tests do not reach them."""
    prefixes = ("GROQ_", "OPENAI_", "OPENROUTER_", "OLLAMA_", "LLM_", "PHOENIX_", "OTEL_", "OPENINFERENCE_")
    for name in list(os.environ):
        if name.startswith(prefixes):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PHOENIX_DISCOVER_CONFIG", "false")


@dataclass(frozen=True)
class Readme:
    """What the README of a pattern's example says of it.

    Attributes:
        argv: The arguments of its command.
        tree: The trace that the command makes offline: names and the trees below them; of a call only `chat`.
    """

    argv: list[str]
    tree: list[tuple[str, list]]


PATTERNS = Path(__file__).parents[1] / "src" / "llm_composition_patterns" / "patterns"


@pytest.fixture
def readme_of() -> Callable[[str], Readme]:
    """Reads the README of a pattern's example."""

    def read(pattern: str) -> Readme:
        text = (PATTERNS / pattern / "README.md").read_text(encoding="utf-8")
        command = re.search(r"^python -m \S+\.example (.*)$", text, re.MULTILINE)
        drawn = re.search(r"^## The trace\n\n```\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        assert command is not None
        assert drawn is not None
        return Readme(shlex.split(command[1]), _tree(drawn[1].splitlines()))

    return read


def _tree(lines: list[str]) -> list[tuple[str, list]]:
    levels: list[list] = [[]]
    for line in lines:
        shown = re.match(r"([│├└─ ]*)(\S+(?: \S+)*)  ", line)
        assert shown is not None, line
        depth = len(shown[1]) // 4
        branch = ("chat" if shown[2].startswith("chat ") else shown[2], [])
        levels[depth].append(branch)
        levels[depth + 1 :] = [branch[1]]
    return levels[0]
