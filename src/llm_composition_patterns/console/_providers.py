"""What commands ask the models' layer: which providers there are, which model to take, and whether it can be called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .. import llm
from ..errors import AuthenticationFailed, ConfigurationError

if TYPE_CHECKING:
    from ._local_servers import LocalServer

AUTO = "auto"
_VARIABLE = "LLM_MODEL"

_ONLY_IN_CODE = {
    ", or pass api_key": "",
    "; a key is passed as api_key": "",
    "Raise the budget, or lower max_tokens": "Raise --budget",
    ": say it by connect(..., price=Price(input=..., output=...)), US dollars per million tokens, or give "
    "Budget(tokens=...)": ": take another model, or leave out --budget",
    "give it more time, or less to do": "give it more time with --timeout, or less to do",
    "Pass another api_key to connect": "For a server that wants a key, take openai:MODEL with OPENAI_BASE_URL and "
    "OPENAI_API_KEY",
}
"""Repairs that messages name and a command line has no place for, each with what it has instead."""


def wants_local(environ: Mapping[str, str]) -> bool:
    """Say whether the environment wants a local server's model, as `--model auto` does."""
    return environ.get(_VARIABLE, "").strip() == AUTO


def default_model(environ: Mapping[str, str], servers: Sequence[LocalServer] = ()) -> llm.ModelChoice:
    """Give the model of a command without `--model`, and why it is that one.

    Args:
        environ: The environment.
        servers: Those found on this machine; looked at only where the environment wants a local one.
    """
    return local_or_default(environ, servers) if wants_local(environ) else llm.choose_model(environ)


def local_or_default(environ: Mapping[str, str], servers: Sequence[LocalServer]) -> llm.ModelChoice:
    """Give the first model of `servers` that is likely to chat, else what the environment says without them."""
    for server in servers:
        if server.chat_model is not None:
            return llm.ModelChoice(name=server.chat_model, reason=f"found at {server.url}")
    choice = llm.choose_model({**environ, _VARIABLE: ""} if wants_local(environ) else environ)
    return llm.ModelChoice(name=choice.name, reason=f"no local server has a model; {choice.reason}")


def full_name(name: str, environ: Mapping[str, str]) -> str:
    """Give `provider:` back with the model that is called then; as it is where only the server knows which.

    What cannot be called at all comes back as it is too: `connect` says why.
    """
    if name.partition(":")[2].strip():
        return name
    try:
        return llm.resolve(name, base_url=None, api_key=None, environ=environ).name
    except (ConfigurationError, AuthenticationFailed):
        return name


def on_command_line(message: str) -> str:
    """Give a message of the models' layer back without repairs that are only possible in code."""
    for repair, instead in _ONLY_IN_CODE.items():
        message = message.replace(repair, instead)
    return message


def why_not(name: str, environ: Mapping[str, str]) -> str:
    """Say why `provider:model` cannot be called, and how to mend that; empty when nothing known speaks against it."""
    try:
        llm.resolve(name, base_url=None, api_key=None, environ=environ)
    except (ConfigurationError, AuthenticationFailed) as error:
        return on_command_line(str(error))
    return ""


def key_variables() -> list[str]:
    """Name the environment variables that hold keys."""
    return [row.key_variable for row in llm.PROVIDERS.values() if row.key_variable]


def local_providers() -> list[tuple[str, str]]:
    """Name the providers that run on the user's own machine, each with what to try when it does not answer."""
    return [(row.name, row.hint) for row in llm.PROVIDERS.values() if row.local]


def base_url(provider: str, environ: Mapping[str, str]) -> str:
    """Give the address of a local provider.

    Raises:
        ConfigurationError: The environment names one that is none.
    """
    return str(llm.resolve(f"{provider}:", base_url=None, api_key=None, environ=environ).base_url)
