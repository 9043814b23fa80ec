"""The puzzle search: its commands offline and through a real SDK, its time limits, and what it measures."""

import asyncio
import json
import os
import re
import signal
from dataclasses import replace
from pathlib import Path

import checked_elsewhere
import pytest

from examples.puzzle_search import _solve
from examples.puzzle_search.__main__ import main
from examples.puzzle_search._candidates import RUNAWAY, Candidate, check, rehearsed
from examples.puzzle_search._grids import grid_of
from examples.puzzle_search._levels import LEVELS, LOOP
from examples.puzzle_search._measure import DifferentAnswers, Pair, Row, measured
from examples.puzzle_search._plot import plot
from examples.puzzle_search._programs import NoProgram
from examples.puzzle_search._report import in_order, record, show
from examples.puzzle_search._search import Solution, examine, samples_of
from examples.puzzle_search._tasks import Pair as Shown
from examples.puzzle_search._tasks import Task, invented
from llm_composition_patterns import Failure, Fault, Scenario, StepTimeout, Success, in_processes, parallelize
from llm_composition_patterns.testing import ScriptedModel

ROOT = Path(__file__).resolve().parents[2]
SHOWN = (("12 30", "31 02"), ("40 05", "04 50"))
SMALL = Task(
    "small",
    tuple(Shown(grid_of(given.split()), grid_of(wanted.split())) for given, wanted in SHOWN),
    (Shown(grid_of(["67", "80"]), grid_of(["86", "07"])),),
)


@pytest.fixture
def run(capsys):
    """Runs a command; its code, what was printed, and what was said."""

    def ran(*argv):
        code = main([*map(str, argv)])
        out, err = capsys.readouterr()
        return code, out, err

    return ran


def test_the_command_of_the_readme_solves_invented_puzzles(run):
    """Offline, without a model, with what it measured."""
    readme = (ROOT / "examples/puzzle_search/README.md").read_text(encoding="utf-8")
    assert re.search(r"^python -m examples.puzzle_search solve$", readme, re.MULTILINE)
    code, out, err = run("solve", "--puzzles", 4, "--workers", 2, "--trace", "off")
    assert (code, err) == (0, "")
    *programs, told, measured = out.splitlines()
    assert programs[1] == "puzzle-0-001: slide_down | transpose"
    assert told == "4 puzzles, 3 right, 1 unsolved"
    assert re.fullmatch(r"18 branches of [\d.]+ s in [\d.]+ s on 2 processes: [\d.]+x", measured)


def test_puzzles_of_a_file_are_solved(run, tmp_path):
    """What a test should give may be unknown."""
    path = tmp_path / "turned.json"
    task = {"train": [{"input": [[1, 2], [3, 0]], "output": [[3, 1], [0, 2]]}], "test": [{"input": [[6, 7], [8, 0]]}]}
    path.write_text(json.dumps(task))
    code, out, _ = run("solve", path, "--workers", 1, "--json", "--trace", "off")
    told = json.loads(out)
    assert (code, told["unknown"], told["solutions"][0]["answers"]) == (0, 1, [["86", "07"]])


def test_what_was_generated_can_be_solved(run, tmp_path):
    """The same puzzles as those that are invented on the way."""
    _, out, _ = run("generate", 2, "--seed", 3)
    path = tmp_path / "puzzles.jsonl"
    path.write_text(out)
    assert _solve.read([path]) == [*invented(2, seed=3)]


def test_a_file_that_is_no_puzzle_is_named(run, tmp_path):
    """One line, exit code 2, before any process starts."""
    (tmp_path / "bad.json").write_text("{}")
    code, out, err = run("solve", tmp_path / "bad.json")
    assert (code, out) == (2, "")
    assert "bad.json is no puzzle" in err
    assert len(err.splitlines()) == 1


def test_a_file_of_another_encoding_is_no_puzzle(run, tmp_path):
    """One line that names it, and no traceback."""
    (tmp_path / "utf16.json").write_bytes("{}".encode("utf-16"))
    code, out, err = run("solve", tmp_path / "utf16.json")
    assert (code, out) == (2, "")
    assert re.fullmatch(r"error: \S*utf16.json is no puzzle: UnicodeDecodeError: .*\n", err)


@pytest.mark.parametrize(("wrong", "ending"), [(StepTimeout("late"), "fails"), (NoProgram("none"), "is unsolved")])
async def test_a_puzzle_whose_candidates_could_not_be_checked_is_not_unsolved(wrong, ending):
    """Where none that was checked fits; text that is no program was checked."""

    async def checked(candidate):
        if candidate.program == "slide_down":
            raise wrong
        return check(candidate)

    proposing = ScriptedModel(json.dumps({"programs": ["transpose", "slide_down"]}))
    search = _solve.by_model(proposing, checked, 9.0, _solve.Tally())
    if ending == "fails":
        with pytest.raises(_solve.Unsearched, match=r"1 of 2 candidates: late"):
            await search(SMALL)
    else:
        assert (await search(SMALL)).programs == ()


