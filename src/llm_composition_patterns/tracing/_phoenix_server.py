"""A Phoenix that is asked for more than to take spans, by its REST and its GraphQL interface.

Its own client is not used here: with the server installed beside it, importing that takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from ._target import PHOENIX, TRACES_PATH, Target, server

_MAY_TAKE: Final = 60.0
_MOST_SHOWN: Final = 300
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_MEND: Final = "start one with `llm-patterns phoenix`, or correct PHOENIX_COLLECTOR_ENDPOINT"


class PhoenixError(ConfigurationError):
    """A Phoenix cannot be reached, or refuses what it is asked.

    Attributes:
        status: The HTTP status of its answer; None where none came.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoenixServer:
    """A Phoenix. Its methods wait on the calling thread.

    Attributes:
        url: Its address, without a path.
        headers: What to send along; never shown.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def query(self, text: str, **variables: Any) -> dict[str, Any]:
        """Ask a question of GraphQL, or have something changed by it; its data.

        Raises:
            PhoenixError: It cannot be reached, or refuses.
        """
        answer = self.post("/graphql", {"query": text, "variables": variables})
        if errors := answer.get("errors"):
            raise PhoenixError(f"Phoenix at {self.url} refuses: {_shown(errors[0].get('message'))}")
        return self._object(answer.get("data"))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Post JSON; the JSON that comes back.

        Raises:
            PhoenixError: It cannot be reached, or refuses.
        """
        return self._ask("POST", path, body)

    def get(self, path: str) -> dict[str, Any]:
        """The JSON that is there.

        Raises:
            PhoenixError: It cannot be reached, or refuses.
        """
        return self._ask("GET", path, None)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        import requests  # noqa: PLC0415 - costs 0.1 s

        with requests.Session() as session:
            session.trust_env = urlsplit(self.url).hostname not in _HERE  # no proxy stands before this machine
            try:
                response = session.request(
                    method, self.url + path, json=body, headers=dict(self.headers), timeout=_MAY_TAKE
                )
                if response.ok:
                    return self._object(response.json())
            except requests.exceptions.JSONDecodeError as error:
                raise self._is_none() from error
            except requests.RequestException as error:
                raise PhoenixError(f"no Phoenix answers at {self.url} ({type(error).__name__}): {_MEND}") from error
        status = response.status_code
        raise PhoenixError(
            f"Phoenix at {self.url} answers with status {status}: {_why(status, response.text)}", status=status
        )

    def _object(self, said: Any) -> dict[str, Any]:
        if not isinstance(said, dict):
            raise self._is_none()
        return said

    def _is_none(self) -> PhoenixError:
        return PhoenixError(f"what answers at {self.url} is no Phoenix: {_MEND}")


def phoenix_server(url: str | None, environ: Mapping[str, str]) -> PhoenixServer:
    """The Phoenix at `url`, else the one that the environment names, else the one of this machine.

    Raises:
        ConfigurationError: The address is none.
    """
    return server_of(server(PHOENIX, url, environ))


def server_of(target: Target) -> PhoenixServer:
    """The Phoenix that spans go to."""
    return PhoenixServer(url=target.endpoint.removesuffix(TRACES_PATH), headers=target.headers)


def _why(status: int, text: str) -> str:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return "set PHOENIX_API_KEY to a key that may do that there"
    return _shown(text)


def _shown(text: object) -> str:
    return " ".join(str(text).split())[:_MOST_SHOWN] or "without a word"
