"""The command `simulate`, as far as it needs no socket."""

import argparse
import errno
import os
import signal
import sys
from contextlib import asynccontextmanager

import pytest

from llm_composition_patterns.cli import _simulate
from llm_composition_patterns.simulation import SimulatedProvider, SimulatedServer


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    _simulate.configure(parser)
    return parser.parse_args(arguments)


def test_the_defaults():
    """Port 8080 on loopback, the default scenario."""
    assert vars(parsed()) == {"port": 8080, "host": "127.0.0.1", "scenario": None, "seed": None}
    assert _simulate.NAME == "simulate"
    assert _simulate.HELP


@pytest.mark.parametrize("port", ["-1", "65536", "x", "1.5"])
def test_a_port_is_a_port(port, capsys):
    """What is no port is a usage error."""
    with pytest.raises(SystemExit) as caught:
        parsed("--port", port)
    assert caught.value.code == 2
    assert "port" in capsys.readouterr().err


def test_the_seed_takes_the_place_of_the_scenarios(tmp_path):
    """`--seed` wins over the file."""
    path = tmp_path / "scenario.toml"
    path.write_text("seed = 1\nspread = 0\n", encoding="utf-8")
    scenario = _simulate._scenario(parsed("--scenario", str(path), "--seed", "5"))
    assert (scenario.seed, scenario.spread) == (5, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scenario", "missing.toml"], "missing.toml: cannot be read: No such file"),
        (["--host", "0.0.0.0"], "use 127.0.0.1"),  # noqa: S104 - refused
    ],
)
def test_a_mistake_is_one_line_and_exit_2(arguments, message, capsys):
    """A scenario that is not there and a host of other people's are told in one line."""
    assert _simulate.run(parsed(*arguments)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_its_code(number, code, monkeypatch, capsys):
    """The address and how to use it are told, then a signal (and a second one) ends it."""

    @asynccontextmanager
    async def serve(scenario, *, host, port):
        yield SimulatedServer(f"http://{host}:{port}", SimulatedProvider(scenario))
        os.kill(os.getpid(), number)

    def tell(*text, **_):
        os.kill(os.getpid(), number)
        sys.stdout.write(text[0])

    monkeypatch.setattr(_simulate, "serve", serve)
    monkeypatch.setattr(_simulate, "print", tell, raising=False)
    assert _simulate.run(parsed("--port", "7")) == code
    told = capsys.readouterr().out
    assert "GROQ_BASE_URL=http://127.0.0.1:7 " in told
    assert "OPENAI_BASE_URL=http://127.0.0.1:7/v1" in told


def test_a_taken_port_is_one_line(monkeypatch, capsys):
    """A port in use is told with the repair."""

    @asynccontextmanager
    async def serve(*_, **__):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        yield

    monkeypatch.setattr(_simulate, "serve", serve)
    assert _simulate.run(parsed()) == 2
    assert capsys.readouterr().err == (
        "llm-patterns simulate: cannot listen on 127.0.0.1 port 8080: Address already in use; choose another --port\n"
    )