def test_a_model_proposes_and_its_runaways_are_ended(run):
    """They are told with what is no program, and the puzzles are solved by the others."""
    argv = ("--candidates", "model", "--model", "simulated:proposer", "--puzzles", 12, "--timeout", 0.2)
    code, out, err = run("solve", *argv, "--workers", 2, "--json", "--trace", "off")
    told = json.loads(out)
    dropped = [line for line in err.splitlines() if line.startswith("candidate dropped: puzzle-0-")]
    assert (code, told["failed"], told["wrong"], told["usage"]["calls"]) == (0, 0, 0, 12)
    assert told["right"] + told["unsolved"] == 12
    assert told["right"] >= 8
    assert told["candidates_dropped"] == len(dropped) > 1
    assert all(f"{RUNAWAY}: timeout" in line or "no operation 'fold_paper'" in line for line in dropped)


def test_it_runs_through_a_real_sdk(run, simulated, monkeypatch):
    """Groq's, over HTTP, against the simulated server; a puzzle whose call fails is failed, and the others go on."""
    tasks = [*invented(3)]
    refused = re.escape("".join(map(str, tasks[1].shown[0].given[0])))
    scenario = Scenario(answer=rehearsed(tasks), faults=(Fault(kind="refusal", match=refused),))
    monkeypatch.setenv("GROQ_API_KEY", "key")
    monkeypatch.setenv("GROQ_BASE_URL", simulated(scenario).url)
    code, out, err = run(
        "solve",
        "--candidates",
        "model",
        "--model",
        "groq:x",
        "--puzzles",
        3,
        "--timeout",
        0.3,
        "--json",
        "--workers",
        1,
    )
    told = json.loads(out)
    assert (code, told["failed"], told["right"] + told["unsolved"]) == (3, 1, 2)
    assert "failed: puzzle-0-001: invalid_output: " in err


def test_ctrl_c_shows_what_is_finished(run, monkeypatch):
    """With exit code 130; a puzzle that was cut off is not searched, and has not failed."""

    def by_signal(*_):
        async def search(task):
            if task.key != "puzzle-0-000":
                os.kill(os.getpid(), signal.SIGINT)
                await asyncio.Event().wait()
            return Solution(task.key, ("turn_right",), (), True, None)

        return search

    monkeypatch.setattr(_solve, "by_enumeration", by_signal)
    code, out, err = run("solve", "--puzzles", 2, "--workers", 1, "--json", "--trace", "off")
    told = json.loads(out)
    assert (code, err) == (130, "stopping: what is finished is kept (once more to end at once)\n")
    assert [solution["id"] for solution in told["solutions"]] == ["puzzle-0-000"]
    assert (told["right"], told["failed"], told["not_searched"]) == (1, 0, 1)


@pytest.mark.parametrize(("kind", "ended"), [("unauthorized", 2), ("unknown_model", 2), ("no_credit", 1)])
def test_what_every_puzzle_would_fail_with_ends_the_search(run, simulated, monkeypatch, kind, ended):
    """One line, and no call for the puzzles that were not begun."""
    server = simulated(Scenario(faults=(Fault(kind=kind),)))
    monkeypatch.setenv("GROQ_API_KEY", "key")
    monkeypatch.setenv("GROQ_BASE_URL", server.url)
    flags = ("--candidates", "model", "--model", "groq:x", "--workers", 1, "--max-concurrency", 1, "--trace", "off")
    code, out, err = run("solve", *flags, "--puzzles", 40, "--json")
    assert (code, out) == (ended, "")
    assert [line.partition(":")[0] for line in err.splitlines() if "failed" in line or "error" in line] == ["error"]
    assert server.provider.calls <= 5


@pytest.mark.alone
async def test_a_runaway_is_ended_within_its_limit_and_the_pool_stays_whole():
    """Half a second after it at most, whatever waits meanwhile; the others are right, and two processes go on."""
    programs = ["turn_right", RUNAWAY, *["turn_right"] * 20, RUNAWAY, *["turn_right"] * 20]
    async with in_processes(checked_elsewhere.check_and_sign, workers=2) as step:
        outcomes = await parallelize(
            step, [Candidate(program, SMALL) for program in programs], timeout=0.5, on_error="collect"
        )
        after = await parallelize(step, [Candidate("turn_right", SMALL)] * 200)
    ended = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    assert [(outcome.name, outcome.kind, outcome.input.program) for outcome in ended] == [
        ("check_and_sign", "timeout", RUNAWAY)
    ] * 2
    assert all(0.5 <= outcome.elapsed <= 1.0 for outcome in ended)
    signed = [outcome.value for outcome in outcomes if isinstance(outcome, Success)]
    assert {verdict.explained for verdict, _ in [*signed, *after]} == {2}
    assert len({process for _, process in after}) <= 2
    assert len({process for _, process in [*signed, *after]}) <= 2 + len(ended)


