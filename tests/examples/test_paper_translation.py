"""The paper translation example: its command offline, and what it does with what is wrong."""

import json
import re
from pathlib import Path

import pytest

from examples.paper_translation import _export
from examples.paper_translation.__main__ import main
from examples.paper_translation._invented import invented
from llm_composition_patterns.batch import Shard

ROOT = Path(__file__).resolve().parents[2]
PAPERS = ROOT / "data" / "papers"
SIMULATED = ("--model", "simulated:x", "--trace", "off")


@pytest.fixture
def run(capsys, tmp_path):
    """Runs a command with a store of its own; its code, what was printed, and what was said."""

    def ran(name, *argv, store="papers.db"):
        stored = () if name == "generate" else ("--store", str(tmp_path / store))
        code = main([name, *map(str, argv), *stored])
        out, err = capsys.readouterr()
        return code, out, err

    return ran


def said(err):
    return [line for line in err.splitlines() if not line.startswith(("model: ", "SIMULATED", "this run"))]


def test_the_command_of_the_readme_gives_bilingual_markdown(run, tmp_path):
    """Offline, and it says that it is simulated."""
    command = re.search(
        r"^python -m examples.paper_translation run (.*)$",
        (ROOT / "examples/paper_translation/README.md").read_text(),
        re.MULTILINE,
    )
    records, *rest = command[1].split()
    assert rest == ["--output", "translated"]
    code, out, err = run("run", ROOT / records, "--limit", 8, "--output", tmp_path / "out", *SIMULATED)
    assert code == 0
    assert out.startswith("8 done, 0 flagged, 0 failed, 0 pending (SIMULATED)\n")
    assert "SIMULATED: no model is called" in err
    rows = [json.loads(line) for line in (tmp_path / "out" / "done.jsonl").read_text().splitlines()]
    for row in rows:
        text = (tmp_path / "out" / f"{row['file']}.md").read_text()
        assert text.startswith("# [en] ")
        assert "made up by rule" in text


def test_what_ran_when_is_drawn(run, tmp_path):
    """Into the file that `--timeline` names, whose place is tried before anything is paid."""
    argv = ("run", ROOT / "data/papers", "--limit", 1, *SIMULATED)
    assert run(*argv, "--timeline", tmp_path / "timeline.svg")[0] == 0
    assert "paper_translation" in (tmp_path / "timeline.svg").read_text()
    assert run(*argv, "--timeline", tmp_path, store="other.db")[0] == 2
    assert not (tmp_path / "other.db").exists()


def test_a_disk_that_is_full_at_the_export_loses_nothing(run, tmp_path, monkeypatch):
    """What was translated is told all the same, and how to write it."""

    def full(path, text):
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(_export, "write_atomically", full)
        code, out, err = run("run", PAPERS, "--limit", 3, "--output", tmp_path / "out", *SIMULATED)
    assert (code, out.splitlines()[0]) == (3, "3 done, 0 flagged, 0 failed, 0 pending (SIMULATED)")
    assert "No space left on device" in err
    assert "the command `export` writes it" in err
    code, _, _ = run("export", "--output", tmp_path / "out")
    assert (code, len(list((tmp_path / "out" / "done").glob("*.md")))) == (0, 3)


def test_a_finished_batch_makes_no_call(run):
    """The second run executes nothing, and what there is is shown again."""
    argv = (PAPERS, "--limit", 5, "--json", *SIMULATED)
    first, second = (json.loads(run("run", *argv)[1]) for _ in range(2))
    assert (first["run"]["executed"], second["run"]["executed"]) == (5, 0)
    assert first["run"]["usage"]["calls"] == first["calls"] > 5
    assert second["run"]["usage"]["calls"] == 0
    assert {**first, "run": None} == {**second, "run": None}


def test_what_a_paper_cost_adds_up(run, tmp_path):
    """To what the runs together used."""
    _, out, _ = run("run", PAPERS, "--limit", 5, "--output", tmp_path / "out", "--json", *SIMULATED)
    rows = [json.loads(path.read_text()) for path in (tmp_path / "out").glob("*/*.json")]
    total = json.loads(out)
    assert sum(float(row["_qa_cost_usd"]) for row in rows) == pytest.approx(total["cost_usd"])
    assert sum(row["_qa_calls"] for row in rows) == total["calls"]
    assert all(row["_qa_simulated"] for row in rows)


