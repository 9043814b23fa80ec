"""Which model to use when nobody says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..simulation import SIMULATED_MODEL
from ._providers import PROVIDERS


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """A model and why it was chosen.

    Attributes:
        name: As `provider:model`.
        reason: Half a sentence to show: `GROQ_API_KEY is set`.
    """

    name: str
    reason: str


def choose_model(environ: Mapping[str, str]) -> ModelChoice:
    """Choose a model by `LLM_MODEL`, else by the first key that is set, else the simulated one.

    Nothing is probed: text is never sent to a server that was merely found.
    """
    if named := environ.get("LLM_MODEL", "").strip():
        return ModelChoice(name=named, reason="LLM_MODEL says so")
    for row in PROVIDERS.values():
        if row.key_variable and environ.get(row.key_variable, "").strip():
            return ModelChoice(name=f"{row.name}:{row.default_model}", reason=f"{row.key_variable} is set")
    keys = ", ".join(row.key_variable for row in PROVIDERS.values() if row.key_variable)
    return ModelChoice(name=f"simulated:{SIMULATED_MODEL}", reason=f"neither LLM_MODEL nor a key ({keys}) is set")
