"""Output files that are there whole or not at all, and directories that are checked first."""

import errno
import os
import stat

import pytest

from llm_composition_patterns.errors import ConfigurationError
from llm_composition_patterns.files import check_apart, check_writable, write_atomically

not_for_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")


def test_a_file_is_written(tmp_path):
    """Its content is what was given, its permissions what the umask says, and nothing else is left."""
    umask = os.umask(0o027)
    try:
        write_atomically(tmp_path / "out.json", "ñandú\r\n")
    finally:
        os.umask(umask)
    (file,) = tmp_path.iterdir()
    assert file.read_bytes() == "ñandú\r\n".encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_file_is_replaced_with_its_permissions_kept(tmp_path):
    """Who could read the old one can read the new one, and nobody else."""
    file = tmp_path / "out.json"
    file.write_text("old")
    file.chmod(0o600)
    write_atomically(file, "new")
    assert file.read_text() == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_link_stays_a_link(tmp_path):
    """What it points to is replaced."""
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_failed_write_leaves_everything_as_it_was(tmp_path, monkeypatch):
    """The old content is there, no part of the new one is, and the error names the file that was asked for."""

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    file = tmp_path / "out.json"
    file.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(file, "new")
    assert caught.value.filename == str(file)
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
    assert file.read_text() == "old"


def test_a_file_system_that_cannot_sync_directories_is_no_failure(tmp_path, monkeypatch):
    """The content is safe by then."""
    calls = []

    def only_files(descriptor):
        calls.append(descriptor)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "no")

    monkeypatch.setattr(os, "fsync", only_files)
    write_atomically(tmp_path / "out", "x")
    assert len(calls) == 2


def test_half_a_surrogate_pair_does_not_cost_the_file(tmp_path):
    """Models send such things; the character becomes its escape."""
    write_atomically(tmp_path / "out", "a\ud800b")
    assert (tmp_path / "out").read_text() == r"a\ud800b"


def test_what_is_no_regular_file_is_written_to(tmp_path):
    """A device is not replaced by a file."""
    write_atomically("/dev/null", "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)  # noqa: PTH116


def test_a_missing_directory_is_an_error_that_names_the_file(tmp_path):
    """Directories are made before, by `check_writable`."""
    with pytest.raises(FileNotFoundError) as caught:
        write_atomically(tmp_path / "missing" / "out", "x")
    assert caught.value.filename == str(tmp_path / "missing" / "out")


def test_a_directory_that_is_missing_is_created(tmp_path):
    """With those above it, and nothing is left in it."""
    directory = check_writable(tmp_path / "a" / "b")
    assert directory == tmp_path / "a" / "b"
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("below", ["", "further/down"])
def test_a_file_in_the_way_is_named(tmp_path, below):
    """Be it the directory itself or one above."""
    (tmp_path / "out.json").write_text("precious")
    with pytest.raises(ConfigurationError, match=r"out\.json is a file; give a directory"):
        check_writable(tmp_path / "out.json" / below)
    assert (tmp_path / "out.json").read_text() == "precious"


@not_for_root
def test_a_directory_without_rights_is_refused(tmp_path):
    """The message says why and what to do."""
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigurationError, match="permission denied; give another directory"):
        check_writable(tmp_path)
    tmp_path.chmod(0o700)


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_a_directory_that_cannot_be_written_is_refused(tmp_path, monkeypatch, number):
    """A full disk, a read-only one, missing rights: found before anything is paid, and nothing is left behind."""

    def refuse(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(ConfigurationError, match=os.strerror(number).lower()):
        check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_read_is_not_written_over(tmp_path):
    """By whatever link it is reached; another file may be."""
    store, link = tmp_path / "papers.db", tmp_path / "link"
    store.write_text("all of it")
    link.symlink_to(store)
    check_apart(tmp_path / "papers.jsonl", store)
    for output in (store, link, tmp_path / "." / "papers.db"):
        with pytest.raises(ConfigurationError, match="would be overwritten by what is written: name another"):
            check_apart(output, tmp_path / "other", store)
