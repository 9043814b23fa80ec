"""Sending spans over HTTP, as OTLP: the SDK's exporter encodes and posts, and knows the variables for it.

The decision to try again is not left to it: it would hold the exit of the process up for seconds, log what it does,
and take a redirection for an answer. Its session below turns everything but acceptance into an error that it gives up
on at once, and remembers what happened.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException
from typing import Any

import requests
from google.protobuf import json_format  # type: ignore[import-untyped]  # its stubs are a package apart
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # its stubs are a package apart
from opentelemetry.exporter.otlp.proto.http import trace_exporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import ReadableSpan

from ._batches import THREAD, Delivered, Delivery, Refused, Unavailable, Unwritable
from ._phoenix import PHOENIX_VERSION_HEADER

_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_KEY_NEEDED = frozenset({401, 403})
_NO_COLLECTOR = "what answers there is no collector of spans"
_WRITTEN_BADLY = Unwritable("they could not be written")


class OtlpExporter:
    """Posts spans to one address.

    Attributes:
        phoenix: Whether a Phoenix has answered there.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str]) -> None:
        self._endpoint, self._headers = endpoint, headers
        self.phoenix = False
        logging.getLogger(trace_exporter.__name__).addFilter(_not_of_our_thread)
        self._connect()

    def _connect(self) -> None:
        self._session = _Session()
        self._exporter = trace_exporter.OTLPSpanExporter(self._endpoint, headers=self._headers, session=self._session)

    def export(self, spans: Sequence[ReadableSpan], /) -> Delivery:
        """Post spans once."""
        self._session.delivery = _WRITTEN_BADLY
        with suppress(_NotAcceptedError):  # an older SDK lets it through
            self._exporter.export(spans)
        self.phoenix = self.phoenix or self._session.phoenix
        return self._session.delivery

    def after_fork(self) -> None:
        """Leave the parent's connection to the parent."""
        self._connect()

    def close(self) -> None:
        """Close the connection."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class _NotAcceptedError(Exception):
    """The spans were not accepted; why is in the session's `delivery`."""


class _Session(requests.Session):
    """Posts, remembers what became of it, and raises where the spans were not accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.delivery: Delivery = _WRITTEN_BADLY
        self.phoenix = False

    def request(self, *args: Any, **how: Any) -> requests.Response:
        try:
            response = super().request(*args, **{**how, "allow_redirects": False})
        except requests.RequestException as error:
            self.delivery = _without_answer(error)
            raise _NotAcceptedError from None
        self.phoenix = PHOENIX_VERSION_HEADER in response.headers
        self.delivery = _answered(response)
        if not isinstance(self.delivery, Delivered):
            raise _NotAcceptedError
        return response


def _without_answer(error: requests.RequestException) -> Delivery:
    # Only the kind of error is told: its text may hold headers or credentials.
    if isinstance(error, requests.exceptions.SSLError):
        return Refused("no secure connection could be made (OTEL_EXPORTER_OTLP_CERTIFICATE names a CA)")
    if isinstance(error, requests.ReadTimeout):
        return Unavailable("nobody answers in time")
    if isinstance(error, requests.ConnectionError) and _is_garbage(error):
        return Refused(_NO_COLLECTOR)
    if isinstance(error, requests.ConnectionError | requests.Timeout):
        return Unavailable("nothing answers there (`llm-patterns phoenix` starts a Phoenix)", unreachable=True)
    return Refused(f"nothing can be sent there ({type(error).__name__})")


def _is_garbage(error: requests.ConnectionError) -> bool:
    """Whether something answered, and not in HTTP."""
    causes = [cause for part in error.args for cause in (part, *getattr(part, "args", ()))]
    # A connection that was closed without an answer is both.
    return any(isinstance(cause, HTTPException) and not isinstance(cause, ConnectionError) for cause in causes)


def _answered(response: requests.Response) -> Delivery:
    status = response.status_code
    if HTTPStatus(200) <= status < HTTPStatus(300):
        rejected = _rejected(response)
        return Refused(f"{_NO_COLLECTOR} (status {status})") if rejected is None else Delivered(rejected)
    hint = "; check PHOENIX_API_KEY or OTEL_EXPORTER_OTLP_HEADERS" if status in _KEY_NEEDED else ""
    reason = f"the answer was status {status}{hint}"
    return Unavailable(reason, retry_after=_retry_after(response)) if status in _LATER else Refused(reason)


def _rejected(response: requests.Response) -> int | None:
    """How many spans a collector did not want; None where what answered is none."""
    answer = ExportTraceServiceResponse()
    try:
        if response.content.lstrip().startswith(b"{"):  # some collectors answer in JSON, whatever they were sent
            json_format.Parse(response.content, answer, ignore_unknown_fields=True)
        else:
            answer.ParseFromString(response.content)
    except (DecodeError, json_format.ParseError):
        return None
    return int(answer.partial_success.rejected_spans)


def _retry_after(response: requests.Response) -> float:
    try:
        return max(0.0, float(response.headers.get("retry-after", 0)))
    except ValueError:
        return 0.0


def _not_of_our_thread(record: logging.LogRecord) -> bool:
    """What the exporter logs on our thread is counted and told once, at the end."""
    return record.threadName != THREAD
