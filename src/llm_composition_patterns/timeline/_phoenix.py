"""Reading the spans of one trace from a Phoenix, over its REST API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from ..errors import ConfigurationError
from ..tracing import PhoenixError, PhoenixServer, names
from ._finished_span import KEPT, SPAN_KIND, FinishedSpan
from ._one_trace import one_trace

PAGE = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_phoenix(server: PhoenixServer, project: str, trace_id: str | None = None) -> list[FinishedSpan]:
    """Read a trace: of `trace_id`, else the one of the project that started last.

    Args:
        server: The Phoenix.
        project: The project's name or id.
        trace_id: 32 hexadecimal digits.

    Raises:
        ConfigurationError: There is no Phoenix, no such project or no such trace, or the key is missing.
    """
    reader = _Reader(server, project)
    wanted = trace_id.lower() if trace_id else reader.latest()
    found = list(reader.spans(trace_id=wanted))
    if not found:
        raise ConfigurationError(
            f"project {project!r} at {server.url} has no trace {wanted}: look at {server.url}/projects"
        )
    if any(names.BRANCHES_RECORDED in span["attributes"] for span in found):
        found = list(reader.spans(**_while_it_ran(found)))  # there are branches that are traces of their own
    return one_trace(map(_span, found), wanted)


class _Reader:
    """Asks one project of one Phoenix for spans."""

    def __init__(self, server: PhoenixServer, project: str) -> None:
        self._server, self._project = server, project

    def latest(self) -> str:
        """Find the trace that started last; branches that are traces of their own are none."""
        roots = self.spans(parent_id="null", sort="start_time", order="desc")
        first = None
        for root in roots:
            first = first or root
            if names.START_OFFSET_SECONDS not in root["attributes"]:
                return str(root["context"]["trace_id"])
        if first is None:
            raise ConfigurationError(
                f"project {self._project!r} at {self._server.url} has no spans: name one by --project"
            )
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
        try:
            return self._server.get(f"/v1/projects/{quote(self._project, safe='')}/spans?{urlencode(query)}")
        except PhoenixError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            raise ConfigurationError(
                f"there is no project {self._project!r} at {self._server.url}: name one by --project"
            ) from error


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
        links=(span["attributes"][names.FAN_OUT_SPAN_ID],) if names.FAN_OUT_SPAN_ID in span["attributes"] else (),
    )


def _while_it_ran(spans: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Ask for all spans that started in the time of these, its end included."""
    ends = max(datetime.fromisoformat(span["end_time"]) for span in spans)
    starts = min(datetime.fromisoformat(span["start_time"]) for span in spans)
    return {"start_time": starts.isoformat(), "end_time": (ends + timedelta(microseconds=1)).isoformat()}


def _nanoseconds(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1) * 1000
