"""The timeline of a command's run as a picture."""

import asyncio

import pytest

from llm_composition_patterns import ConfigurationError, parallelize, setup_tracing
from llm_composition_patterns.console import drawn_into
from llm_composition_patterns.timeline import _timeline


async def step(word):
    return word


def run():
    asyncio.run(parallelize(step, ["one", "two"], name="words", branch_name=str))


def test_what_ran_is_drawn(tmp_path, capsys):
    """With its branches; where the picture is, is said on stderr."""
    path = tmp_path / "new" / "timeline.svg"
    with drawn_into(path):
        run()
    assert all(f">{text}</text>" in path.read_text() for text in ("words", "one", "two"))
    assert capsys.readouterr().err == f"timeline written: {path}\n"


def test_spans_go_on_to_where_they_go(tmp_path):
    """A picture is no reason to lose the trace."""
    with setup_tracing(f"file:{tmp_path / 'spans.jsonl'}") as tracing, drawn_into(tmp_path / "timeline.svg"):
        run()
    assert tracing.statistics().exported == 3


def test_without_a_path_nothing_is_drawn(tmp_path, capsys):
    """And nothing is said."""
    with drawn_into(None):
        run()
    assert capsys.readouterr().err == ""


def test_where_nothing_ran_there_is_no_picture(tmp_path):
    """An old one is not replaced by an empty one."""
    with drawn_into(tmp_path / "timeline.svg"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_told_before_anything_runs(tmp_path):
    """A directory, or a place below a file."""
    with (
        pytest.raises(ConfigurationError, match=r"is a directory: name a file, as timeline\.svg"),
        drawn_into(tmp_path),
    ):
        pytest.fail("it ran")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot write into"), drawn_into(tmp_path / "file" / "t.svg"):
        pytest.fail("it ran")


def test_a_picture_that_cannot_be_written_in_the_end_is_no_failure_of_the_run(tmp_path, capsys, monkeypatch):
    """What ran is done, and its results are shown; the line says which file is missing."""
    path = tmp_path / "timeline.svg"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(_timeline, "write_atomically", full)
    with drawn_into(path):
        run()
    assert capsys.readouterr().err == f"no timeline written into {path}: No space left on device\n"
