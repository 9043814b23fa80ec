"""`llm-patterns batch`: what is printed of a store, and what is said where there is none."""

import asyncio
import json
from decimal import Decimal

import pytest

from llm_composition_patterns import InvalidOutput, ModelUnavailable, Price, Scenario, ask, connect, run_batch
from llm_composition_patterns.batch import read_status
from llm_composition_patterns.cli import main

SCENARIO = Scenario(price=Price(input=1000, output=0))


async def translate(word):
    if word == "bad":
        raise ValueError("no word: \x1b[31mred")
    return {"text": f"{word} — ñandú \udcff"}


async def pay(word):
    async with connect("simulated:x", scenario=SCENARIO) as model:
        return await ask(model, word)


async def succeed(word):
    return word


async def answer(word):
    if word in {"odd", "even"}:
        raise InvalidOutput("no JSON")
    return await translate(word)


async def wait(word):
    if word == "slow":
        raise ModelUnavailable("down")
    return word


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    """There is no `.env` file, and a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def batch(store, words, step=translate, **settings):
    return asyncio.run(run_batch(step, words, store=store, key=str, step_name="translate", **settings))


def test_the_status_is_told(capsys):
    """How many items are in which state, what they cost, what was perhaps paid twice, and what batch it is."""
    batch("words.db", ["good", "bad"], version="7")
    assert main(["batch", "status", "words.db"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "items: 1 succeeded, 1 failed, 0 pending, 0 abandoned",
        "spent: 0 tokens in, 0 out, 0 calls, 0 retries, cost $0",
        "possibly paid twice: none",
        "last run: number 1, which executed 2 items",
        "batch: step translate, version 7, output None",
    ]


def test_the_status_is_json_on_request(capsys):
    """One object; a second run has its number, and executed nothing."""
    for _ in range(2):
        batch("words.db", ["good"], pay)
    assert main(["batch", "status", "words.db", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["counts"] == {"succeeded": 1, "failed": 0, "pending": 0, "abandoned": 0}
    assert told["spent"]["calls"] == 1
    assert Decimal(str(told["spent"]["cost"])) == Decimal(told["spent"]["input_tokens"]) / 1000
    assert (told["last_run"], told["executed"], told["possibly_repeated"]) == (2, 0, [])
    assert told["fingerprint"] == {"step": "translate", "version": None, "output": None}


def test_what_failed_is_listed_with_its_reason(capsys):
    """One line each, which steers no terminal; with --json as it is."""
    batch("words.db", ["good", "bad"])
    assert main(["batch", "failed", "words.db"]) == 0
    assert capsys.readouterr().out == "bad: error: ValueError: no word: ?[31mred\n"
    assert main(["batch", "failed", "words.db", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "items": [{"key": "bad", "kind": "error", "error": "ValueError: no word: \x1b[31mred"}]
    }


def test_what_waits_is_listed_with_its_reason(capsys):
    """And the status counts it by the kind of that."""
    batch("words.db", ["good", "slow"], wait)
    assert main(["batch", "failed", "words.db", "--pending"]) == 0
    assert capsys.readouterr().out == "slow: provider: ModelUnavailable: down\n"
    assert main(["batch", "status", "words.db"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "waiting for another run: 1 provider"


def test_what_failed_is_put_back(capsys):
    """Nothing is executed by that; the next run does it once, and leaves what is done."""
    batch("words.db", ["good", "bad"])
    assert main(["batch", "retry", "words.db"]) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == ("put back: 1 item (1 error); the next run of the batch executes them again\n", "")
    assert dict(read_status("words.db").counts) == {"succeeded": 1, "failed": 0, "pending": 1, "abandoned": 0}
    report = batch("words.db", ["good", "bad"], succeed)
    assert (report.executed, report.counts["succeeded"]) == (1, 2)


@pytest.mark.parametrize(
    ("filters", "kinds"),
    [
        ([], {"error": 1, "invalid_output": 2}),
        (["--kind", "invalid_output"], {"invalid_output": 2}),
        (["--key", "odd", "bad"], {"error": 1, "invalid_output": 1}),
        (["--key", "odd", "bad", "--kind", "error"], {"error": 1}),
        (["--kind", "timeout"], {}),
        (["--state", "abandoned"], {}),
    ],
)
def test_only_what_is_asked_for_is_put_back(capsys, filters, kinds):
    """By the kind of failure, by key, by state; the others stay."""
    batch("words.db", ["good", "bad", "odd", "even"], answer)
    assert main(["batch", "retry", "words.db", *filters, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    number = sum(kinds.values())
    assert (told["put_back"], told["kinds"]) == (number, kinds)
    assert told["counts"] == {"succeeded": 1, "failed": 3 - number, "pending": number, "abandoned": 0}


def test_what_is_left_failed_is_said(capsys):
    """So that one does not wait for it."""
    batch("words.db", ["bad", "odd"], answer)
    assert main(["batch", "retry", "words.db", "--kind", "error"]) == 0
    assert capsys.readouterr().err == "left as they are: 1 failed\n"


def test_results_are_exported_as_json_lines(capsys, tmp_path):
    """In the order of the items, to stdout or into a file."""
    batch("words.db", ["good", "bad", "fine"], max_concurrency=1)
    assert main(["batch", "export", "words.db"]) == 0
    printed = capsys.readouterr().out
    assert [json.loads(line) for line in printed.splitlines()] == [
        {"key": "good", "value": {"text": "good — ñandú \udcff"}},
        {"key": "bad", "kind": "error", "error": "ValueError: no word: \x1b[31mred"},
        {"key": "fine", "value": {"text": "fine — ñandú \udcff"}},
    ]
    assert main(["batch", "export", "words.db", "--output", "words.jsonl"]) == 0
    assert (tmp_path / "words.jsonl").read_text(encoding="utf-8") == printed
    assert capsys.readouterr().err == "written into words.jsonl: 3 items\n"


def test_an_export_of_nothing_leaves_an_old_one(capsys, tmp_path):
    """What cannot be read is said before anything is written."""
    (tmp_path / "words.jsonl").write_text("old")
    assert main(["batch", "export", "absent.db", "--output", "words.jsonl"]) == 1
    assert (tmp_path / "words.jsonl").read_text() == "old"


@pytest.mark.parametrize("verb", ["export", "report"])
def test_the_store_itself_is_not_written_over(verb, capsys):
    """It would be gone, and all that it cost."""
    batch("words.db", ["good"])
    assert main(["batch", verb, "words.db", "--output", "words.db"]) == 2
    assert "words.db is read, and would be overwritten" in capsys.readouterr().err
    assert main(["batch", "status", "words.db"]) == 0


def test_a_batch_that_runs_keeps_its_items(capsys):
    """Who runs it is named."""

    async def put_back(_):
        return await asyncio.to_thread(main, ["batch", "retry", "words.db"])

    batch("words.db", ["good"], put_back)
    assert capsys.readouterr().err.startswith("error: the store words.db is in use by process ")


def test_stores_are_merged(capsys):
    """And the status of all of it is told."""
    batch("1.db", ["good", "bad"])
    batch("2.db", ["fine"])
    assert main(["batch", "merge", "all.db", "1.db", "2.db"]) == 0
    told = capsys.readouterr()
    assert told.err == "merged into all.db: 2 stores\n"
    assert told.out.startswith("items: 2 succeeded, 1 failed, 0 pending, 0 abandoned\n")
    assert main(["batch", "merge", "all.db", "1.db", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["succeeded"] == 2


def test_the_five_figures_are_reported(capsys, tmp_path):
    """In the terminal, and as Markdown on request."""
    batch("words.db", ["good", "fine"], pay)
    batch("words.db", ["good", "fine", "better"], pay)
    assert main(["batch", "report", "words.db", "--output", "report.md"]) == 0
    printed, written = capsys.readouterr().out, (tmp_path / "report.md").read_text()
    names = ["completion time per job", "worker utilization", "API response times", "error rate of items"]
    for name in [*names, "error rate of attempts", "cost per item"]:
        assert name in printed
        assert f"| {name} | " in written
    assert "| 0.0%, 0 of 3 |" in written
    assert "| words | 2 | 3 | " in written


def test_a_report_as_json_has_each_job(capsys):
    """Also when the stores were merged, twice; each attempt counts once."""
    batch("1.db", ["good", "bad"], answer)
    batch("2.db", ["fine", "better"], pay)
    for _ in range(2):
        assert main(["batch", "merge", "all.db", "1.db", "2.db"]) == 0
    capsys.readouterr()
    assert main(["batch", "report", "all.db", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sorted((job["name"], job["runs"], job["items"]) for job in told["jobs"]) == [("1", 1, 2), ("2", 1, 2)]
    assert told["response_seconds"]["attempts"] == 2
    assert told["errors"] == {"items": 0.25, "kinds": {"failed": {"error": 1}}, "attempts": 0.0}
    assert told["cost_per_item"] == pytest.approx(told["cost"] / 3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status", "absent.db"], "error: there is no store absent.db"),
        (["failed", "foreign.db"], "error: the store foreign.db cannot be used (file is not a database)"),
        (["report", "absent.db"], "error: there is no store absent.db"),
        (["retry", "absent.db"], "error: there is no store absent.db"),
        (["retry", "foreign.db"], "error: the store foreign.db cannot be used (file is not a database)"),
        (["retry", "words.db", "--key", "good"], "error: words.db has no item 'good' that is failed: nothing was put"),
        (["export", "empty.db"], "error: empty.db is empty: no batch was run with it yet"),
        (["merge", "all.db", "absent.db"], "error: there is no store absent.db: nothing was merged"),
        (["merge", "all.db", "words.db", "other.db"], "error: other.db holds another batch than words.db: version '2'"),
        (["merge", "words.db", "words.db"], "error: words.db cannot be merged into itself"),
    ],
)
def test_what_cannot_be_done_is_one_line(capsys, tmp_path, arguments, said):
    """Which says why; the code is 1, and no store is made."""
    (tmp_path / "foreign.db").write_text("not a database, for certain, because a header is a hundred bytes long" * 9)
    (tmp_path / "empty.db").touch()
    batch("words.db", ["good"])
    batch("other.db", ["good"], version="2")
    assert main(["batch", *arguments]) == 1
    err = capsys.readouterr().err
    assert err.startswith(said)
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "all.db").exists()


@pytest.mark.parametrize(
    "arguments", [[], ["statsu"], ["status"], ["merge", "a.db"], ["shards", "a.db", "--jobs", "0"]]
)
def test_wrong_usage_is_one_line(capsys, arguments):
    """That says where to read on."""
    with pytest.raises(SystemExit) as ended:
        main(["batch", *arguments])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("action", ["status", "failed", "retry", "report", "export", "merge", "shards"])
def test_each_action_explains_itself(capsys, action):
    """With --help."""
    with pytest.raises(SystemExit) as ended:
        main(["batch", action, "--help"])
    assert ended.value.code == 0
    assert f" batch {action} [-h]" in " ".join(capsys.readouterr().out.split())
