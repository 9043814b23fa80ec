"""Reading the spans of one trace from a Phoenix, over its REST API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from ..errors import ConfigurationError
from ..tracing import names
from ._finished_span import KEPT, SPAN_KIND, FinishedSpan

if TYPE_CHECKING:
    import requests

PAGE = 1000
TIMEOUT = 60.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def read_phoenix(
    url: str, project: str, trace_id: str | None = None, *, headers: Mapping[str, str] | None = None
) -> list[FinishedSpan]:
    """Read a trace: of `trace_id`, else the one of the project that started last.

    Args:
        url: The address of the Phoenix.
        project: The project's name or id.
        trace_id: 32 hexadecimal digits.
        headers: What to send along, such as a key.

    Raises:
        ConfigurationError: There is no Phoenix, no such project or no such trace, or the key is missing.
    """
    import requests  # noqa: PLC0415 - only where a Phoenix is asked

    with requests.Session() as session:
        session.headers.update(headers or {})
        session.trust_env = urlsplit(url).hostname not in _LOCAL
        reader = _Reader(session, url, project)
        wanted = trace_id or reader.latest()
        spans = [_span(span) for span in reader.spans(trace_id=wanted)]
    if not spans:
        raise ConfigurationError(f"project {project!r} at {url} has no trace {wanted}: look at {url}/projects")
    return spans


class _Reader:
    """Asks one project of one Phoenix for spans."""

    def __init__(self, session: requests.Session, url: str, project: str) -> None:
        self._session, self._url, self._project = session, url, project

    def latest(self) -> str:
        """Find the trace that started last; branches that are traces of their own are none."""
        roots = self.spans(parent_id="null", sort="start_time", order="desc")
        first = None
        for root in roots:
            first = first or root
            if names.START_OFFSET_SECONDS not in root["attributes"]:
                return str(root["context"]["trace_id"])
        if first is None:
            raise ConfigurationError(f"project {self._project!r} at {self._url} has no spans: name one by --project")
        return str(first["context"]["trace_id"])

    def spans(self, **wanted: str) -> Iterator[Mapping[str, Any]]:
        """Give the spans that are wanted, page by page."""
        cursor: str | None = None
        while True:
            page = self._page({**wanted, "limit": str(PAGE), **({"cursor": cursor} if cursor else {})})
            yield from page["data"]
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def _page(self, query: Mapping[str, str]) -> Any:
        import requests  # noqa: PLC0415 - as above

        address = f"{self._url}/v1/projects/{quote(self._project, safe='')}/spans"
        try:
            response = self._session.get(address, params=query, timeout=TIMEOUT)
            if response.status_code == HTTPStatus.OK:
                return response.json()
        except requests.exceptions.JSONDecodeError as error:
            raise ConfigurationError(f"what answers at {self._url} is no Phoenix") from error
        except requests.exceptions.RequestException as error:
            raise ConfigurationError(f"no Phoenix answers at {self._url}: start one by llm-patterns phoenix") from error
        raise ConfigurationError(self._refusal(response.status_code))

    def _refusal(self, status: int) -> str:
        if status == HTTPStatus.NOT_FOUND:
            return f"there is no project {self._project!r} at {self._url}: name one by --project"
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return f"{self._url} wants a key: set PHOENIX_API_KEY"
        return f"{self._url} answered with status {status}: look into its log"


def _span(span: Mapping[str, Any]) -> FinishedSpan:
    attributes = {key: value for key, value in span["attributes"].items() if key in KEPT}
    return FinishedSpan(
        name=span["name"],
        trace_id=span["context"]["trace_id"],
        span_id=span["context"]["span_id"],
        parent_id=span.get("parent_id"),
        start=_nanoseconds(span["start_time"]),
        end=_nanoseconds(span["end_time"]),
        error=(span.get("status_message") or "error") if span["status_code"] == "ERROR" else "",
        attributes={**attributes, SPAN_KIND: span["span_kind"]},
    )


def _nanoseconds(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1) * 1000
