"""Doctor against real ports: some answer, some never do."""

import json
import socket
import threading
import time
from argparse import Namespace
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

from llm_composition_patterns import llm
from llm_composition_patterns.cli import _doctor
from llm_composition_patterns.console import Reply, probe_address

SECRET = "gsk_this_must_never_be_shown"  # noqa: S105  # it is none


class Models(BaseHTTPRequestHandler):
    """A server with one model."""

    def do_GET(self):
        """Answer as a model server does, or as a broken one."""
        body = b'{"data": [{"id": "qwen3:8b"}]}' if self.path.endswith("/models") else b"hello"
        self.send_response(503 if self.path.startswith("/broken") else 200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server():
    """The address of a server with one model."""
    with HTTPServer(("127.0.0.1", 0), Models) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


@contextmanager
def a_port(*, accepting):
    """A port that takes connections and never answers, or that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        if accepting:
            sock.listen()
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
def configured(monkeypatch, tmp_path):
    """Set where the local server is, and which model is the default."""
    rows = {
        "groq": SimpleNamespace(name="groq", key_variable="GROQ_API_KEY", local=False, hint=""),
        "ollama": SimpleNamespace(name="ollama", key_variable=None, local=True, hint="start it"),
    }
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GROQ_API_KEY", SECRET)

    def configure(url, model="simulated:x"):
        monkeypatch.setattr(llm, "PROVIDERS", rows, raising=False)
        choice, address = SimpleNamespace(name=model, reason="because"), SimpleNamespace(base_url=f"{url}/v1")
        monkeypatch.setattr(llm, "choose_model", lambda _environ: choice, raising=False)
        monkeypatch.setattr(llm, "resolve", lambda _name, **_settings: address, raising=False)

    return configure


def test_what_answers_is_reported(server, configured, capsys, monkeypatch):
    """As a table, with the models of the server and without any part of a key."""
    configured(server, "ollama:qwen3:8b")
    monkeypatch.setenv("PHOENIX_COLLECTOR_ENDPOINT", server)
    assert _doctor.run(Namespace(json=False)) == 0
    out = capsys.readouterr().out
    assert f"✓ ollama  {server}/v1: qwen3:8b" in out
    assert f"✓ traces  {server} answers (status 200)" in out
    assert "✓ GROQ_API_KEY  set" in out
    assert SECRET[:5] not in out


def test_a_local_model_is_the_default_where_the_environment_wants_one(server, configured, capsys, monkeypatch):
    """`LLM_MODEL=auto` is what `--model auto` is, for doctor too."""
    configured(server)
    monkeypatch.setenv("LLM_MODEL", "auto")
    assert _doctor.run(Namespace(json=True)) == 0
    assert json.loads(capsys.readouterr().out)["model"] == {
        "name": "ollama:qwen3:8b",
        "reason": f"found at {server}/v1",
        "problem": "",
    }


def test_the_same_as_one_json_object(server, configured, capsys, monkeypatch):
    """For scripts; an endpoint that only says that it is unwell counts as not reachable."""
    configured(server)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{server}/broken?token={SECRET}")
    assert _doctor.run(Namespace(json=True)) == 0
    out = capsys.readouterr().out
    report = json.loads(out)
    assert report["ok"] is True
    assert report["keys"] == {"GROQ_API_KEY": True}
    assert report["local_servers"][0]["models"] == ["qwen3:8b"]
    assert report["phoenix"]["problem"] == "it answers with status 503"
    assert report["tracing"] == {
        "endpoint": f"{server}/broken",
        "variable": "OTEL_EXPORTER_OTLP_ENDPOINT",
        "problem": "",
    }
    assert SECRET[:5] not in out


@pytest.mark.parametrize(("accepting", "problem"), [(True, "no answer within 1 s"), (False, "nothing listens there")])
@pytest.mark.alone
def test_silence_takes_less_than_3_seconds(accepting, problem, configured, capsys, monkeypatch):
    """Nothing there, or ports that accept and never answer: doctor says so in time."""
    with a_port(accepting=accepting) as url:
        configured(url, "ollama:qwen3:8b")
        monkeypatch.setenv("PHOENIX_COLLECTOR_ENDPOINT", url)
        before = time.monotonic()
        assert _doctor.run(Namespace(json=True)) == 1
        assert time.monotonic() - before < 3
    report = json.loads(capsys.readouterr().out)
    assert report["local_servers"][0]["problem"] == problem
    assert report["phoenix"]["problem"] == problem


async def test_an_endless_answer_is_cut(server):
    """Whoever listens there cannot fill the memory."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def pour():
            connection, _ = listening.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                for _ in range(40):
                    try:
                        connection.sendall(b"x" * 100_000)
                    except OSError:
                        return

        thread = threading.Thread(target=pour)
        thread.start()
        reply = await probe_address(f"http://127.0.0.1:{listening.getsockname()[1]}")
        thread.join()
    assert reply.status == 200
    assert 1_000_000 <= len(reply.body) < 2_000_000


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("no address at all", "what answers there is no web server"),
        ("http://[::1", "what answers there is no web server"),
        ("http://127.0.0.1:99999", "what answers there is no web server"),
    ],
)
async def test_an_address_that_is_none_is_a_problem(url, problem):
    """It ends in words, like everything else."""
    assert await probe_address(url) == Reply(problem=problem)
