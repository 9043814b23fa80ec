"""What integration tests share: a receiver of spans, a real Phoenix, and a browser to look at it with."""

import gzip
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

import llm_composition_patterns

SOURCES = Path(llm_composition_patterns.__file__).parents[1]
OF_THIS_MACHINE = ("GROQ_", "OPENAI_", "OPENROUTER_", "OLLAMA_", "LLM_", "PHOENIX_", "OTEL_", "OPENINFERENCE_")
PHOENIX_MAY_TAKE = 120.0
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def clean_environ() -> dict[str, str]:
    """The environment for a process that runs this package: its sources, and no setting of this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OF_THIS_MACHINE)}
    return {**kept, "PYTHONPATH": str(SOURCES), "PHOENIX_DISCOVER_CONFIG": "false"}


@dataclass
class Receiver:
    """A collector of spans on loopback, which answers as a test says.

    Attributes:
        requests: The requests so far: headers and spans.
        answer: Gives the status, the headers and the body for the request of that number, from 1.
    """

    answer: Callable[[int], tuple[int, dict[str, str], bytes]] = lambda _: (200, {}, b"")
    delay: float = 0.0
    url: str = ""
    requests: list[tuple[dict[str, str], ExportTraceServiceRequest]] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        """Every span that came, in order."""
        return [
            span
            for _, request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [span.name for span in self.spans]


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            headers = {name.lower(): value for name, value in self.headers.items()} | {"path": self.path}
            receiver.requests.append((headers, ExportTraceServiceRequest.FromString(body)))
            status, headers, content = receiver.answer(len(receiver.requests))
            time.sleep(receiver.delay)
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def _receiving(receiver: Receiver) -> Iterator[Receiver]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver)) as server:
        server.daemon_threads = True
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A collector that takes everything at once, unless the test says otherwise."""
    with _receiving(Receiver()) as receiving:
        yield receiving


@pytest.fixture
def partial_success() -> bytes:
    """The body with which a collector says that it rejected 3 spans."""
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = 3
    return response.SerializeToString()


@pytest.fixture
def black_hole() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def nobody() -> str:
    """An address where nothing listens."""
    return f"http://127.0.0.1:{free_port()}"


@dataclass(frozen=True)
class Phoenix:
    """A real Phoenix.

    Attributes:
        url: Its address.
    """

    url: str

    def spans(self, trace_id: str, project: str, *, at_least: int, within: float = 30.0) -> list[dict[str, Any]]:
        """The spans of a trace in a project, once there are that many."""
        return self._spans(project, lambda span: span["context"]["trace_id"] == trace_id, at_least, within)

    def spans_of_project(self, project: str, *, at_least: int, within: float = 30.0) -> list[dict[str, Any]]:
        """All spans of a project, once there are that many."""
        return self._spans(project, lambda _: True, at_least, within)

    def _spans(
        self, project: str, wanted: Callable[[dict[str, Any]], bool], at_least: int, within: float
    ) -> list[dict[str, Any]]:
        until = time.monotonic() + within
        while True:
            everything = self._get(f"/v1/projects/{project}/spans?limit=1000")
            found = list(filter(wanted, everything))
            if len(found) >= at_least:
                return found
            if time.monotonic() > until:
                pytest.fail(f"Phoenix has {len(found)} of {at_least} spans: {[span['name'] for span in found]}")
            time.sleep(0.1)

    def _get(self, path: str) -> list[dict[str, Any]]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as response:  # noqa: S310 - it is http
                found: list[dict[str, Any]] = json.load(response)["data"]
                return found
        except urllib.error.HTTPError as error:
            if error.code == 404:  # the project comes with its first span
                return []
            raise


@pytest.fixture(scope="session")
def phoenix(tmp_path_factory: pytest.TempPathFactory, clean_environ: dict[str, str]) -> Iterator[Phoenix]:
    """A real Phoenix with an empty database, started once by `llm-patterns phoenix`; needs the `phoenix` marker."""
    directory = tmp_path_factory.mktemp("phoenix")
    program = "from llm_composition_patterns.cli import main; main()"
    command = [sys.executable, "-c", program, "phoenix", "--port", str(free_port()), "--working-dir", str(directory)]
    environ = clean_environ | {"PHOENIX_GRPC_PORT": str(free_port())}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        watchdog = threading.Timer(PHOENIX_MAY_TAKE, process.terminate)
        watchdog.start()
        url = process.stdout.readline().strip() if process.stdout else ""
        watchdog.cancel()
        if not url:
            pytest.fail(f"Phoenix did not start: {(directory / 'phoenix.log').read_text()}")
        yield Phoenix(url)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


@pytest.fixture
def open_trace() -> Callable[..., AbstractContextManager[Any]]:
    """Opens a trace in headless Chromium, and gives the page once it shows each text or pattern; needs `browser`.

    `with open_trace(url, "translate_product_5", "chat", picture=path) as page:` also takes a picture for people. While
    the page is open, no other event loop can run on this thread.
    """
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium on the PATH: apt-get install chromium")
    return partial(_open_page, chromium)


@contextmanager
def _open_page(chromium: str, url: str, *texts: str | re.Pattern[str], picture: Path | None = None) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - slow to import

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(CHROMIUM_FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 810}, device_scale_factor=1.5, color_scheme="light")
        page.goto(url)
        for text in texts:
            page.get_by_text(text).first.wait_for(timeout=30_000)
        if picture is not None:
            # The trace alone, without the menu and the list that it lies over.
            page.get_by_role("dialog").screenshot(path=picture, animations="disabled")
        yield page
        browser.close()