def test_each_bad_record_is_listed(run, tmp_path):
    """Six of nine, and nothing is written outside."""
    code, out, err = run("run", PAPERS / "awkward", "--output", tmp_path / "a" / "out", *SIMULATED)
    assert code == 3
    assert out.startswith("2 done, 1 flagged, 6 failed, 0 pending")
    failed = [line for line in said(err) if line.startswith("failed: ")]
    reasons = ["was there before", "it is empty", "Field required", "valid dictionary", "no UTF-8", "cut off"]
    assert [reason in line for reason, line in zip(reasons, failed, strict=True)] == [True] * 6
    assert {path.parent.name for path in (tmp_path / "a").rglob("*.json")} == {"done", "flagged"}


def test_a_bad_record_of_a_list_costs_no_other(run, tmp_path):
    """No UTF-8, too long, there before, cut off; an id that is a path is a good one, and writes nothing outside."""
    good = [json.dumps({**record, "id": name}) for record, name in zip(invented(3, bodies=False), "abc", strict=True)]
    outside = json.dumps({**json.loads(good[0]), "id": "../../../outside"})
    long = json.dumps({**json.loads(good[0]), "id": "long", "body": "x" * 8_000_000})
    records = [good[0], '{"id": "\udcff"}', good[1], long, good[1], outside, good[2], good[2][:-20]]
    (tmp_path / "a.json").write_bytes(("[" + ",".join(records)).encode(errors="surrogateescape"))
    code, out, err = run("run", tmp_path / "a.json", "--output", tmp_path / "a" / "out", *SIMULATED)
    assert (code, out.splitlines()[0]) == (3, "4 done, 0 flagged, 4 failed, 0 pending (SIMULATED)")
    failed = [line for line in said(err) if line.startswith("failed: ")]
    reasons = ["no UTF-8", "is the most", "was there before", "cut off"]
    assert [reason in line for reason, line in zip(reasons, failed, strict=True)] == [True] * 4
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["a"]
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["out"]


def test_nothing_but_bad_records_is_a_failure(run, tmp_path):
    """Exit code 1."""
    (tmp_path / "bad.jsonl").write_text("{}\n")
    assert run("run", tmp_path / "bad.jsonl", *SIMULATED)[0] == 1


def test_failed_papers_are_listed_and_retried(run, tmp_path):
    """Once their record is mended, under the id that they had."""
    [record] = invented(1, bodies=False)
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({**record, "title": ""}) + "\n")
    assert run("run", path, *SIMULATED)[0] == 1
    assert (
        run("failed")[1]
        == f"{record['id']}: error: NotAPaper: a.jsonl, line 1: no paper: title: Value error, it is empty\n"
    )
    path.write_text(json.dumps(record) + "\n")
    assert run("run", path, *SIMULATED)[0] == 1
    assert run("retry", path, *SIMULATED)[0] == 0
    assert run("failed")[1] == ""
    assert json.loads(run("status", "--json")[1])["done"] == 1


def test_flagged_papers_are_listed_with_their_reasons(run):
    """They leave the exit code alone, unless it is to be strict."""
    argv = (PAPERS / "sample.jsonl", "--limit", 6, *SIMULATED)
    assert run("run", *argv)[0] == 0
    assert run("failed", "--flagged")[1] == "invented-000006: flagged: abstract: the archive has none\n"
    assert run("run", *argv, "--strict")[0] == 3


def test_a_dry_run_calls_nothing(run, tmp_path):
    """And makes no store."""
    code, out, _ = run("run", PAPERS, "--dry-run")
    assert (code, out.splitlines()[0]) == (0, "69 papers (60 with a body), 0 unreadable records")
    assert not (tmp_path / "papers.db").exists()


