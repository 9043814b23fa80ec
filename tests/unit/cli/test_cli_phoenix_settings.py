"""`llm-patterns phoenix`: what it takes, and what it refuses before it starts anything."""

import sys
from argparse import ArgumentParser
from importlib import metadata
from pathlib import Path

import pytest

from llm_composition_patterns.cli import _phoenix, main
from llm_composition_patterns.errors import ConfigurationError


def test_the_defaults_are_those_of_phoenix_on_this_machine_only():
    """Port 6006, and loopback."""
    parser = ArgumentParser()
    _phoenix.configure(parser)
    parsed = parser.parse_args([])
    assert (parsed.host, parsed.port, parsed.working_dir, parsed.background) == ("127.0.0.1", 6006, None, False)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_port_is_a_number(port, capsys):
    """Anything else is a usage error."""
    with pytest.raises(SystemExit) as left:
        main(["phoenix", "--port", port])
    assert left.value.code == 2
    assert f"{port!r} is no port; give a number from 1 to 65535" in capsys.readouterr().err


def test_without_the_server_it_says_how_to_install_it(monkeypatch, capsys):
    """One line with the command, and exit code 2."""

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(_phoenix, "_running", lambda *_: None)
    monkeypatch.setattr(_phoenix, "_problem_of_binding", lambda *_: None)
    monkeypatch.setattr(metadata, "version", missing)
    assert main(["phoenix"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install arize-phoenix" in line


@pytest.mark.parametrize(
    ("wanted", "environ", "directory"),
    [
        ("given", {"PHOENIX_WORKING_DIR": "named"}, "given"),
        (None, {"PHOENIX_WORKING_DIR": "named"}, "named"),
        (None, {"XDG_DATA_HOME": "data"}, "data/llm-composition-patterns/phoenix"),
    ],
)
def test_traces_are_kept_where_the_user_says(tmp_path, wanted, environ, directory):
    """The flag, else the environment, else a directory of the user's data; made where it is missing."""
    environ = {name: str(tmp_path / value) for name, value in environ.items()}
    found = _phoenix._directory(None if wanted is None else tmp_path / wanted, environ)
    assert found == (tmp_path / directory).resolve()
    assert found.is_dir()


@pytest.mark.parametrize(("platform", "base"), [("linux", ".local/share"), ("darwin", "Library/Application Support")])
def test_each_system_has_its_place_for_data(monkeypatch, tmp_path, platform, base):
    """Where nothing is said, the system's own custom holds."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _phoenix._directory(None, {}) == tmp_path / base / "llm-composition-patterns" / "phoenix"


def test_a_directory_that_cannot_be_made_is_a_mistake(tmp_path):
    """One line that says what to choose instead."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="choose another --working-dir"):
        _phoenix._directory(tmp_path / "file" / "below", {})


def test_a_grpc_port_that_is_none_is_a_mistake():
    """The variable is named."""
    with pytest.raises(ConfigurationError, match=r"PHOENIX_GRPC_PORT: .* is no port"):
        _phoenix._grpc_port({"PHOENIX_GRPC_PORT": "grpc"})


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:6006"),
        ("0.0.0.0", "http://127.0.0.1:6006"),  # noqa: S104 - a name, bound by nobody
        ("::1", "http://[::1]:6006"),
        ("box", "http://box:6006"),
    ],
)
def test_the_address_is_one_that_a_browser_takes(host, url):
    """Also where Phoenix listens on every interface."""
    assert _phoenix._url(host, 6006) == url


def test_an_address_that_is_nobodys_cannot_be_bound():
    """The reason is the system's."""
    assert _phoenix._problem_of_binding("no.such.host.invalid", 6006)


def test_the_note_names_the_shortest_way_to_send_traces():
    """On the usual port a flag is enough."""
    assert "--trace phoenix" in _phoenix._note("http://127.0.0.1:6006", 4317)[0]
    assert Path(_phoenix._command("h", 1, 2)[0]).exists()
