"""Which model a command calls, said before it is called."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Mapping

from ..simulation import SIMULATED_PREFIX
from ._local_servers import find_local_servers
from ._providers import default_model
from ._terminal import say

SIMULATED = (
    "SIMULATED: no model is called, and every text below is made up by rule. For real answers set a key such as "
    "GROQ_API_KEY, or name a model with --model"
)


def chosen_model(arguments: argparse.Namespace, *, environ: Mapping[str, str] | None = None) -> str:
    """Find the model that a command is to call, as `provider:model`, and say on stderr which it is and why.

    `--model` decides; without it the environment does. `--model auto` first looks for servers on this machine, and
    says which one it found before anything is sent there. It runs a loop of its own, so call it outside of one.

    Args:
        arguments: With a `model`, as `add_common_flags` gives it.
        environ: The environment; the process's own by default.
    """
    name, reason = _choice(arguments.model, os.environ if environ is None else environ)
    say(f"model: {name} ({reason})")
    if is_simulated(name):
        say(SIMULATED)
    return name


def is_simulated(name: str) -> bool:
    """Say whether the answers of `provider:model` are made up: by our own provider, or by our server elsewhere."""
    provider, _, model = name.partition(":")
    return provider == "simulated" or model.startswith(SIMULATED_PREFIX)


def _choice(given: str | None, environ: Mapping[str, str]) -> tuple[str, str]:
    if given and given != "auto":
        return given, "--model says so"
    found = _found_here(environ) if given else None
    if found is not None:
        return found
    choice = default_model(environ)
    return choice.name, f"no local server has a model; {choice.reason}" if given else choice.reason


def _found_here(environ: Mapping[str, str]) -> tuple[str, str] | None:
    for server in asyncio.run(find_local_servers(environ)):
        if server.chat_model is not None:
            return server.chat_model, f"found at {server.url}"
    return None
