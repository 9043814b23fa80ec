"""The `llm-patterns` command finds its commands."""

import sys
from types import SimpleNamespace

import pytest

from llm_composition_patterns import cli
from llm_composition_patterns.errors import ConfigurationError


def configure(parser):
    parser.add_argument("--port", type=int, default=1)
    parser.add_argument("--fail", action="store_true")


def run(arguments):
    if arguments.fail:
        raise ConfigurationError("mend it")
    return arguments.port


@pytest.fixture(autouse=True)
def one_command(monkeypatch, tmp_path):
    """There is one command, a fake, and no `.env` file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    monkeypatch.setattr(sys, "argv", ["llm-patterns"])
    monkeypatch.setitem(sys.modules, "a_fake_command", SimpleNamespace(configure=configure, run=run))
    monkeypatch.setattr(cli, "COMMANDS", {"fake": ("a_fake_command", "fake something")})


def test_a_command_is_run_with_its_flags():
    """What it returns is the exit code."""
    assert cli.main(["fake", "--port", "3"]) == 3


def test_a_command_that_fails_says_why(capsys):
    """In one line, as every command does."""
    assert cli.main(["fake", "--fail"]) == 2
    assert capsys.readouterr().err == "error: mend it\n"


def test_a_command_has_its_own_help(capsys):
    """With the name that it was called by."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["fake", "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: llm-patterns fake ")
    assert "Fake something." in out


def test_an_unknown_command_is_guessed(capsys):
    """The likeliest one is named, in one line."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["fakes"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "llm-patterns: error: there is no command 'fakes'; did you mean 'fake'?\n"


def test_an_unknown_flag_is_refused(capsys):
    """As in every command."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["--verison"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "llm-patterns: error: unknown argument --verison; did you mean '--version'?\n"


def test_without_a_command_there_is_help(capsys):
    """On stderr, because it is an error."""
    assert cli.main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "  fake       fake something\n" in err


def test_help_imports_no_command(capsys, monkeypatch):
    """It lists them all, at no cost."""
    monkeypatch.delitem(sys.modules, "a_fake_command")
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    assert "  fake       fake something\n" in capsys.readouterr().out


def test_the_version_is_told(capsys):
    """On stdout, as data."""
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("llm-patterns ")


def test_a_checkout_has_no_version(capsys, monkeypatch):
    """Where the package is not installed, that is what is said."""

    def not_there(name):
        raise cli.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(cli.metadata, "version", not_there)
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == "llm-patterns (not installed)\n"


def test_as_a_program_it_ends_the_process(monkeypatch):
    """Without arguments of its own it reads the process's."""
    monkeypatch.setattr(sys, "argv", ["llm-patterns", "fake", "--port", "3"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 3


def test_every_command_of_the_table_can_be_called(monkeypatch, capsys):
    """Its module is there, and its help begins with what the table says."""
    monkeypatch.undo()
    for name, (_, text) in cli.COMMANDS.items():
        with pytest.raises(SystemExit) as ended:
            cli.main([name, "--help"])
        assert ended.value.code == 0
        assert f"\n{text.capitalize()[:1]}{text[1:]}" in capsys.readouterr().out
