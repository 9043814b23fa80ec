"""`llm-patterns phoenix` with a stand-in for the server, which takes no quarter of a minute to start."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from argparse import ArgumentParser, Namespace
from contextlib import closing
from pathlib import Path

import pytest

from llm_composition_patterns.cli import _phoenix, main

STAND_IN = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        if sys.argv[2] == "phoenix":
            self.send_header("x-phoenix-server-version", "20.0")
        self.send_header("content-length", "0")
        self.end_headers()
        if self.path == "/end":
            os._exit(7)
print(json.dumps({name: value for name, value in os.environ.items() if name.startswith("PHOENIX_")}), flush=True)
if sys.argv[2] == "broken":
    sys.exit("no such database")
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch):
    """Makes the command start something else than a Phoenix, and watches what it starts."""
    started = []
    monkeypatch.setattr(_phoenix, "_check_installed", lambda: None)
    monkeypatch.setattr(_phoenix, "tell_prices", lambda *_: None)

    def serve(kind: str) -> list:
        def command(host: str, port: int, grpc_port: int) -> list[str]:
            started.append((host, port, grpc_port))
            return [sys.executable, "-c", STAND_IN, str(port), kind]

        monkeypatch.setattr(_phoenix, "_command", command)
        return started

    return serve


def arguments(port: int, directory: Path, *more: str) -> Namespace:
    parser = ArgumentParser()
    _phoenix.configure(parser)
    return parser.parse_args(["--port", str(port), "--working-dir", str(directory), *more])


def when_ready(port: int, then) -> threading.Thread:
    """Call `then` on a thread as soon as the stand-in answers."""

    def watch() -> None:
        until = time.monotonic() + 20
        while _phoenix._running("127.0.0.1", port) is None and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.5)  # until the command has noticed too
        then()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_runs_until_it_is_stopped(stand_in, port, tmp_path, capsys, number, code):
    """The address comes on stdout when it is ready; a signal ends command and server."""
    stand_in("phoenix")
    thread = when_ready(port, lambda: os.kill(os.getpid(), number))
    assert _phoenix.run(arguments(port, tmp_path)) == code
    thread.join()
    out, err = capsys.readouterr()
    assert out == f"http://127.0.0.1:{port}\n"
    assert str(tmp_path) in err
    assert f"PHOENIX_COLLECTOR_ENDPOINT=http://127.0.0.1:{port}" in err
    assert "on every interface" in err
    assert _phoenix._running("127.0.0.1", port) is None


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_the_moment_of_its_start_leaves_nothing_running(
    stand_in, port, tmp_path, monkeypatch, number, code
):
    """The process has begun, and the command has hardly noticed."""
    stand_in("phoenix")
    started = []

    class Signalled(subprocess.Popen):
        def __init__(self, *args, **settings):
            super().__init__(*args, **settings)
            started.append(self)
            os.kill(os.getpid(), number)

    monkeypatch.setattr(subprocess, "Popen", Signalled)
    try:
        assert _phoenix.run(arguments(port, tmp_path)) == code
        assert started[0].poll() is not None
    finally:
        started[0].kill()
        started[0].wait()


def test_a_second_signal_ends_it_at_once(stand_in, port, tmp_path, monkeypatch):
    """Also a server that takes its time to stop."""
    monkeypatch.setattr(
        sys.modules[__name__], "STAND_IN", "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + STAND_IN
    )
    stand_in("phoenix")

    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    thread = when_ready(port, twice)
    began = time.monotonic()
    assert _phoenix.run(arguments(port, tmp_path)) == 130
    assert time.monotonic() - began < _phoenix.STOPPING_MAY_TAKE
    thread.join()
    assert _phoenix._running("127.0.0.1", port) is None


def test_it_can_be_left_running_and_is_found_there(stand_in, port, tmp_path, capsys):
    """`--background` comes back when it is ready and says how to stop it; a second call starts nothing."""
    started = stand_in("phoenix")
    assert _phoenix.run(arguments(port, tmp_path, "--background")) == 0
    out, err = capsys.readouterr()
    pid = int(err.rsplit("kill ", 1)[1])
    try:
        assert out == f"http://127.0.0.1:{port}\n"
        assert _phoenix.run(arguments(port, tmp_path)) == 0
        assert capsys.readouterr() == (out, "Phoenix 20.0 is already running\n")
        assert len(started) == 1
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_what_is_not_needed_is_off_unless_the_environment_says_otherwise(stand_in, port, tmp_path, monkeypatch):
    """Telemetry and the like are switched off; the user's own words win; traces are kept where it says."""
    monkeypatch.setenv("PHOENIX_ENABLE_MCP_SERVER", "true")
    stand_in("phoenix")
    thread = when_ready(port, lambda: os.kill(os.getpid(), signal.SIGINT))
    _phoenix.run(arguments(port, tmp_path))
    thread.join()
    said = (tmp_path / "phoenix.log").read_text()
    for setting in ("PHOENIX_TELEMETRY_ENABLED", "PHOENIX_ALLOW_EXTERNAL_RESOURCES"):
        assert f'"{setting}": "false"' in said
    assert '"PHOENIX_DISABLE_AGENT_ASSISTANT": "true"' in said
    assert '"PHOENIX_ENABLE_MCP_SERVER": "true"' in said
    assert f'"PHOENIX_WORKING_DIR": "{tmp_path}"' in said


