"""What Arize Phoenix is reached and known by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PHOENIX_PORT: Final = 6006
PHOENIX_GRPC_PORT: Final = 4317
"""That of every collector for OTLP over gRPC, too."""

LOCAL_PHOENIX: Final = f"http://localhost:{PHOENIX_PORT}"
PHOENIX_VARIABLE: Final = "PHOENIX_COLLECTOR_ENDPOINT"
"""The environment variable that names one."""

PHOENIX_VERSION_HEADER: Final = "x-phoenix-server-version"
"""In whatever it answers."""

DEFAULT_PROJECT: Final = "llm-composition-patterns"
_PROJECTS: Final = ("PHOENIX_PROJECT", "PHOENIX_PROJECT_NAME")


def named_project(environ: Mapping[str, str]) -> str | None:
    """The project that the environment names, if it does."""
    return next(filter(None, map(environ.get, _PROJECTS)), None)
