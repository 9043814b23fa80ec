"""The classification example: its command offline, and what it does with what is wrong."""

import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from examples.classification import _run, _sweep_command
from examples.classification.__main__ import main
from llm_composition_patterns import Fault, Price, connect

ROOT = Path(__file__).resolve().parents[2]
THREATS = ROOT / "data" / "threats"
SIMULATED = ("--model", "simulated:x", "--trace", "off")


@pytest.fixture
def run(capsys, tmp_path):
    """Runs a command, with a store of its own where it has one; its code, what was printed, and what was said."""

    def ran(name, *argv, store="threats.db"):
        stored = ("--store", str(tmp_path / store)) if name in {"run", "report"} else ()
        code = main([name, *map(str, argv), *stored])
        out, err = capsys.readouterr()
        return code, out, err

    return ran


def said(err):
    return [line for line in err.splitlines() if not line.startswith(("model: ", "SIMULATED", "this run"))]


@pytest.fixture
def reports(run, tmp_path):
    """Writes so many invented reports."""

    def written(count, *argv):
        path = tmp_path / f"reports-{count}.jsonl"
        path.write_text(run("generate", count, *argv)[1])
        return path

    return written


def test_the_command_of_the_readme_classifies_the_sample(run, tmp_path):
    """Offline; it says that it is simulated, and how often it is right, beside the baseline."""
    text = (ROOT / "examples/classification/README.md").read_text()
    command = re.search(r"^python -m examples.classification run (\S+)$", text, re.MULTILINE)
    code, out, err = run("run", ROOT / command[1], *SIMULATED, "--output", tmp_path / "out.jsonl")
    assert code == 0
    assert out.startswith("100 classified, 0 failed, 0 pending, 0 abandoned (SIMULATED)\n")
    assert "SIMULATED: no model is called" in err
    assert re.search(r"main threat type +55% \(45% to 64%\) +27% \(19% to 36%\)", out)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len({row["id"] for row in rows}) == 100
    assert all(row["simulated"] and row["reasoning"].startswith("[simulated]") for row in rows)


def test_the_sample_has_each_label():
    """Ten reports of each main threat type; every industry and severity; no id twice."""
    records = [json.loads(line) for line in (THREATS / "labeled.jsonl").read_text().splitlines()]
    labels = [record["labels"] for record in records]
    mains = [one["threat_types"][0] for one in labels]
    assert len({record["id"] for record in records}) == len({record["text"] for record in records}) == 100
    assert {mains.count(kind) for kind in mains} == {10}
    assert len(set(mains)) == 10
    assert len({industry for one in labels for industry in one["industries"]}) == 8
    assert {one["severity"] for one in labels} == {"low", "medium", "high", "critical"}


def test_only_what_is_new_is_classified(run, reports):
    """The next run asks about the reports that came since; the one after that about none."""
    first = json.loads(run("run", reports(20), "--json", *SIMULATED)[1])
    second = json.loads(run("run", reports(32), "--json", *SIMULATED)[1])
    third = json.loads(run("run", reports(32), "--json", *SIMULATED)[1])
    ran = [one["run"] for one in (first, second, third)]
    assert [(one["classified"], one["executed"], one["usage"]["calls"]) for one in ran] == [
        (20, 20, 20),
        (12, 12, 12),
        (0, 0, 0),
    ]
    assert third["counts"]["succeeded"] == third["usage"]["calls"] == 32


def test_packs_take_few_calls(run, reports):
    """12 for 300 reports at 25 in a call, and a few more where some came late to theirs."""
    told = json.loads(run("run", reports(300), "--pack", 25, "--json", *SIMULATED)[1])
    assert told["counts"]["succeeded"] == 300
    assert 12 <= told["run"]["usage"]["calls"] <= 18


