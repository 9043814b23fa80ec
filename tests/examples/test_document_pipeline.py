"""The document pipeline: its commands offline, over a short folder of PDFs with all that is awkward in it."""

import argparse
import asyncio
import io
import json
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from shutil import copy, copytree

import pytest

from examples.document_pipeline import _export, _run, _speedup
from examples.document_pipeline.__main__ import COMMANDS, main
from examples.document_pipeline._invented import invented, write_folder
from examples.document_pipeline._pdf import Words, write_pdf
from llm_composition_patterns import run_batch

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = ("--model", "simulated:x", "--trace", "off", "--embedder", "hashed")
FILES, PAGES = 24, 9
QUARANTINED = {"damaged.pdf": "it is damaged", "empty.pdf": "the file is empty", "encrypted.pdf": "needs a password"}


@pytest.fixture
def run(capsys, tmp_path):
    """Runs a command with a store of its own; its code, what was printed, and what was said."""

    def ran(name, *argv):
        code = main([name, *map(str, argv), "--store", str(tmp_path / "documents.db")])
        out, err = capsys.readouterr()
        return code, out, err

    return ran


@pytest.fixture
def pdfs(tmp_path):
    """The awkward files, and fifteen others."""
    write_folder(tmp_path / "pdfs", FILES, long=PAGES)
    return tmp_path / "pdfs"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder that was read: where it is, the code, what was printed, and what was said."""
    base = tmp_path_factory.mktemp("finished")
    write_folder(base / "pdfs", FILES, long=PAGES)
    argv = ("--store", base / "documents.db", "--output", base / "out", "--workers", 2, "--embedders", 1, *OFFLINE)
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["run", *map(str, (base / "pdfs", *argv))])
    return base, code, out.getvalue(), err.getvalue()


def manifest(directory):
    rows = [json.loads(line) for line in (directory / "manifest.jsonl").read_text().splitlines()]
    return {Path(row["file"]).relative_to(directory.parent / "pdfs").as_posix(): row for row in rows}


def test_every_file_is_done_quarantined_or_reported(finished):
    """With reasons; files of equal name are apart, those of equal content are one; one converter for each process."""
    base, code, out, err = finished
    assert code == 3
    assert out.startswith("17 done, 3 reported, 3 quarantined (SIMULATED)\n")
    assert "embeddings: hashed TF-IDF\n" in out
    assert re.search(r"^converters built: [12], for 2 worker processes and 23 documents$", err, re.MULTILINE)
    assert "embedders built: 1, for 1 worker process and 23 documents" in err
    rows = manifest(base / "out")
    assert rows.keys() == {name for name, _, _ in invented(FILES, long=PAGES)}
    reasons = {Path(name).name: row["reasons"][0] for name, row in rows.items() if row["state"] == "quarantined"}
    assert all(reason in reasons[name] for name, reason in QUARANTINED.items())
    assert len(list((base / "out" / "quarantine").iterdir())) == len(reasons) == 3
    reported = {Path(name).name: row["reasons"] for name, row in rows.items() if row["state"] == "reported"}
    assert reported == {
        "scan.pdf": ["pages 1, 2: a picture without text, which needs OCR"],
        "half-scanned.pdf": ["page 2: a picture without text, which needs OCR"],
        "blank.pdf": ["page 1: blank"],
    }
    assert rows["north/deed.pdf"]["output"] != rows["south/deed.pdf"]["output"]
    outputs = {row["output"] for row in rows.values() if "output" in row}
    assert len(outputs) == 20
    assert all((base / "out" / output / "_SUCCESS").is_file() for output in outputs)
    assert rows["awkward/long.pdf"]["pages"] == PAGES


def test_a_document_is_written_as_text_and_as_chunks(finished):
    """Markdown with a mark for each page; chunks with their pages, entities and vectors."""
    base = finished[0]
    row = manifest(base / "out")["awkward/long.pdf"]
    folder = base / "out" / row["output"]
    text = (folder / "document.md").read_text()
    assert re.findall(r"^<!-- page (\d+): text -->$", text, re.MULTILINE) == [str(n) for n in range(1, PAGES + 1)]
    chunks = [json.loads(line) for line in (folder / "chunks.jsonl").read_text().splitlines()]
    assert [chunk["chunk"] for chunk in chunks] == list(range(1, row["chunks"] + 1))
    assert (chunks[0]["pages"][0], chunks[-1]["pages"][1]) == (1, PAGES)
    first = chunks[0]
    assert {entity["type"] for entity in first["entities"]} >= {"PERSON", "PARCEL", "DATE", "AMOUNT", "ORG"}
    assert all(entity["text"] in " ".join(first["text"].split()) for entity in first["entities"])
    assert (first["embedder"], first["embedding"]["size"]) == ("hashed TF-IDF", 4096)
    assert row["simulated"] is True


def test_a_finished_folder_makes_no_call_and_starts_nothing(finished, run, tmp_path):
    """A renamed file is known by what is in it; the manifest has its new name."""
    copytree(finished[0], tmp_path, dirs_exist_ok=True)
    before = json.loads(run("status", "--json")[1])
    (tmp_path / "pdfs" / "north" / "deed.pdf").rename(tmp_path / "pdfs" / "north" / "renamed.pdf")
    code, out, _ = run("run", tmp_path / "pdfs", "--output", tmp_path / "out", "--json", *OFFLINE)
    told = json.loads(out)
    assert (code, told["run"]["executed"], told["run"]["usage"]["calls"], told["run"]["built"]) == (3, 0, 0, {})
    assert {name: told[name] for name in before} == before
    assert "north/renamed.pdf" in manifest(tmp_path / "out")


def test_a_file_that_was_mended_is_read_and_the_other_stays_known(run, tmp_path):
    """It is another content; `retry` looks at what failed once more, if it is there."""
    folder = tmp_path / "pdfs"
    folder.mkdir()
    (folder / "a.pdf").write_bytes(b"")
    assert run("run", folder, *OFFLINE)[0] == 1
    assert run("retry", folder, *OFFLINE)[0] == 1
    (folder / "a.pdf").write_bytes(write_pdf([[Words(50, 700, "Ms Zoë Peña")]]))
    code, out, _ = run("run", folder, "--output", tmp_path / "out", *OFFLINE)
    assert (code, out.splitlines()[0]) == (3, "1 done, 0 reported, 1 quarantined (SIMULATED)")
    code, out, _ = run("status")
    assert (code, out.splitlines()[0]) == (0, "1 done, 0 reported, 1 quarantined (SIMULATED)")
    assert "quarantined: Unreadable:" in out
    assert "a.pdf: the file is empty" in out


def test_the_result_can_be_searched(finished, run, tmp_path):
    """By words here; the nearest chunk comes first, with its file and page."""
    copy(finished[0] / "documents.db", tmp_path)
    pdfs = finished[0] / "pdfs"
    code, out, err = run("search", "Hives of bees and honey", "--nearest", 2)
    assert (code, err) == (0, "embeddings: hashed TF-IDF\n")
    assert re.match(r"0\.\d{3}  \S+/deeds/deed-002\.pdf, page 1", out)
    assert "bees on the southern slope" in out.splitlines()[1]
    told = json.loads(run("search", "--questions", pdfs / "questions.jsonl", "--json")[1])
    assert (told["questions"], 0 <= told["found_first"] <= told["found_among_5"] <= 15) == (14, True)
    code, _, err = run("search")
    assert (code, err[:33]) == (2, "error: give either a question, as")


def spans_of(trace):
    """The spans of a trace file, in the order of their starts."""
    lines = [json.loads(line) for line in trace.read_text().splitlines()]
    found = [
        span
        for line in lines
        for resource in line["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    return sorted(found, key=lambda span: int(span["startTimeUnixNano"]))


def test_a_store_of_another_batch_cannot_be_searched(run, tmp_path):
    """It says whose it should be."""
    asyncio.run(run_batch(_shout, ["a"], store=tmp_path / "documents.db", key=str))
    code, _, err = run("search", "who?")
    assert code == 2
    assert "documents.db is no batch of documents: name the store that `run` wrote" in err


async def _shout(word: str) -> str:
    return word.upper()


def test_calls_about_one_file_overlap(run, pdfs, tmp_path):
    """As its spans show; what the processes did hangs under the same document."""
    argv = (*OFFLINE[:2], *OFFLINE[4:], "--workers", 1, "--trace", f"file:{tmp_path / 'trace.jsonl'}")
    assert run("run", pdfs / "awkward" / "long.pdf", *argv)[0] == 0
    spans = spans_of(tmp_path / "trace.jsonl")
    calls = [span for span in spans if span["name"].startswith("chat ")]
    assert len(calls) >= 3
    starts, ends = ([int(span[f"{end}TimeUnixNano"]) for span in calls] for end in ("start", "end"))
    assert max(starts) < min(ends)
    [item] = [span["spanId"] for span in spans if span["name"] == "document_pipeline"]
    below = [span["name"] for span in spans if span.get("parentSpanId") == item]
    assert below == ["build converter", "extract pages", "chunks of a document"]
    assert [span["name"] for span in spans].count("build embedder") == 1


def test_a_document_that_takes_too_long_stays_pending(run, pdfs, tmp_path):
    """It says nothing of the document: it is not quarantined, and the same command with more time reads it."""
    long = pdfs / "awkward" / "long.pdf"
    argv = ("run", long, "--output", tmp_path / "out", *OFFLINE)
    code, out, err = run(*argv, "--timeout", 0.001)
    assert (code, out.splitlines()[0]) == (1, "0 done, 0 reported, 0 quarantined, 1 pending")
    assert "1 documents wait for another run (1 timeout)" in err
    assert "quarantined:" not in err
    assert list((tmp_path / "out" / "quarantine").iterdir()) == []
    assert run(*argv)[0] == 0


def test_every_file_that_cannot_be_opened_has_a_place_in_the_quarantine(run, tmp_path, monkeypatch):
    """Also where their paths end alike."""
    gone = [tmp_path / folder / "annual-reports" / "the-same-name.pdf" for folder in ("north", "south")]
    monkeypatch.setattr(_run, "pdf_files", lambda _: gone)
    assert run("run", tmp_path, "--output", tmp_path / "out", *OFFLINE)[0] == 1
    kept = [json.loads(path.read_text())["files"] for path in (tmp_path / "out" / "quarantine").iterdir()]
    assert sorted(kept) == [[str(path)] for path in gone]


def test_what_waits_is_told_by_the_export_too(run, pdfs, tmp_path):
    """And where a budget ended the run."""
    letter, long = next((pdfs / "letters").iterdir()), pdfs / "awkward" / "long.pdf"
    assert run("run", letter, *OFFLINE)[0] == 0
    _, out, err = run("run", letter, long, "--budget", "0.0001", "--json", *OFFLINE)
    assert "error: the budget" in err
    assert json.loads(out)["pending"] == 1
    _, out, _ = run("export", "--output", tmp_path / "out", "--json")
    assert (json.loads(out)["done"], json.loads(out)["pending"]) == (1, 1)


def test_a_disk_that_is_full_at_the_export_loses_nothing(run, pdfs, tmp_path, monkeypatch):
    """What was read is told all the same, and how to write it."""

    def full(path, text):
        raise OSError(28, "No space left on device", str(path))

    letter = next((pdfs / "letters").iterdir())
    with monkeypatch.context() as patched:
        patched.setattr(_export, "write_atomically", full)
        code, out, err = run("run", letter, "--output", tmp_path / "out", *OFFLINE)
    assert (code, out.splitlines()[0]) == (3, "1 done, 0 reported, 0 quarantined (SIMULATED)")
    assert "No space left on device" in err
    assert "the command `export` writes it" in err
    code, _, _ = run("export", "--output", tmp_path / "out")
    assert (code, len(list((tmp_path / "out" / "documents").glob("*/_SUCCESS")))) == (0, 1)


def test_speedup_counts_what_is_built(capsys):
    """A converter for each process, and in the row of the original one for each file."""
    argv = ("--files", "3", "--pages", "1", "--chunks", "40", "--workers", "1", "--turns", "1", "--embedder", "hashed")
    assert main(["speedup", *argv, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["measured"]
    assert [(row["what"], row["workers"], row["built"], row["calls"]) for row in told] == [
        ("read", 1, 1, 3),
        ("read, built for each file", 1, 3, 3),
        ("embed", 1, 1, 3),
        ("embed, built for each batch", 1, 3, 3),
        ("count", 1, 0, 3),
    ]
    assert told[0]["speedup"] == 1


def test_a_speedup_is_against_one_process():
    """Whatever was asked for, in whatever order."""
    rows = _speedup.contests([4, 2], [], [], "hashed")
    firsts = {row.what: row.workers for row in reversed(rows)}
    assert firsts == {"read": 1, "embed": 1, "count": 1}
    assert [row.workers for row in rows if row.what == "count"] == [1, 2, 4]


def test_the_commands_of_the_readme_are_right():
    """Each is there, with the flags that it names."""
    text = (ROOT / "examples/document_pipeline/README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^python -m examples.document_pipeline (.*)$", text, re.MULTILINE)
    assert len(lines) > 3
    for name, *argv in map(shlex.split, lines):
        parser = argparse.ArgumentParser(exit_on_error=False)
        COMMANDS[name][1](parser)
        parser.parse_args(argv)


def test_generate_writes_what_the_readme_says(tmp_path, capsys):
    """So many files, and questions that name some of them."""
    assert main(["generate", "12", "--output", str(tmp_path)]) == 0
    assert len(list(tmp_path.rglob("*.pdf"))) == 12
    questions = [json.loads(line) for line in (tmp_path / "questions.jsonl").read_text().splitlines()]
    assert questions
    assert all((tmp_path / question["file"]).is_file() for question in questions)
    assert "12 PDFs" in capsys.readouterr().err


def test_without_the_extra_one_line_says_what_to_install(run, pdfs, monkeypatch):
    """With exit code 2, and before anything else."""
    monkeypatch.setattr("examples.document_pipeline._run.find_spec", lambda name: 1 if name == "numpy" else None)
    code, _, err = run("run", pdfs, *OFFLINE)
    assert (code, err) == (2, "error: this needs pypdfium2: pip install -e '.[documents]'\n")
    code, _, err = run("run", pdfs, "--converter", "docling", *OFFLINE)
    assert (code, err.startswith("error: --converter docling needs docling")) == (2, True)
