"""`llm-patterns phoenix`: start a local Phoenix, in a process of its own, to see traces in, and tell it prices.

Phoenix is an extra of some 165 packages and takes a quarter of a minute to start. It is never imported here.
"""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Final

from ..console import FAILED, OK, handling, model_name, port, say, say_in_place
from ..errors import ConfigurationError
from ..tracing import PHOENIX_GRPC_PORT, PHOENIX_PORT, PHOENIX_VARIABLE, PHOENIX_VERSION_HEADER, phoenix_server
from ._prices import ModelPrice, prices_of, tell_prices

READY_PATH: Final = "/readyz"
NOT_NEEDED: Final[Mapping[str, str]] = {
    "PHOENIX_TELEMETRY_ENABLED": "false",
    "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
    "PHOENIX_ENABLE_MCP_SERVER": "false",
    "PHOENIX_DISABLE_AGENT_ASSISTANT": "true",
}
"""What Phoenix offers beside showing traces, switched off unless the environment says otherwise."""

STARTING_MAY_TAKE = 180.0
STOPPING_MAY_TAKE = 8.0
_ANSWERING_MAY_TAKE: Final = 2.0
_BETWEEN_LOOKS: Final = 0.25
_LAST_LINES: Final = 8


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("--port", type=port, default=PHOENIX_PORT, help="the port to listen on (default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--working-dir",
        type=Path,
        metavar="DIR",
        help="where traces are kept (default: $PHOENIX_WORKING_DIR, else a directory of the user's data)",
    )
    parser.add_argument(
        "--prices",
        nargs="+",
        type=model_name,
        default=[],
        metavar="PROVIDER:NAME",
        help="more models whose prices Phoenix is told, beside the usual ones and that of LLM_MODEL",
    )
    parser.add_argument("--background", action="store_true", help="come back when it is ready, and leave it running")


def run(arguments: argparse.Namespace) -> int:
    """Start Phoenix, unless it runs there, and stay until it is stopped; gives the exit code."""
    host, port = arguments.host, arguments.port
    url = _url(host, port)
    if (version := _running(host, port)) is not None:
        say(f"Phoenix {version} is already running")
        tell_prices(phoenix_server(url, os.environ), prices_of(arguments.prices, os.environ))
        print(url)
        return OK
    _check_port(host, port)
    _check_installed()
    prices = prices_of(arguments.prices, os.environ)  # what cannot be read is better said before it starts
    directory = _directory(arguments.working_dir, os.environ)
    grpc_port = _grpc_port(os.environ)
    signals = _Signals()
    with signals.handled():
        try:
            with ExitStack() as running:
                with signals.held():  # none may come between the process and the promise to end it
                    server = _Server(host, port, grpc_port, directory)
                    running.callback(server.stop)
                note = _note(url, grpc_port)
                return _serve(server, background=arguments.background, prices=prices, note=note)
        except _Stopped as stopped:
            return stopped.code