def test_bad_lines_fail_with_their_reason_and_are_retried(run, reports):
    """Exit code 3; only `--retry` asks again, and a mended line is classified under its id."""
    path = reports(2)
    good, bad = path.read_text().splitlines()
    path.write_text(good + "\n" + json.dumps({**json.loads(bad), "title": ""}) + "\n")
    code, out, err = run("run", path, *SIMULATED)
    assert (code, out.splitlines()[0]) == (3, "1 classified, 1 failed, 0 pending, 0 abandoned (SIMULATED)")
    assert "line 2: no report: title: String should have at least 1 character" in err
    path.write_text(good + "\n" + bad + "\n")
    assert run("run", path, *SIMULATED)[0] == 3
    assert run("run", path, "--retry", *SIMULATED)[0] == 0


def test_nothing_but_bad_lines_is_a_failure(run, tmp_path):
    """Exit code 1."""
    (tmp_path / "bad.jsonl").write_text("{}\n")
    assert run("run", tmp_path / "bad.jsonl", *SIMULATED)[0] == 1


def test_another_model_is_refused_with_the_way_out(run, reports):
    """A store is never a mixture, unless that is wanted; another number in a call is no other batch."""
    path = reports(3)
    run("run", path, *SIMULATED)
    other = ("--model", "simulated:y", "--trace", "off")
    code, _, err = run("run", path, *other)
    assert (code, "--force" in err) == (1, True)
    assert run("run", path, *other, "--force")[0] == 0
    assert run("run", path, "--pack", 3, *SIMULATED, "--force")[0] == 0


def test_a_report_of_a_batch_is_what_its_run_said(run):
    """`report` reads the store alone."""
    _, ran, _ = run("run", THREATS, "--json", *SIMULATED)
    code, out, _ = run("report", "--vectors", "words", "--json")
    assert code == 0
    assert json.loads(out).items() <= json.loads(ran).items()
    assert json.loads(out)["accuracy"]["main threat type"]["n"] == 100


def test_a_sweep_shows_the_knee(run, tmp_path):
    """In virtual time: `auto` has the throughput of the best number and a small part of the latency of 200."""
    argv = ("--items", 300, "--concurrency", 1, 5, 50, 200, "auto", "--plot", tmp_path / "sweep.svg", "--json")
    code, out, err = run("sweep", *argv, *SIMULATED)
    told = json.loads(out)
    rows = {row["setting"]: row for row in told["rows"]}
    best = max(row["rate"] for name, row in rows.items() if name != "auto")
    assert code == 0
    assert "1,500 calls are made" in err
    assert 3.8 <= told["knee"] <= 4.2
    assert rows["auto"]["rate"] >= 0.97 * best
    assert rows["auto"]["p99"] <= 0.15 * rows["200"]["p99"]
    assert rows["50"]["rate"] <= 1.1 * rows["5"]["rate"]  # the original believed in ten times
    assert all(row["classified"] == 300 for row in rows.values())
    assert (tmp_path / "sweep.svg").read_text().count("knee: ") == 2


def test_a_sweep_tells_failures(run, monkeypatch):
    """They are no throughput, and make the exit code 3."""
    scenario = replace(_sweep_command.OLLAMA, faults=(Fault(kind="refusal", probability=0.25),))
    monkeypatch.setattr(_sweep_command, "OLLAMA", scenario)
    code, out, _ = run("sweep", "--items", 40, "--concurrency", 4, "--json", *SIMULATED)
    [row] = json.loads(out)["rows"]
    assert code == 3
    assert row["failed"] == {"invalid_output": 40 - row["classified"]}
    assert 0 < row["classified"] < 40


@pytest.fixture
def only_auto(monkeypatch):
    """Fails every call with the given fault, but those of `auto`."""

    def failing(fault):
        def connected(*argv, concurrency, scenario, **settings):
            faults = () if concurrency == "auto" else (fault,)
            return connect(*argv, concurrency=concurrency, scenario=replace(scenario, faults=faults), **settings)

        monkeypatch.setattr(_sweep_command, "connect", connected)

    return failing


SOME = ("sweep", "--items", 4, "--concurrency", 5, "auto")


