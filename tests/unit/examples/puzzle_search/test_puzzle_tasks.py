"""Puzzles: invented ones, and those of files."""

import json

import pytest

from examples.puzzle_search._grids import grid_of
from examples.puzzle_search._programs import parse, run
from examples.puzzle_search._search import samples_of
from examples.puzzle_search._tasks import invented, read, record
from llm_composition_patterns import ConfigurationError


@pytest.fixture(scope="module")
def tasks():
    return [*invented(400)]


def test_400_puzzles_are_about_2000_calls(tasks):
    """Three to five demonstrations and one or two tests each, as in the original."""
    assert len({task.key for task in tasks}) == 400
    assert {len(task.shown) for task in tasks} == {3, 4, 5}
    assert {len(task.tests) for task in tasks} == {1, 2}
    assert sum(len(samples_of(task)) for task in tasks) == 2060


def test_a_puzzle_follows_its_rule(tasks):
    """Which does something to each of its grids."""
    for task in tasks[:50]:
        for pair in (*task.shown, *task.tests):
            assert run(parse(task.program), pair.given) == pair.wanted != pair.given


def test_a_seed_gives_the_same_puzzles_and_another_one_others(tasks):
    """However many are asked for."""
    assert [*invented(5)] == tasks[:5]
    assert not {task.shown for task in invented(5, seed=1)} & {task.shown for task in tasks}


def test_puzzles_are_read_as_they_were_written(tasks, tmp_path):
    """As lines, and each in a file of its own as those of ARC are, which have no id."""
    lines = tmp_path / "puzzles.jsonl"
    lines.write_text("\n".join(json.dumps(record(task)) for task in tasks[:3]) + "\n")
    assert read([lines]) == tasks[:3]
    alone = tmp_path / "007bbfb7.json"
    alone.write_text(json.dumps({"train": [{"input": [[0, 7]], "output": [[7]]}], "test": [{"input": [[1]]}]}))
    (task,) = read([alone])
    assert (task.key, task.program, task.tests[0].wanted) == ("007bbfb7", "", None)
    assert task.shown[0].given == grid_of(["07"])


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"train": [], "test": [{"input": [[1]]}]}',
        '{"train": [{"input": [[1]]}], "test": [{"input": [[1]]}]}',
        '{"train": [{"input": [[1]], "output": [[10, 2], [3]]}], "test": [{"input": [[1]]}]}',
        '{"train": [{"input": [[1]], "output": [[-1]]}], "test": [{"input": [[1]]}]}',
        '{"train": [{"input": null, "output": [[1]]}], "test": [{"input": [[1]]}]}',
    ],
)
def test_what_is_no_puzzle_is_named(text, tmp_path):
    """With its file and its line."""
    path = tmp_path / "bad.jsonl"
    path.write_text(f"\n{text}\n")
    with pytest.raises(ConfigurationError, match=r"bad\.jsonl:2 is no puzzle"):
        read([path])


def test_two_puzzles_of_one_name_are_refused(tasks, tmp_path):
    """One would hide the other."""
    path = tmp_path / "twice.jsonl"
    path.write_text(f"{json.dumps(record(tasks[0]))}\n" * 2)
    with pytest.raises(ConfigurationError, match="'puzzle-0-000' already"):
        read([path])