def test_a_server_that_does_not_start_is_told_with_its_last_words(stand_in, port, tmp_path, capsys):
    """The end of its log says why."""
    stand_in("broken")
    assert _phoenix.run(arguments(port, tmp_path)) == 1
    assert "no such database" in capsys.readouterr().err


def test_a_server_that_takes_too_long_is_stopped(stand_in, port, tmp_path, monkeypatch, capsys):
    """Nobody waits for ever, and nothing is left running."""
    monkeypatch.setattr(_phoenix, "STARTING_MAY_TAKE", 0.5)
    stand_in("something else")
    assert _phoenix.run(arguments(port, tmp_path)) == 1
    assert "did not start" in capsys.readouterr().err
    assert _phoenix._problem_of_binding("127.0.0.1", port) is None


def test_a_server_that_ends_by_itself_is_a_failure(stand_in, port, tmp_path, capsys):
    """Whoever watches it is told."""
    stand_in("phoenix")

    def end() -> None:
        with closing(socket.create_connection(("127.0.0.1", port))) as connection:
            connection.sendall(b"GET /end HTTP/1.0\r\n\r\n")

    thread = when_ready(port, end)
    assert _phoenix.run(arguments(port, tmp_path)) == 1
    thread.join()
    assert "ended by itself (code 7)" in capsys.readouterr().err


def test_a_server_that_will_not_stop_is_killed(stand_in, port, tmp_path, monkeypatch):
    """Twice asked, then ended."""
    monkeypatch.setattr(_phoenix, "STOPPING_MAY_TAKE", 0.2)
    monkeypatch.setattr(
        sys.modules[__name__], "STAND_IN", "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + STAND_IN
    )
    stand_in("phoenix")
    thread = when_ready(port, lambda: os.kill(os.getpid(), signal.SIGINT))
    assert _phoenix.run(arguments(port, tmp_path)) == 130
    thread.join()
    assert _phoenix._running("127.0.0.1", port) is None


def test_a_port_of_something_else_is_a_mistake(port, capsys):
    """One line that says what to do, and exit code 2."""
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        threading.Thread(target=lambda: other.accept()[0].close()).start()  # noqa: PLW0108 - accepts later
        assert main(["phoenix", "--port", str(port)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"cannot listen on 127.0.0.1 port {port}" in line
    assert "choose another --port" in line


def test_the_grpc_port_is_the_usual_one_or_a_free_one(monkeypatch, port):
    """A taken 4317 does not keep Phoenix from starting."""
    monkeypatch.setattr(_phoenix, "PHOENIX_GRPC_PORT", port)
    assert _phoenix._grpc_port({}) == port
    with closing(socket.socket()) as other:
        other.bind(("", port))
        other.listen()
        assert _phoenix._grpc_port({}) != port
    assert _phoenix._grpc_port({"PHOENIX_GRPC_PORT": "4444"}) == 4444