def test_a_sweep_whose_fixed_numbers_all_fail_is_shown(run, tmp_path, only_auto):
    """With what `auto` came to, which is compared with nothing; it was paid."""
    only_auto(Fault(kind="refusal"))
    code, out, _ = run(*SOME, "--plot", tmp_path / "sweep.svg", *SIMULATED)
    assert code == 3
    assert "auto came to" in out
    assert not re.search(r"nan|inf\b", out + (tmp_path / "sweep.svg").read_text())


def test_a_sweep_in_which_nothing_is_classified_is_drawn(run, tmp_path, monkeypatch):
    """Exit code 1."""
    monkeypatch.setattr(_sweep_command, "OLLAMA", replace(_sweep_command.OLLAMA, faults=(Fault(kind="refusal"),)))
    assert run(*SOME, "--plot", tmp_path / "sweep.svg", *SIMULATED)[0] == 1
    assert (tmp_path / "sweep.svg").is_file()


def test_figures_that_are_missing_are_null(run, only_auto):
    """NaN is no JSON."""

    def refused(word):
        raise AssertionError(word)

    only_auto(Fault(kind="server_overloaded"))
    code, out, _ = run("sweep", "--items", 4, "--concurrency", "auto", 5, "--json", *SIMULATED)
    auto, fixed = json.loads(out, parse_constant=refused)["rows"]
    assert code == 3
    assert auto["p50"] > 0
    assert (fixed["classified"], fixed["p50"], fixed["p99"]) == (0, None, None)


def test_figures_that_are_missing_are_dashes(run, only_auto):
    """In the table."""
    only_auto(Fault(kind="server_overloaded"))
    _, out, _ = run("sweep", "--items", 4, "--concurrency", "auto", 5, *SIMULATED)
    [row] = [line for line in out.splitlines() if line.startswith("5 ")]
    assert row.split()[:5] == ["5", "0.00", "0.00", "-", "-"]


@pytest.mark.parametrize(("order", "base"), [((5, 1, "auto"), 1), ((5, "auto"), 5), (("auto", 5), "auto")])
def test_a_sweep_compares_with_one_call_in_flight(run, monkeypatch, order, base):
    """Else with the first; the heading says with which."""
    monkeypatch.setenv("COLUMNS", "120")
    _, out, _ = run("sweep", "--items", 8, "--concurrency", *order, *SIMULATED)
    heading, *rows = out.splitlines()
    assert f" x of {base} " in heading
    [row] = [line for line in rows if line.startswith(f"{base} ") and "came to" not in line]
    assert " 1.00 " in row


@pytest.mark.parametrize("name", ["run", "sweep"])
@pytest.mark.parametrize(("given", "attempt"), [((), 60.0), (("--timeout", 10), 60.0), (("--timeout", 300), 300.0)])
def test_an_attempt_may_take_as_long_as_its_call(run, reports, monkeypatch, name, given, attempt):
    """A minute at least, and more where `--timeout` allows more."""
    attempts = []

    def connected(*argv, timeout, **settings):
        attempts.append(timeout)
        return connect(*argv, timeout=timeout, **settings)

    monkeypatch.setattr(_run if name == "run" else _sweep_command, "connect", connected)
    argv = (reports(1),) if name == "run" else ("--items", 1, "--concurrency", 1)
    assert run(name, *argv, *given, *SIMULATED)[0] == 0
    assert attempts == [attempt]


def test_what_ran_when_is_drawn(run, reports, tmp_path):
    """Into the file that `--timeline` names."""
    code, _, err = run("run", reports(2), "--timeline", tmp_path / "timeline.svg", *SIMULATED)
    assert (code, "timeline written: " in err) == (0, True)
    assert "classify_report invented-0-000001" in (tmp_path / "timeline.svg").read_text()


