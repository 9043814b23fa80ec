"""The command `simulate`, as far as it needs no socket."""

import argparse
import asyncio
import errno
import os
import signal
from contextlib import asynccontextmanager
from dataclasses import fields

import pytest

from llm_composition_patterns.cli import _simulate, main
from llm_composition_patterns.simulation import (
    Capacity,
    Change,
    Fault,
    RateLimit,
    Scenario,
    SimulatedProvider,
    SimulatedServer,
)


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    _simulate.configure(parser)
    return parser.parse_args(arguments)


def test_the_defaults():
    """Port 8080 on loopback, the default scenario."""
    assert vars(parsed()) == {"port": 8080, "host": "127.0.0.1", "scenario": None, "seed": None}


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--port", "-1", "'-1' is no port; give a number from 0 to 65535"),
        ("--port", "65536", "'65536' is no port; give a number from 0 to 65535"),
        ("--port", "abc", "'abc' is no port; give a number from 0 to 65535"),
        ("--port", "1.5", "'1.5' is no port; give a number from 0 to 65535"),
        ("--seed", "x", "'x' is out of place; give a whole number, 0 or more"),
    ],
)
def test_what_is_no_number_is_said_in_words(flag, value, message, capsys):
    """A usage error, without the name of a function in it."""
    with pytest.raises(SystemExit) as caught:
        parsed(f"{flag}={value}")
    assert caught.value.code == 2
    assert f"argument {flag}: {message}\n" in capsys.readouterr().err


def test_the_seed_takes_the_place_of_the_scenarios(tmp_path):
    """`--seed` wins over the file."""
    path = tmp_path / "scenario.toml"
    path.write_text("seed = 1\nspread = 0\n", encoding="utf-8")
    scenario = _simulate._scenario(parsed("--scenario", str(path), "--seed", "5"))
    assert (scenario.seed, scenario.spread) == (5, 0)


def test_a_scenario_of_the_gallery_has_a_name(monkeypatch, tmp_path):
    """A bare name is one of `data/scenarios`, unless there is such a file here."""
    monkeypatch.chdir(tmp_path)
    assert _simulate._scenario(parsed("--scenario", "ollama-one-gpu")).capacity == Capacity(slots=1, queue=512)
    (tmp_path / "ollama-one-gpu").write_text("seed = 3", encoding="utf-8")
    assert _simulate._scenario(parsed("--scenario", "ollama-one-gpu")) == Scenario(seed=3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scenario", "missing.toml"], "missing.toml: cannot be read: No such file"),
        (["--host", "0.0.0.0"], "use 127.0.0.1"),  # noqa: S104 - refused
    ],
)
def test_a_mistake_is_one_line_and_exit_2(arguments, message, capsys, monkeypatch, tmp_path):
    """A scenario that is not there and a host of other people's, as every command tells them."""
    monkeypatch.chdir(tmp_path)
    assert main(["simulate", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_its_code(number, code, monkeypatch, capsys):
    """The address and how to use it are told, and nothing else."""

    @asynccontextmanager
    async def serve(scenario, *, host, port):
        asyncio.get_running_loop().call_soon(signal.raise_signal, number)
        yield SimulatedServer(f"http://{host}:{port}", SimulatedProvider(scenario))

    monkeypatch.setattr(_simulate, "serve", serve)
    assert _simulate.run(parsed("--port", "7")) == code
    told = capsys.readouterr().err
    assert "GROQ_BASE_URL=http://127.0.0.1:7 " in told
    assert "OPENAI_BASE_URL=http://127.0.0.1:7/v1" in told
    assert told.count("\n") == 1


def test_a_taken_port_is_one_line(monkeypatch, capsys):
    """A port in use is told with the repair."""

    @asynccontextmanager
    async def serve(*_, **__):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        yield

    monkeypatch.setattr(_simulate, "serve", serve)
    assert _simulate.run(parsed()) == 2
    assert capsys.readouterr().err == (
        "error: cannot listen on 127.0.0.1 port 8080: Address already in use; choose another --port\n"
    )


def test_the_help_describes_a_scenario(capsys):
    """Every key of the file is named there, and the example is one."""
    with pytest.raises(SystemExit):
        main(["simulate", "--help"])
    shown = capsys.readouterr().out
    keys = {field.name for kind in (Scenario, Capacity, Change, RateLimit, Fault) for field in fields(kind)} - {
        "answer"
    }
    assert [key for key in keys if key not in shown] == []
    assert Scenario.from_toml(_simulate.EXAMPLE).faults[0].times == 2
    assert all(line.strip() in shown for line in _simulate.EXAMPLE.splitlines())