class _Server:
    """A Phoenix in a process of its own, which writes its log into its directory."""

    def __init__(self, host: str, port: int, grpc_port: int, directory: Path) -> None:
        self.host, self.port, self.directory = host, port, directory
        self.url = _url(host, port)
        self.log = directory / "phoenix.log"
        self._stays = False
        command = _command(host, port, grpc_port)
        environ = {**NOT_NEEDED, **os.environ, "PHOENIX_WORKING_DIR": str(directory)}
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C is for this command, which then stops Phoenix.
            self.process = subprocess.Popen(  # noqa: S603 - the command is made here
                command, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def wait_until_ready(self) -> bool:
        """Wait until it answers; False when it ended, or did not answer in time."""
        began = time.monotonic()
        while (passed := time.monotonic() - began) < STARTING_MAY_TAKE and self.process.poll() is None:
            say_in_place(f"starting Phoenix (about 15 s): {passed:.0f} s")
            if _running(self.host, self.port) is not None:
                return True
            time.sleep(_BETWEEN_LOOKS)
        return False

    def stop(self) -> None:
        """End it, unless it stays: friendly, as it would be by a second Ctrl-C, then by force.

        Whoever is stopped once more meanwhile ends it at once.
        """
        if self._stays:
            return
        try:
            for ending in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
                self.process.send_signal(ending)
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(STOPPING_MAY_TAKE)
                    return
        except _Stopped:
            self.process.kill()
            self.process.wait()
            raise

    def leave_running(self) -> None:
        """Let it outlive this process, on purpose."""
        self._stays = True
        self.process.returncode = 0  # else its Popen warns of a process that nobody waited for

    def last_words(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines()
        return " | ".join(line.strip() for line in lines[-_LAST_LINES:] if line.strip())


def _serve(server: _Server, *, background: bool, prices: Sequence[ModelPrice], note: Sequence[str]) -> int:
    say(f"starting Phoenix (about 15 s); it keeps traces, and its log, in {server.directory}")
    if not server.wait_until_ready():
        say(f"Phoenix did not start: {server.last_words()} (all of it: {server.log})")
        return FAILED
    tell_prices(phoenix_server(server.url, os.environ), prices)
    for line in note:
        say(line)
    say(f"stop it with: kill {server.process.pid}" if background else "Ctrl-C stops it")
    print(server.url, flush=True)
    if not background:
        return _stay(server)
    server.leave_running()
    return OK


def _stay(server: _Server) -> int:
    code = server.process.wait()
    say(f"Phoenix ended by itself (code {code}): {server.last_words()} (all of it: {server.log})")
    return FAILED


def _note(url: str, grpc_port: int) -> Sequence[str]:
    how = "--trace phoenix" if url.endswith(f":{PHOENIX_PORT}") else f"{PHOENIX_VARIABLE}={url}"
    return (
        f"Phoenix is ready; send traces with {how}",
        f"open to the network: its gRPC port {grpc_port}, which Phoenix binds on every interface; a firewall closes it",
    )


def _command(host: str, port: int, grpc_port: int) -> list[str]:
    # -P: a directory called phoenix where the command is typed is not the server.
    serve = [sys.executable, "-P", "-m", "phoenix.server.main", "serve"]
    return [*serve, "--host", host, "--port", str(port), "--grpc-port", str(grpc_port)]


def _running(host: str, port: int) -> str | None:
    """The version of the Phoenix that answers there, or None."""
    with closing(http.client.HTTPConnection(_reached(host), port, timeout=_ANSWERING_MAY_TAKE)) as connection:
        try:
            connection.request("GET", READY_PATH)
            return connection.getresponse().getheader(PHOENIX_VERSION_HEADER)
        except (OSError, http.client.HTTPException):
            return None


def _reached(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - the user's own words


def _url(host: str, port: int) -> str:
    reached = _reached(host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def _check_port(host: str, port: int) -> None:
    if (problem := _problem_of_binding(host, port)) is not None:
        raise ConfigurationError(f"Phoenix cannot listen on {host} port {port}: {problem}; choose another --port")


def _problem_of_binding(host: str, port: int) -> str | None:
    try:
        family = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind((host, port))
    except OSError as error:
        return error.strerror or str(error)
    return None


def _grpc_port(environ: Mapping[str, str]) -> int:
    """The port for gRPC: the environment's, else the usual one, else any that is free."""
    if wanted := environ.get("PHOENIX_GRPC_PORT", "").strip():
        try:
            return port(wanted)
        except argparse.ArgumentTypeError as error:
            raise ConfigurationError(f"PHOENIX_GRPC_PORT: {error}") from None
    if _problem_of_binding("", PHOENIX_GRPC_PORT) is None:
        return PHOENIX_GRPC_PORT
    with socket.socket() as free:
        free.bind(("", 0))
        return int(free.getsockname()[1])


def _check_installed() -> None:
    try:
        metadata.version("arize-phoenix")
    except metadata.PackageNotFoundError:
        raise ConfigurationError("Phoenix is not installed: pip install arize-phoenix (about 900 MB)") from None


def _directory(wanted: Path | None, environ: Mapping[str, str]) -> Path:
    named = environ.get("PHOENIX_WORKING_DIR")
    directory = (wanted or (Path(named) if named else _data_directory(environ))).expanduser().resolve()
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigurationError(
            f"Phoenix cannot keep traces in {directory}: {error.strerror}; choose another --working-dir"
        ) from error
    return directory


def _data_directory(environ: Mapping[str, str]) -> Path:
    base = "~/Library/Application Support" if sys.platform == "darwin" else "~/.local/share"
    return Path(environ.get("XDG_DATA_HOME") or base) / "llm-composition-patterns" / "phoenix"


class _Stopped(BaseException):
    """SIGINT or SIGTERM came."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number


class _Signals:
    """What SIGINT and SIGTERM do: they raise `_Stopped`, at once or, while they are held, afterwards."""

    def __init__(self) -> None:
        self._held = False
        self._received: int | None = None

    def handled(self) -> AbstractContextManager[None]:
        return handling((signal.SIGINT, signal.SIGTERM), self._receive)

    @contextmanager
    def held(self) -> Iterator[None]:
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._received is not None:
            raise _Stopped(self._received)

    def _receive(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - what a handler is called with
        self._received = number
        if not self._held:
            raise _Stopped(number)