def test_what_ran_when_in_a_sweep_is_drawn(run, simulated, tmp_path):
    """Of a server that takes real time."""
    there = simulated(replace(_sweep_command.OLLAMA, time_to_first_token=0.01, tokens_per_second=float("inf")))
    server = ("--model", "ollama:simulated/x", "--endpoint", there.url, "--trace", "off")
    argv = ("--items", 2, "--concurrency", 1, "--timeline", tmp_path / "timeline.svg")
    assert run("sweep", *argv, *server)[0] == 0
    assert "sweep 1" in (tmp_path / "timeline.svg").read_text()


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (("run", "nothing.jsonl"), "there is no file nothing.jsonl"),
        (("run", THREATS, "--labeled", "nothing.jsonl"), "there is no file nothing.jsonl: --labeled"),
        (("sweep", "--timeline", "timeline.svg"), "--timeline draws real time, and this sweep takes none"),
        (("run", THREATS, "--endpoint", "http://127.0.0.1:1"), "runs in this process and has no base_url"),
    ],
)
def test_a_mistake_is_one_line(run, argv, line):
    """With exit code 2, before anything is paid."""
    code, out, err = run(*argv, *SIMULATED)
    assert (code, out, len(said(err))) == (2, "", 1)
    assert line in err


@pytest.mark.parametrize(("name", "flag"), [("run", "--output"), ("sweep", "--plot"), ("report", "--output")])
def test_a_file_that_cannot_be_written_is_found_before_anything_is_paid(run, reports, tmp_path, name, flag):
    """A directory has its name, or a file is in the way."""
    argv = {"run": (reports(2), *SIMULATED), "sweep": SIMULATED, "report": ("--vectors", "words")}[name]
    code, out, err = run(name, *argv, flag, tmp_path)
    assert (code, out, len(said(err))) == (2, "", 1)
    assert f"{flag} {tmp_path} is a directory: name a file" in err
    assert run(name, *argv, flag, reports(2) / "below")[:2] == (2, "")
    assert not (tmp_path / "threats.db").exists()


def test_what_is_no_file_is_written_to(run, reports):
    """As `/dev/null`."""
    assert run("run", reports(1), "--output", "/dev/null", *SIMULATED)[0] == 0


def test_no_result_is_written_over_what_is_read(run, reports, tmp_path):
    """Neither over the reports nor over the store."""
    path = reports(1)
    before = path.read_bytes()
    for output in (path, tmp_path / "threats.db"):
        code, _, err = run("run", path, "--output", output, *SIMULATED)
        assert (code, "would be overwritten by what is written" in err) == (2, True)
    assert path.read_bytes() == before


def test_a_run_that_a_budget_ends_writes_what_it_has(run, reports, tmp_path, monkeypatch):
    """Each report that is classified, and its exit code is 3."""
    monkeypatch.setattr(_run, "Scenario", partial(_run.Scenario, price=Price(input=0.03, output=0.14)))
    argv = (reports(12), "--output", tmp_path / "out.jsonl", "--max-concurrency", 2, "--budget", "0.0003", "--json")
    code, out, err = run("run", *argv, *SIMULATED)
    done = json.loads(out)["counts"]["succeeded"]
    assert (code, "budget" in err) == (3, True)
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == done
    assert 0 < done < 12


def test_a_file_that_cannot_be_written_at_the_end_loses_nothing(run, reports, tmp_path, monkeypatch):
    """What is classified is told all the same, and how to write it."""

    def full(store, path):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(_run, "write", full)
    code, out, err = run("run", reports(2), "--output", tmp_path / "out.jsonl", *SIMULATED)
    assert (code, out.splitlines()[0]) == (3, "2 classified, 0 failed, 0 pending, 0 abandoned (SIMULATED)")
    assert "nothing is lost: the command `report` writes it" in err


@pytest.mark.parametrize("argv", [["rnu"], ["run"], ["run", "x", "--pack", "26"], ["sweep", "--concurrency", "0"]])
def test_wrong_usage_is_one_line(capsys, argv):
    """That says where to read on."""
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("name", ["run", "sweep", "report", "generate"])
def test_each_command_explains_itself(capsys, name):
    """With an example."""
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"examples:\n  python -m examples.classification {name} " in capsys.readouterr().out


def test_a_store_that_is_missing_is_said(run):
    """In one line."""
    code, _, err = run("report", "--vectors", "words")
    assert (code, "there is no store" in err) == (1, True)
