"""What is said of a Phoenix that refuses, or does not answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from llm_composition_patterns.tracing import PhoenixError, PhoenixServer, phoenix_server


@contextmanager
def answering(status: int, body: bytes) -> Iterator[PhoenixServer]:
    """A server that answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield PhoenixServer(url=f"http://127.0.0.1:{server.server_address[1]}", headers={"authorization": "k3y"})
        finally:
            server.shutdown()
            thread.join()


def test_an_error_of_graphql_is_an_error():
    """It comes with status 200."""
    with (
        answering(200, b'{"data": null, "errors": [{"message": "input cost is required"}]}') as server,
        pytest.raises(PhoenixError, match=r"Phoenix at http://127.0.0.1:\d+ refuses: input cost is required"),
    ):
        server.query("mutation { x }")


@pytest.mark.parametrize(
    ("status", "why"), [(401, "set PHOENIX_API_KEY"), (403, "set PHOENIX_API_KEY"), (404, "no such span")]
)
def test_a_refusal_says_why_and_shows_no_key(status, why):
    """Its status is kept for who can do something about it."""
    with answering(status, b"no such\n span") as server, pytest.raises(PhoenixError, match=why) as raised:
        server.post("/v1/span_annotations", {})
    assert raised.value.status == status
    assert "k3y" not in f"{raised.value} {server!r}"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"null", b'{"status": "ok"}', b'{"data": null}'])
def test_what_is_no_phoenix_is_said_with_the_repair(body):
    """A page where JSON was expected, and JSON that says something else."""
    with answering(200, body) as server, pytest.raises(PhoenixError, match="llm-patterns phoenix"):
        server.query("{ x }")


def test_the_server_is_the_one_that_tracing_means():
    """Its variable, its key, and this machine's without either."""
    named = phoenix_server(None, {"PHOENIX_COLLECTOR_ENDPOINT": "http://p:1/v1/traces", "PHOENIX_API_KEY": "k"})
    assert (named.url, named.headers) == ("http://p:1", {"authorization": "Bearer k"})
    assert phoenix_server(None, {}).url == "http://localhost:6006"
