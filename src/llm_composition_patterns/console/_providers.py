"""What commands ask the models' layer: which providers there are, which model to take, and whether it can be called."""

from __future__ import annotations

from collections.abc import Mapping

from .. import llm
from ..errors import AuthenticationFailed, ConfigurationError


def default_model(environ: Mapping[str, str]) -> llm.ModelChoice:
    """Give the model of a command without `--model`, and why it is that one."""
    return llm.choose_model(environ)


def why_not(name: str, environ: Mapping[str, str]) -> str:
    """Say why `provider:model` cannot be called, and how to mend that; empty when nothing known speaks against it."""
    try:
        llm.resolve(name, base_url=None, api_key=None, environ=environ)
    except (ConfigurationError, AuthenticationFailed) as error:
        return str(error)
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