async def test_a_plain_function_is_refused_with_the_repair():
    """On the event loop the samples would be examined one after the other."""
    with pytest.raises(TypeError, match=r"in_processes\(examine\)"):
        await parallelize(examine, samples_of(SMALL))


def test_every_level_is_measured(capsys):
    """Once each, over a puzzle that takes no time; what it found is compared with the plain loop."""
    rows = in_order(asyncio.run(measured([SMALL], workers=1)))
    assert [row.level for row in rows[:1]] == [LOOP]
    assert {row.level.name for row in rows} == {level.name for level in LEVELS}
    branches = {row.level.name: row.branches for row in rows}
    assert branches["tasks, processes"] == branches["(none), loop"] == 1
    assert branches["samples, threads"] == 3
    assert branches["operations, asyncio"] > 3000
    assert all(0 < row.inside <= 1.01 for row in rows)
    show(rows)
    assert len(capsys.readouterr().out.splitlines()) > len(rows)


async def test_a_level_that_finds_something_else_is_no_level():
    """Its speed is not told."""

    async def lazy(work, tasks):
        return [replace(await work("task", task), programs=()) for task in tasks]

    wrong = replace(LOOP, where="asyncio", run=lazy)
    with pytest.raises(DifferentAnswers, match=r"\(none\), asyncio found something else .* for small"):
        await measured([SMALL], workers=1, levels=(LOOP, wrong))


def pairs(*measures):
    """Rounds in which a level took so long while others took so much, and the plain loop a second."""
    return tuple(
        Pair(seconds=seconds, loop=1.0, branches=2, inside=0.9, cpu=1.0, busiest=0.5, loop_cpu=0.9, others=others)
        for seconds, others in measures
    )


def test_disturbed_rounds_do_not_count_where_there_are_others():
    """Else all do; the speed-up by CPU time is of all."""
    row = Row(LOOP, pairs((0.5, 0.1), (0.8, 0.9), (0.4, 0.15)))
    assert (row.speed_up, len(row.counted), row.others, row.by_cpu) == (2.25, 2, 0.125, 1.8)
    assert Row(LOOP, pairs((0.5, 0.9), (0.8, None))).speed_up == 1.625


def test_the_plot_and_the_record_say_what_was_measured():
    """The plot is an SVG with a bar for each level; the record is JSON."""
    rows = [Row(LOOP, pairs((1.0, 0.0))), Row(LEVELS[0], pairs((0.1, None)))]
    drawn = plot(rows, workers=2, title="A & B")
    assert drawn.startswith("<svg")
    assert "<title>A &amp; B</title>" in drawn
    assert all(f">{words}</text>" in drawn for words in ("1.00x", "10.00x", "2x", "(none), loop"))
    told = json.loads(json.dumps(record(rows, workers=2, tasks=1)))
    assert [(level["speed_up"], level["rounds"]) for level in told["levels"]] == [
        (1.0, [{"speed_up": 1.0, "others": 0.0}]),
        (10.0, [{"speed_up": 10.0, "others": None}]),
    ]


def test_levels_are_printed_and_drawn(run, tmp_path, monkeypatch):
    """By the command; a plot that cannot be written is found before anything is measured."""
    rows = [Row(LOOP, pairs((1.0, 0.0)))]

    async def at_once(*_, **__):
        return rows

    monkeypatch.setattr("examples.puzzle_search._compare.measured", at_once)
    code, out, err = run("levels", "--puzzles", 1, "--plot", tmp_path / "levels.svg")
    assert (code, err) == (0, f"plot written: {tmp_path / 'levels.svg'}\n")
    assert "1.00x" in out
    assert (tmp_path / "levels.svg").read_text().startswith("<svg")
    assert run("levels", "--puzzles", 1, "--plot", tmp_path / "levels.svg" / "other.svg")[0] == 2


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_processes_are_nearly_twice_as_fast_on_two_cores():
    """Against the plain loop, over 80 puzzles in pairs; by CPU time where others disturb."""
    levels = [level for level in LEVELS if level is LOOP or (level.where == "processes" and level.tasks is None)]
    rows = {row.level.name: row for row in await measured([*invented(80)], workers=2, levels=levels, size=20)}
    row = rows["samples, processes"]
    assert (row.speed_up if any(pair.quiet for pair in row.pairs) else row.by_cpu) >= 1.85
    assert rows["micro-batches in NumPy, processes"].by_cpu > row.by_cpu
