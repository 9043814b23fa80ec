"""Where spans go: what `to`, `endpoint` and the environment say together, as one value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote, urlsplit, urlunsplit

from ..errors import ConfigurationError
from ._phoenix import LOCAL_PHOENIX, PHOENIX_GRPC_PORT, PHOENIX_PORT, PHOENIX_VARIABLE

TRACES_PATH = "/v1/traces"
AUTO, PHOENIX = "auto", "phoenix"
OFF: Final = "off"
CONSOLE: Final = "console"
FILE: Final = "file"
OTLP: Final = "otlp"

_OTEL_TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_OTEL_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_OTEL_HEADERS = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")
_PHOENIX_HEADERS = "PHOENIX_CLIENT_HEADERS"
_PHOENIX_KEY = "PHOENIX_API_KEY"
_KNOWN: Final = '"phoenix", "console", "file:PATH", "off" or "auto"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where spans go.

    Attributes:
        kind: How they go there.
        path: The file, for `file`.
        endpoint: The address that spans are posted to, for `otlp`.
        phoenix: Whether that is known to be a Phoenix.
        headers: What to send along; never shown.
    """

    kind: Literal["off", "console", "file", "otlp"]
    path: str = ""
    endpoint: str = ""
    phoenix: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def shown(self) -> str:
        """The target as a person may read it."""
        return self.endpoint or self.path or self.kind


def resolve(to: str, endpoint: str | None, environ: Mapping[str, str]) -> Target:
    """Decide where spans go.

    Raises:
        ConfigurationError: `to`, the endpoint or a variable cannot work.
        TypeError: `to` or the endpoint is no text.
    """
    if not isinstance(to, str):
        raise TypeError(f"setup_tracing(to={to!r}): say {_KNOWN}")
    if not (endpoint is None or isinstance(endpoint, str)):
        raise TypeError(f"setup_tracing(endpoint={endpoint!r}): give an address such as {LOCAL_PHOENIX!r}")
    target = _resolve(to, endpoint, environ)
    return Target(kind=OFF) if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" else target


def _resolve(to: str, endpoint: str | None, environ: Mapping[str, str]) -> Target:
    if to in {AUTO, PHOENIX}:
        return _server(to, endpoint, environ)
    if endpoint is not None:
        raise ConfigurationError(f'endpoint= names a server, which to={to!r} does not use: pass to="phoenix"')
    kind, _, path = to.partition(":")
    if kind == FILE and path:
        return Target(kind=FILE, path=_expanded(path))
    if to == OFF:
        return Target(kind=OFF)
    if to == CONSOLE:
        return Target(kind=CONSOLE)
    raise ConfigurationError(
        f"traces cannot go to {_without_credentials(to)!r}: say {_KNOWN}; name a server by {PHOENIX_VARIABLE}"
    )


def _expanded(path: str) -> str:
    if not path.startswith("~"):
        return path
    try:
        return str(Path(path).expanduser())
    except RuntimeError as error:
        raise ConfigurationError(
            f"traces cannot go to file:{path}: there is no such home; write the whole path"
        ) from error


def endpoint_variable(environ: Mapping[str, str]) -> str | None:
    """Name the variable that says where spans go under `auto`; None where they go nowhere.

    Raises:
        ConfigurationError: What the environment says cannot work.
    """
    return _named(environ)[0] if resolve(AUTO, None, environ).kind == OTLP else None


def phoenix_server(url: str | None, environ: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    """The address of a Phoenix, without a path of its API, and the headers that it wants; those are never shown.

    Args:
        url: Its address; None for the one that the environment names, else the one of this machine.
        environ: Where its address and key are looked for.

    Raises:
        ConfigurationError: The address or a variable cannot work.
    """
    target = _server(PHOENIX, url, environ)
    return target.endpoint.removesuffix(TRACES_PATH), target.headers


def _server(to: str, endpoint: str | None, environ: Mapping[str, str]) -> Target:
    source, address = ("endpoint", endpoint) if endpoint is not None else _named(environ)
    if address is None:
        if to == AUTO:
            return Target(kind=OFF)
        address = LOCAL_PHOENIX
    phoenix = to == PHOENIX or source == PHOENIX_VARIABLE
    return Target(
        kind=OTLP, endpoint=_address(address, source), phoenix=phoenix, headers=_headers(environ, phoenix=phoenix)
    )


def _named(environ: Mapping[str, str]) -> tuple[str, str | None]:
    """The first endpoint that the environment names, the most particular variable first."""
    for variable in (PHOENIX_VARIABLE, _OTEL_TRACES_ENDPOINT, _OTEL_ENDPOINT):
        if value := environ.get(variable, "").strip():
            return variable, value
    return "", None


def _address(address: str, source: str) -> str:
    shown = f"{source}={_without_credentials(address)!r}"
    try:
        parts = urlsplit(address.strip())
        port, host = parts.port, parts.hostname or ""
    except ValueError:  # half an IPv6 address, or a port that is none
        parts, port, host = urlsplit(""), None, ""
    if parts.scheme not in {"http", "https"} or not host or port == 0 or re.search(r"\s", host):
        raise ConfigurationError(f"{shown} is no address of a server: write it as {LOCAL_PHOENIX}")
    if port == PHOENIX_GRPC_PORT:
        raise ConfigurationError(
            f"{shown} is a gRPC port and spans are sent over HTTP: use Phoenix's port {PHOENIX_PORT}, or a collector's "
            "4318"
        )
    if "@" in parts.netloc:
        raise ConfigurationError(
            f"{source} holds more than an address: leave out user and password; a key is set as {_PHOENIX_KEY}, "
            f"everything else in {_OTEL_HEADERS[0]}"
        )
    path = parts.path.rstrip("/")
    # The variable for traces alone holds the whole address, by its specification.
    if not path.endswith(TRACES_PATH) and not (path and source == _OTEL_TRACES_ENDPOINT):
        path += TRACES_PATH
    return urlunsplit(parts._replace(path=path))


def _headers(environ: Mapping[str, str], *, phoenix: bool) -> dict[str, str]:
    """The headers that the exporter does not read itself; those that it does are only checked."""
    for variable in _OTEL_HEADERS:
        _parsed(variable, environ)
    if not phoenix:
        return {}
    key = environ.get(_PHOENIX_KEY, "").strip()
    return {**({"authorization": f"Bearer {key}"} if key else {}), **_parsed(_PHOENIX_HEADERS, environ)}


_NAME = re.compile(r"[!#$%&'*+.^_`|~\w-]+", re.ASCII)
_VALUE = re.compile(r'[^"\\;\x00-\x1f\x7f-\U0010ffff]*')


def _parsed(variable: str, environ: Mapping[str, str]) -> dict[str, str]:
    headers = {}
    for number, part in enumerate(filter(str.strip, environ.get(variable, "").split(",")), start=1):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        # Never quote what is wrong: it may be a key.
        if not equals or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ConfigurationError(
                f"{variable}: header {number} is not written as name=value, with value URL-encoded"
            )
        headers[name.lower()] = unquote(value)
    return headers


def _without_credentials(address: str) -> str:
    return re.sub(r"//.*@", "//", address, flags=re.DOTALL)
