"""Reading reports: each bad line is told of, and the others are read."""

import json

import pytest

from examples.classification._invented import invented
from examples.classification._items import MOST_BYTES, item_files, read_entries
from llm_composition_patterns import ConfigurationError


def entries(tmp_path, *lines):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines))
    return list(read_entries([path]))


def test_each_bad_line_has_its_reason(tmp_path):
    """And the good one after them is read."""
    found = entries(
        tmp_path,
        b'{"id": "cut',
        b"\xff\xfe",
        [1],
        {"id": "a"},
        b"",
        {"id": "b", "title": "t", "labels": {"threat_types": ["aliens"], "industries": [], "severity": "low"}},
        b'{"id": "c", "title": "' + b"x" * MOST_BYTES + b'"}',
        {"id": "d", "title": "good"},
        {"id": "d", "title": "again"},
    )
    problems = ["no JSON", "no JSON", "dictionary", "title: Field required", "labels", "longer than", "", "was there"]
    assert [one.item is None for one in found] == [True] * 6 + [False, True]
    assert all(problem in one.problem for problem, one in zip(problems, found, strict=True))
    assert [one.key for one in found[3:]] == ["a", "b", "a.jsonl, line 7", "d", "a.jsonl, line 9 (d again)"]
    assert len({one.key for one in found}) == 8


def test_a_file_from_windows_is_read(tmp_path):
    """It begins with a mark that is no part of the first report."""
    (found,) = entries(tmp_path, b"\xef\xbb\xbf" + b'{"id": "a", "title": "good"}')
    assert (found.key, found.problem) == ("a", "")


def test_files_that_are_none_are_told(tmp_path):
    """With what to do."""
    with pytest.raises(ConfigurationError, match="there is no file"):
        item_files([tmp_path / "nothing.jsonl"])
    with pytest.raises(ConfigurationError, match="has no reports"):
        item_files([tmp_path])


def test_invented_reports_are_the_same_each_time():
    """More of the same seed begin with the same ones; those of another seed are others."""
    assert list(invented(50))[:20] == list(invented(20))
    assert not {item.id for item in invented(20)} & {item.id for item in invented(20, seed=1)}
    assert len({item.text for item in invented(1_525)}) > 1_100