def test_shards_are_the_whole_archive(run):
    """Each paper in exactly one, the same one each time."""
    ids = [record["id"] for record in invented(200, bodies=False)]
    shares = [[one for one in ids if Shard(number, 7).keeps(one)] for number in range(1, 8)]
    assert sorted(one for share in shares for one in share) == sorted(ids)
    assert all(10 <= len(share) <= 50 for share in shares)
    counts = [
        json.loads(run("run", PAPERS, "--dry-run", "--json", "--shard", f"{number}/3")[1])["papers"]
        for number in (1, 2, 3)
    ]
    assert sum(counts) == 69


def test_a_budget_ends_the_run_and_keeps_what_is_done(run):
    """One line says so; the next run goes on with a larger one."""
    argv = (PAPERS, "--limit", 20, *SIMULATED)
    code, out, err = run("run", *argv, "--workers", 2, "--budget", "0.002", "--json")
    assert code == 3
    assert "budget" in next(line for line in said(err) if line.startswith("error"))
    done = json.loads(out)["done"] + json.loads(out)["flagged"]
    assert 0 < done < 20
    code, out, _ = run("run", *argv, "--budget", "1", "--json")
    assert (code, json.loads(out)["pending"]) == (0, 0)
    assert json.loads(out)["run"]["executed"] == 20 - done


def test_another_model_is_refused_with_the_way_out(run):
    """A store is never a mixture, unless that is wanted."""
    run("run", PAPERS, "--limit", 1, *SIMULATED)
    code, _, err = run("run", PAPERS, "--limit", 1, "--model", "simulated:y", "--trace", "off")
    assert code == 1
    assert "holds another batch" in err
    assert "--force" in err
    assert run("run", PAPERS, "--limit", 1, "--model", "simulated:y", "--trace", "off", "--force")[0] == 0


def test_a_cache_is_shared_by_batches(run, tmp_path):
    """The same papers in another store cost nothing."""
    argv = (PAPERS, "--limit", 3, "--json", "--cache", tmp_path / "answers.db", *SIMULATED)
    assert json.loads(run("run", *argv)[1])["calls"] > 0
    assert json.loads(run("run", *argv, store="other.db")[1])["calls"] == 0


def test_export_writes_the_formats_that_are_wanted(run, tmp_path):
    """And scores against translations that people made."""
    run("run", PAPERS / "sample.jsonl", "--limit", 2, *SIMULATED)
    human = tmp_path / "human.jsonl"
    human.write_text(json.dumps({"id": "invented-000001", "title_en": "A title"}) + "\n")
    argv = ("--output", tmp_path / "out", "--formats", "md", "--reference", human)
    code, out, _ = run("export", *argv)
    assert (code, out.splitlines()[-1][:16]) == (0, "1 texts: chrF2++")
    assert {path.suffix for path in (tmp_path / "out" / "done").iterdir()} == {".md"}


def test_an_archive_is_invented_the_same_each_time(run):
    """Of any size; a larger one begins with the smaller one."""
    one, two = (run("generate", number, "--seed", 4, "--no-bodies")[1] for number in (3, 5))
    assert two.startswith(one)
    assert len(two.splitlines()) == 5


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (("run", PAPERS, "--source", "klingon"), "unknown language 'klingon'; known are"),
        (("run", "nothing.jsonl"), "there is no file nothing.jsonl"),
        (("run", PAPERS, "--glossary", "nothing.tsv"), "nothing.tsv: No such file"),
    ],
)
def test_a_mistake_is_one_line(run, argv, line):
    """With exit code 2, before anything is paid."""
    code, out, err = run(*argv, *SIMULATED)
    assert (code, out, len(said(err))) == (2, "", 1)
    assert line in err


@pytest.mark.parametrize("argv", [["rnu"], ["run"], ["run", "x.jsonl", "--shard", "4/3"], ["--workers"]])
def test_wrong_usage_is_one_line(capsys, argv):
    """That says where to read on."""
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("name", ["run", "retry", "status", "failed", "export", "generate"])
def test_each_command_explains_itself(capsys, name):
    """With an example."""
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"examples:\n  python -m examples.paper_translation {name} " in capsys.readouterr().out


def test_a_store_that_is_missing_is_said(run):
    """By each command that looks at one."""
    for name, *argv in (("status",), ("failed",), ("export", "--output", "out")):
        code, _, err = run(name, *argv)
        assert (code, "there is no store" in err) == (1, True)
