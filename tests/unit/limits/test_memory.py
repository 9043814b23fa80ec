"""What limiters learned is found again in the next run, and no file can do harm."""

import json
import os
import stat
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_composition_patterns.limits import Limiter, _memory, memory_key, recall, remember

LEARNED = {"law": {"limit": 12.0, "ceiling": 33.0}, "requests": {"rate": 0.5}}
KEY = memory_key(endpoint="https://api.example/v1", model="m", credential="secret-key")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "limits.json"


def test_what_was_remembered_is_recalled(path):
    """The same numbers come back under the same key, and nothing under another."""
    remember(KEY, LEARNED, path=path)
    assert recall(KEY, path=path) == LEARNED
    assert recall("other", path=path) is None


def test_the_last_one_wins_and_others_are_kept(path):
    """An entry replaces the one of its key alone."""
    remember(KEY, LEARNED, path=path)
    remember("other", {"law": {"limit": 1.0}}, path=path)
    remember(KEY, {"law": {"limit": 2.0}}, path=path)
    assert recall(KEY, path=path) == {"law": {"limit": 2.0}}
    assert recall("other", path=path) == {"law": {"limit": 1.0}}


def test_keys_tell_endpoint_model_and_credential_apart_and_nothing_else():
    """Each of the three matters; none of them can be read."""
    same = {"endpoint": "https://api.example/v1", "model": "m", "credential": "secret-key"}
    others = [memory_key(**{**same, name: "x"}) for name in same] + [memory_key(**{**same, "credential": None})]
    assert memory_key(**same) == KEY
    assert len({KEY, *others}) == 5
    assert "secret" not in KEY


def test_neither_keys_nor_endpoints_are_written(path):
    """The file holds hashes and numbers, for its owner only."""
    remember(KEY, LEARNED, path=path)
    assert "secret" not in path.read_text()
    assert "example" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["limits.json", "limits.lock"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
@pytest.mark.timeout(5)
def test_what_is_no_file_is_left_alone(path, name, make):
    """A pipe that nobody writes to would hold the run up for ever; nothing is recalled, written or lost."""
    path.parent.mkdir()
    if name != path.name:
        remember(KEY, LEARNED, path=path)
        (path.parent / name).unlink()
    make(path.parent / name)
    before = [(file.name, file.stat().st_ino) for file in sorted(path.parent.iterdir())]
    remember("other", LEARNED, path=path)
    kept = None if name == path.name else LEARNED
    assert (recall(KEY, path=path), recall("other", path=path)) == (kept, None)
    after = [(file.name, file.stat().st_ino) for file in sorted(path.parent.iterdir())]
    assert [file for file in after if file[0] != "limits.lock"] == [file for file in before if file[0] != "limits.lock"]


def test_nothing_but_the_file_and_its_lock_is_left(path):
    """No temporary file stays behind."""
    remember(KEY, LEARNED, path=path)
    assert sorted(file.name for file in path.parent.iterdir()) == ["limits.json", "limits.lock"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": 1}',
        '{"version": 1, "limiters": []}',
        '{"version": 2, "limiters": {"%s": {"at": 0, "learned": {"law": {"limit": 3}}}}}',
        '{"version": 1, "limiters": {"%s": 7}}',
        '{"version": 1, "limiters": {"%s": {"at": "now", "learned": {}}}}',
        "[" * 100_000,
        "\x00\xff",
    ],
)
def test_a_damaged_or_alien_file_is_as_good_as_none(path, text):
    """It is neither believed nor minded, and is replaced by the next that remembers."""
    path.parent.mkdir()
    path.write_text(text.replace("%s", KEY))
    assert recall(KEY, path=path) is None
    remember(KEY, LEARNED, path=path)
    assert recall(KEY, path=path) == LEARNED


@settings(max_examples=40)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
        max_leaves=8,
    )
)
def test_whatever_stands_in_an_entry_only_finite_numbers_come_out(tmp_path_factory, found):
    """A limiter can be given what was recalled without looking."""
    path = tmp_path_factory.mktemp("memory") / "limits.json"
    path.write_text(json.dumps({"version": 1, "limiters": {KEY: {"at": time.time(), "learned": found}}}))
    for values in (recall(KEY, path=path) or {}).values():
        assert values
        assert all(type(value) is float and abs(value) < 1e300 for value in values.values())


def test_old_entries_are_forgotten(path):
    """After a month nothing is recalled, and the next write drops it."""
    remember(KEY, LEARNED, path=path)
    written = json.loads(path.read_text())
    written["limiters"][KEY]["at"] -= 31 * 86400
    path.write_text(json.dumps(written))
    assert recall(KEY, path=path) is None
    remember("other", LEARNED, path=path)
    assert list(json.loads(path.read_text())["limiters"]) == ["other"]


def test_the_file_stays_small(path, monkeypatch):
    """Of more entries than a few hundred the newest are kept."""
    monkeypatch.setattr(_memory, "MOST_ENTRIES", 3)
    for number in range(5):
        remember(str(number), LEARNED, path=path)
    assert list(json.loads(path.read_text())["limiters"]) == ["4", "3", "2"]


def test_nothing_learned_is_nothing_written(path):
    """A fixed limiter leaves no trace."""
    remember(KEY, Limiter(fixed=3).remembered(), path=path)
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_no_error(tmp_path):
    """A file where the directory should be, or the other way round."""
    (tmp_path / "file").write_text("")
    remember(KEY, LEARNED, path=tmp_path / "file" / "limits.json")
    (tmp_path / "directory").mkdir()
    remember(KEY, LEARNED, path=tmp_path / "directory")
    assert recall(KEY, path=tmp_path / "directory") is None
    assert sorted(one.name for one in tmp_path.iterdir()) == ["directory", "directory.lock", "file"]


def test_a_process_that_keeps_the_lock_is_not_waited_for(path, monkeypatch):
    """What was learned is written all the same."""
    monkeypatch.setattr(_memory, "_LOCK_PAUSE", 0.0)
    with _memory._alone(path):
        remember(KEY, LEARNED, path=path)
    assert recall(KEY, path=path) == LEARNED


def test_the_cache_directory_is_the_users(monkeypatch, tmp_path):
    """`XDG_CACHE_HOME`, else the platform's; nothing under pytest or without a home."""
    assert _memory.default_path() is None
    assert recall(KEY) is None
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert _memory.default_path() == tmp_path / "llm-composition-patterns" / "limits.json"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setattr(sys, "platform", "linux")
    assert _memory.default_path() == Path("/home/somebody/.cache/llm-composition-patterns/limits.json")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert _memory.default_path() == Path("/home/somebody/Library/Caches/llm-composition-patterns/limits.json")

    def homeless():
        raise RuntimeError

    monkeypatch.setattr(Path, "home", homeless)
    assert _memory.default_path() is None
    remember(KEY, LEARNED)
