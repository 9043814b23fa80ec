"""The providers, one row each. A new OpenAI-compatible provider is one row here and one row in the contract tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ..simulation import SIMULATED_MODEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An endpoint that `connect` knows by name.

    Attributes:
        name: The part of `provider:model` before the colon.
        sdk: What talks to it.
        base_url: Where it is; empty where it runs in this process.
        base_url_variable: The environment variable that moves it.
        key_variable: The environment variable that holds its key; None where it needs none.
        default_model: The model when none is named; empty for the first that the server lists.
        local: It runs on the user's own machines, so calls cost nothing.
        limit_setting: What the wire calls `max_tokens`.
        prices: Its name in genai-prices; None where there is nothing to look up.
        hint: What to try when it cannot be reached.
    """

    name: str
    sdk: Literal["groq", "openai", "simulated"] = "openai"
    base_url: str = ""
    base_url_variable: str | None = None
    key_variable: str | None = None
    default_model: str = ""
    local: bool = False
    limit_setting: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    prices: str | None = None
    hint: str = "Check the address and the network."


_ROWS: Final = (
    Provider(
        name="groq",
        sdk="groq",
        base_url="https://api.groq.com",
        base_url_variable="GROQ_BASE_URL",
        key_variable="GROQ_API_KEY",
        default_model="openai/gpt-oss-20b",
        limit_setting="max_completion_tokens",
        prices="groq",
    ),
    Provider(
        name="openrouter",
        base_url="https://openrouter.ai/api/v1",
        key_variable="OPENROUTER_API_KEY",
        default_model="openai/gpt-oss-20b",
        prices="openrouter",
    ),
    Provider(
        name="openai",
        base_url="https://api.openai.com/v1",
        base_url_variable="OPENAI_BASE_URL",
        key_variable="OPENAI_API_KEY",
        default_model="gpt-6-luna",
        limit_setting="max_completion_tokens",
        prices="openai",
    ),
    Provider(
        name="ollama",
        base_url="http://127.0.0.1:11434/v1",
        base_url_variable="OLLAMA_HOST",
        local=True,
        hint="Start it with `ollama serve`, or set OLLAMA_HOST.",
    ),
    Provider(name="vllm", base_url="http://127.0.0.1:8000/v1", local=True, hint="Start it with `vllm serve MODEL`."),
    Provider(
        name="lmstudio",
        base_url="http://127.0.0.1:1234/v1",
        local=True,
        hint="Start its server with `lms server start`.",
    ),
    Provider(
        name="llamacpp",
        base_url="http://127.0.0.1:8080/v1",
        local=True,
        hint="Start it with `llama-server -m MODEL.gguf`.",
    ),
    Provider(name="simulated", sdk="simulated", default_model=SIMULATED_MODEL),
)

PROVIDERS: Final = {row.name: row for row in _ROWS}
"""Every provider by its name."""

SUCCESSORS: Final = {
    "llama-3.1-8b-instant": "openai/gpt-oss-20b",
    "llama-3.3-70b-versatile": "openai/gpt-oss-120b",
}
"""Retired models, and what their provider names in their place."""
