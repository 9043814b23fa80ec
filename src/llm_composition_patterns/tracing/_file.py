"""Writing spans to a file: one OTLP request as JSON a line, as the OTLP file format has it.

A line is appended whole. One that a full disk or a killed process left half written is closed before the next, so
every other line can be read and replayed into a collector. Nothing is ever cut off: the file may be another process's
too.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]  # as in _otlp.py
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan

from ..errors import ConfigurationError
from ._batches import Delivered, Delivery, Unavailable

IDS = ("traceId", "spanId", "parentSpanId")


class FileExporter:
    """Appends spans to a file."""

    def __init__(self, path: str) -> None:
        self._half_a_line = False
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            if (size := os.fstat(self._file).st_size) and os.pread(self._file, 1, size - 1) != b"\n":
                os.write(self._file, b"\n")
        except OSError as error:
            raise ConfigurationError(f"traces cannot be written to {path}: {error.strerror}") from error

    def export(self, spans: Sequence[ReadableSpan], /) -> Delivery:
        """Write one line."""
        line = json.dumps(_request(spans), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        try:
            self._append(line)
        except OSError as error:
            return Unavailable(f"it cannot be written: {error.strerror}", unreachable=True)
        return Delivered()

    def _append(self, line: bytes) -> None:
        left = b"\n" + line if self._half_a_line else line
        while left:
            written = os.write(self._file, left)
            left = left[written:]
            self._half_a_line = bool(left)

    def after_fork(self) -> None:
        """Go on with the same file: each line is appended whole."""

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _request(spans: Sequence[ReadableSpan]) -> dict[str, Any]:
    """The request that an exporter would post, as JSON: ids in hexadecimal, unlike the rest of protobuf's bytes."""
    request: dict[str, Any] = MessageToDict(encode_spans(spans), use_integers_for_enums=True)
    for resource in request["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for record in (span, *span.get("links", ())):
                    for key in IDS:
                        if key in record:
                            record[key] = base64.b64decode(record[key]).hex()
    return request
