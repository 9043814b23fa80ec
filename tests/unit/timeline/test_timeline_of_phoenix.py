"""Which trace of a Phoenix is read."""

from urllib.parse import parse_qs, urlsplit

from llm_composition_patterns.timeline import read_phoenix
from llm_composition_patterns.tracing import PhoenixServer

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Phoenix(PhoenixServer):
    """Has one span, of one trace, and finds it by the id that it keeps."""

    def get(self, path):
        """The spans that are asked for."""
        wanted = parse_qs(urlsplit(path).query)["trace_id"]
        span = {
            "name": "root",
            "context": {"trace_id": TRACE, "span_id": "a" * 16},
            "start_time": "2026-01-01T00:00:00+00:00",
            "end_time": "2026-01-01T00:00:01+00:00",
            "status_code": "OK",
            "span_kind": "CHAIN",
            "attributes": {},
        }
        return {"data": [span] if wanted == [TRACE] else []}


def test_a_trace_is_found_however_its_id_is_written():
    """Phoenix keeps ids in small letters."""
    (span,) = read_phoenix(Phoenix(url="http://h"), "p", TRACE.upper())
    assert (span.trace_id, span.end - span.start) == (TRACE, 10**9)
