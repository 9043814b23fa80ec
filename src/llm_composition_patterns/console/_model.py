"""Which model a command calls, said before it is called."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Mapping

from ..simulation import SIMULATED_PREFIX
from ._local_servers import find_local_servers
from ._providers import AUTO, default_model, full_name, local_or_default, wants_local
from ._terminal import say

SIMULATED = (
    "SIMULATED: no model is called, and every text below is made up by rule. For real answers set a key such as "
    "GROQ_API_KEY, or name a model with --model"
)


def chosen_model(arguments: argparse.Namespace, *, environ: Mapping[str, str] | None = None) -> str:
    """Find the model that a command is to call, as `provider:model`, and say on stderr which it is and why.

    `--model` decides; without it the environment does. `auto`, there or in `LLM_MODEL`, first looks for servers on this
    machine, and says which one it found before anything is sent there. It runs a loop of its own, so call it outside of
    one.

    Args:
        arguments: With a `model`, as `add_common_flags` gives it.
        environ: The environment; the process's own by default.
    """
    environ = os.environ if environ is None else environ
    name, reason = _choice(arguments.model, environ)
    name = full_name(name, environ)
    say(f"model: {name} ({reason})")
    if is_simulated(name):
        say(SIMULATED)
    return name


def is_simulated(name: str) -> bool:
    """Say whether the answers of `provider:model` are made up: by our own provider, or by our server elsewhere."""
    provider, _, model = name.partition(":")
    return provider == "simulated" or model.startswith(SIMULATED_PREFIX)


def _choice(given: str | None, environ: Mapping[str, str]) -> tuple[str, str]:
    if given and given != AUTO:
        return given, "--model says so"
    if given or wants_local(environ):
        choice = local_or_default(environ, asyncio.run(find_local_servers(environ)))
    else:
        choice = default_model(environ)
    return choice.name, choice.reason
