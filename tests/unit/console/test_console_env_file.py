"""Settings from a `.env` file."""

import os

import pytest

from llm_composition_patterns.console import load_env_file
from llm_composition_patterns.errors import ConfigurationError

ENVIRON = os.environ


@pytest.fixture(autouse=True)
def somewhere_below(tmp_path, monkeypatch):
    """The working directory is two below where the file is."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    monkeypatch.setattr(os, "environ", dict(os.environ))


def test_the_nearest_file_is_read(tmp_path):
    """It is looked for from the working directory upwards."""
    (tmp_path / ".env").write_text("GROQ_API_KEY=from-the-file\n")
    assert load_env_file() == str(tmp_path / ".env")
    assert os.environ["GROQ_API_KEY"] == "from-the-file"


@pytest.mark.parametrize("value", ["mine", ""])
def test_what_is_set_stays(tmp_path, value):
    """Also where it is set to nothing."""
    os.environ["GROQ_API_KEY"] = value
    (tmp_path / ".env").write_text("GROQ_API_KEY=from-the-file\n")
    load_env_file()
    assert os.environ["GROQ_API_KEY"] == value


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
@pytest.mark.timeout(5)
def test_what_is_no_file_is_passed_over(tmp_path, make):
    """A pipe that nobody writes to would hold the command up for ever; the file above it is read."""
    make(tmp_path / "a" / ".env")
    assert load_env_file() is None
    (tmp_path / ".env").write_text("GROQ_API_KEY=from-the-file\n")
    assert load_env_file() == str(tmp_path / ".env")


def test_no_file_is_fine(monkeypatch):
    """Most users have none."""
    monkeypatch.chdir("/")
    assert load_env_file() is None


def test_a_file_that_is_no_text_is_named(tmp_path):
    """The message says which file to mend, and nothing of its content."""
    (tmp_path / ".env").write_bytes(b"GROQ_API_KEY=secret\xff\n")
    with pytest.raises(ConfigurationError, match=r"cannot read .*\.env: it is not UTF-8 text") as caught:
        load_env_file()
    assert "secret" not in str(caught.value)


def test_a_character_that_no_variable_can_hold_is_called_that(tmp_path, monkeypatch):
    """It is UTF-8 all the same."""
    monkeypatch.setattr(os, "environ", ENVIRON)
    (tmp_path / ".env").write_bytes(b"GROQ_API_KEY=secret\x00\n")
    with pytest.raises(ConfigurationError, match=r"cannot read .*\.env: a value in it has a NUL character") as caught:
        load_env_file()
    assert "secret" not in str(caught.value)


def test_a_line_that_is_no_setting_is_left_out_with_a_word(tmp_path, capsys, caplog):
    """It says in which file, and nothing of what stands there."""
    (tmp_path / ".env").write_text("LLM_MODEL=a:b\n'secret\nGROQ_API_KEY=x\n")
    load_env_file()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{tmp_path / '.env'}: ")
    assert "line 2; left out: write it as NAME=value" in line
    assert "secret" not in line
    assert caplog.records == []
    assert os.environ["GROQ_API_KEY"] == "x"
