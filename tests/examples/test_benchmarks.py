"""The benchmarks: what becomes of measurements, and the runner on contestants that need no peers."""

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace

import pytest

import benchmarks.__main__ as command
from benchmarks import _tables, _verdicts, batches, calls, coming_from, fan_out, processes, start_up
from benchmarks._contest import Bar, Contest, Entry, Figure, Summary
from benchmarks._run import Result, environment, run

OURS = Entry(name="ours", contestant=fan_out._by_hand.serial, against="theirs")
THEIRS = Entry(name="theirs", contestant=fan_out._by_hand.gather)


def contest_of(*bars, entries=(OURS, THEIRS)):
    return Contest(name="pair", title="Pair", figures=(Figure("us", "us", 2),), entries=entries, bars=bars)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([3.0], 3.0), ([9.0, 1.0, 2.0], 2.0), ([4.0, 1.0], 2.5)],
)
def test_median_of_rounds(values, expected):
    """Each figure is the median over the rounds."""
    assert _verdicts.medians([{"us": value, "mb": 1.0} for value in values]) == {"us": expected, "mb": 1.0}


def test_no_rounds_have_no_medians():
    """An entry that was never measured has no figures."""
    assert _verdicts.medians([]) == {}


@pytest.mark.parametrize(
    ("results", "against", "expected"),
    [
        ({"ours": {"us": 1.0}, "theirs": {"us": 4.0}}, "theirs", 0.25),
        ({"ours": {"us": 1.0}}, "theirs", None),
        ({"theirs": {"us": 1.0}}, "theirs", None),
        ({"ours": {"us": 1.0}}, None, None),
        ({"ours": {"us": 1.0}, "theirs": {"us": 0.0}}, "theirs", None),
    ],
)
def test_ratio(results, against, expected):
    """A ratio needs both figures, and a peer that is not zero."""
    assert _verdicts.ratio(results, "ours", against, "us") == expected


@pytest.mark.parametrize(
    ("bar", "word", "value"),
    [
        (Bar(entry="ours", figure="us", most=2.0), "PASS", 2.0),
        (Bar(entry="ours", figure="us", most=1.9), "FAIL", 2.0),
        (Bar(entry="ours", figure="us", least=2.0), "PASS", 2.0),
        (Bar(entry="ours", figure="us", least=2.1), "FAIL", 2.0),
        (Bar(entry="ours", figure="us", most=0.5, of="theirs"), "PASS", 0.5),
        (Bar(entry="ours", figure="us", most=0.4, of="theirs"), "FAIL", 0.5),
        (Bar(entry="ours", figure="us", least=0.6, of="theirs"), "FAIL", 0.5),
        (Bar(entry="ours", figure="us", most=0.5, of="absent"), "SKIPPED", None),
        (Bar(entry="absent", figure="us", most=0.5), "SKIPPED", None),
    ],
)
def test_verdict_of_a_bar(bar, word, value):
    """A bar is cleared up to its bound itself, missed beyond, and skipped where a figure is missing."""
    results = {"ours": {"us": 2.0}, "theirs": {"us": 4.0}}
    assert _verdicts.verdicts(contest_of(bar), results) == [_verdicts.Verdict(bar, word, value)]


@pytest.mark.parametrize(
    ("words", "code"), [([], 0), (["PASS", "SKIPPED"], 0), (["PASS", "FAIL"], 1), (["SKIPPED", "FAIL"], 1)]
)
def test_exit_code(words, code):
    """Only a missed bar fails the run."""
    bar = Bar(entry="ours", figure="us", most=1.0)
    assert _verdicts.exit_code([_verdicts.Verdict(bar, word, None) for word in words]) == code


def test_table_of_measurements():
    """A row shows the figures with their digits and the ratio to its peer; skipped rows say so."""
    contest = contest_of(entries=(OURS, THEIRS, replace(OURS, name="absent")))
    assert _tables.measured(contest, {"ours": {"us": 1234.567}, "theirs": {"us": 2469.134}}).splitlines() == [
        "|        | us       | ratio | to     |",
        "|--------|----------|-------|--------|",
        "| ours   | 1,234.57 | 0.5   | theirs |",
        "| theirs | 2,469.13 |       |        |",
        "| absent | skipped  |       |        |",
    ]


def test_table_of_bars():
    """A row shows what was measured, what was wanted, and the verdict."""
    bars = (
        Bar(entry="ours", figure="us", most=0.5, of="theirs"),
        Bar(entry="ours", figure="us", least=3.0),
        Bar(entry="ours", figure="us", most=1.0, of="absent"),
    )
    contest = contest_of(*bars)
    found = _verdicts.verdicts(contest, {"ours": {"us": 2.0}, "theirs": {"us": 4.0}})
    assert _tables.judged(contest, found).splitlines()[2:] == [
        "| ours | us     | 0.5x     | <= 0.5x theirs | PASS    |",
        "| ours | us     | 2.00     | >= 3           | FAIL    |",
        "| ours | us     |          | <= 1x absent   | SKIPPED |",
    ]


def test_missing_peers_are_named_with_the_repair():
    """What was skipped stands below the table, with the commands that install it."""
    printed = command.text(contest_of(), Result({"ours": {"us": 1.0}}, ("aiometer",)), [])
    assert "not installed: aiometer" in printed
    assert "pip install --group bench" in printed


@pytest.mark.parametrize(
    "contest",
    [
        fan_out.contest(),
        calls.contest(),
        processes.contest(),
        batches.contest(),
        start_up.contest(),
        coming_from.tasks(),
        coming_from.faults(),
        coming_from.interrupted(),
    ],
    ids=lambda it: it.name,
)
def test_contests_fit_together(contest):
    """Names are unique, and every peer, bar and figure that is referred to exists."""
    names = [entry.name for entry in contest.entries]
    assert len(set(names)) == len(names)
    assert {entry.against for entry in contest.entries} <= {*names, None}
    assert {bar.entry for bar in contest.bars} <= set(names)
    assert {bar.of for bar in contest.bars} <= {*names, None}
    assert {bar.figure for bar in contest.bars} <= {figure.name for figure in contest.figures}


def test_contestants_run_interleaved_in_fresh_processes():
    """Round after round, every entry once a round, under what the contest puts around them; peers are skipped."""
    given = []

    @contextmanager
    def around():
        given.append("up")
        yield {"items": 40}
        given.append("down")

    turns = []
    entries = (OURS, THEIRS, replace(OURS, name="absent", needs=("no-such-distribution",)))
    result = run(replace(contest_of(entries=entries), around=around), rounds=2, report=turns.append)
    assert [turn.rsplit(": ", 1)[1] for turn in turns] == ["ours", "theirs", "ours", "theirs"]
    assert given == ["up", "down"]
    assert result.missing == ("no-such-distribution",)
    assert sorted(result.medians) == ["ours", "theirs"]
    assert all(figures["us"] > 0 and figures["mb"] > 1 for figures in result.medians.values())


def test_a_glance_replaces_the_settings_of_every_entry():
    """What a contest says of a quick run holds for all its entries."""
    contest = contest_of(entries=(replace(OURS, settings={"wrong": 1}),))
    with pytest.raises(RuntimeError, match="unexpected keyword argument 'also_wrong'"):
        run(replace(contest, entries=(OURS,), quick={"also_wrong": 1}), rounds=1, quick=True)


def test_entries_can_be_measured_side_by_side():
    """Two at a time: every entry is measured, and a failure still ends the run."""
    ours, theirs = (replace(entry, settings={"items": 9}) for entry in (OURS, THEIRS))
    contest = replace(contest_of(entries=(ours, theirs)), side_by_side=2)
    assert set(run(contest, rounds=1).medians) == {"ours", "theirs"}
    with pytest.raises(RuntimeError, match="ours failed"):
        run(replace(contest, entries=(replace(ours, settings={"wrong": 1}), theirs)), rounds=1)


def test_a_summary_is_made_of_entries_that_were_all_measured():
    """Its row stands below theirs, and bars can name it; where one is missing there is none."""
    both = Summary(name="both", of=("ours", "theirs"), made=lambda rows: {"us": sum(row["us"] for row in rows)})
    missing = replace(both, name="more", of=("ours", "absent"))
    entries = (replace(OURS, settings={"items": 9}), replace(THEIRS, settings={"items": 9}))
    contest = replace(contest_of(Bar(entry="both", figure="us", least=0.0), entries=entries), summaries=(both, missing))
    results = run(contest, rounds=1).medians
    assert results["both"]["us"] == results["ours"]["us"] + results["theirs"]["us"]
    assert "more" not in results
    assert [verdict.word for verdict in _verdicts.verdicts(contest, results)] == ["PASS"]
    assert [row.split("|")[1].strip() for row in _tables.measured(contest, results).splitlines()[2:]] == [
        "ours",
        "theirs",
        "both",
        "more",
    ]


def test_a_table_without_comparisons_has_no_column_for_them():
    """Where no entry is compared with another, ratios are left out."""
    contest = contest_of(entries=(THEIRS,))
    assert _tables.measured(contest, {"theirs": {"us": 1.0}}).splitlines()[0] == "|        | us   |"


def test_a_bar_with_two_bounds():
    """What must be exact shows both of its bounds."""
    contest = contest_of(Bar(entry="ours", figure="us", least=30.0, most=30.0))
    found = _verdicts.verdicts(contest, {"ours": {"us": 30.0}})
    assert _tables.judged(contest, found).splitlines()[2] == "| ours | us     | 30.00    | 30 to 30 | PASS |"


def test_a_name_stands_for_all_that_go_on_from_it(monkeypatch, capsys):
    """`limiter` runs every contest of the limiter, and a full name runs that one alone."""
    names = ("calls", "limiter", "limiter-http")
    contests = {name: replace(contest_of(entries=()), name=name, title=name) for name in names}
    monkeypatch.setattr(command, "CONTESTS", {name: lambda name=name: contests[name] for name in names})
    command.main(["limiter"])
    assert [line for line in capsys.readouterr().out.splitlines() if line[:2] == "##"] == [
        "## limiter",
        "## limiter-http",
    ]
    command.main(["limiter-http"])
    assert "## limiter\n" not in capsys.readouterr().out


def test_pictures_are_drawn_instead_of_measuring(monkeypatch, tmp_path):
    """`--plots DIRECTORY` draws, and runs no contest."""
    drawn = []
    monkeypatch.setattr(command.limiter, "draw", lambda directory, **_: drawn.append(directory))
    monkeypatch.setattr(command, "CONTESTS", {})
    assert command.main(["--plots", str(tmp_path)]) == 0
    assert drawn == [tmp_path]


def test_a_contestant_that_fails_ends_the_run():
    """A failure is no figure: it is raised with what the contestant printed."""
    with pytest.raises(RuntimeError, match=r"ours failed:\n(?s:.)*unexpected keyword argument 'wrong'"):
        run(contest_of(entries=(replace(OURS, settings={"wrong": 1}),)), rounds=1)


def test_our_fan_outs_are_measured(monkeypatch, capsys):
    """The command prints a table with a figure for each of ours, and one with its bars."""
    tiny = fan_out.contest(small=60, large=120, traced=80, streamed=900)
    kept = [entry for entry in tiny.entries if "parallelize" in entry.name or "stream" in entry.name]
    free = tuple(bar for bar in tiny.bars if bar.of is None)
    contest = replace(tiny, entries=tuple(kept), bars=(*free, replace(free[0], most=0.0)))
    monkeypatch.setitem(command.CONTESTS, "fan-out", lambda: contest)
    code = command.main(["fan-out", "--quick"])
    printed = capsys.readouterr()
    assert code == 1  # nothing costs nothing
    assert printed.out.count("parallelize") == 9
    for items in (60, 80, 120):
        assert f"parallelize, traced, {items} items" in printed.out
    assert "| <= 0 | FAIL |" in " ".join(printed.out.split())
    assert "round 1 of 1: stream_outcomes" in printed.err


def test_our_calls_are_measured(monkeypatch, capsys):
    """The calls go to a server of their own, and `--json` gives one object."""
    tiny = calls.contest(calls=12, few=2, many=4)
    kept = tuple(entry for entry in tiny.entries if "4 in flight" in entry.name and "traced" in entry.name)
    monkeypatch.setitem(command.CONTESTS, "calls", lambda: replace(tiny, entries=kept, bars=()))
    code = command.main(["calls", "--quick", "--json"])
    found = json.loads(capsys.readouterr().out)["contests"]["calls"]["medians"]
    assert code == 0
    assert len(found) == 2
    assert all(figures["rate"] > 1 and figures["cpu"] > 0 for figures in found.values())


def test_our_batches_are_measured():
    """With and without a store, with large results, and with nothing left to do."""
    results = run(batches.contest(items=40, in_flight=20, large=30, size=1_000), rounds=1).medians
    assert len(results) == 4
    assert all(figures["seconds"] > 0 and figures["each"] > 0 for figures in results.values())


def test_start_up_is_measured():
    """The CPU time of a bare interpreter is measured and under a second."""
    contest = start_up.contest()
    figures = run(replace(contest, entries=contest.entries[:1]), rounds=1).medians[contest.entries[0].name]
    assert 0 < figures["cpu"] < 1


def test_without_arguments_every_contest_runs(monkeypatch, capsys):
    """All contests are run in one go; the exit code is that of all their bars."""
    missed = contest_of(Bar(entry="ours", figure="us", most=0.0), entries=(replace(OURS, settings={"items": 9}),))
    monkeypatch.setattr(command, "CONTESTS", {"first": lambda: missed, "second": lambda: replace(missed, bars=())})
    assert command.main(["--quick"]) == 1
    assert capsys.readouterr().out.count("## Pair") == 2


@pytest.mark.parametrize(("quick", "code"), [(["--quick"], 0), ([], 1)])
def test_a_quick_run_judges_no_bar_that_needs_the_whole(quick, code, monkeypatch, capsys):
    """What a small job cannot tell is shown with its figure, and misses nothing."""
    bar = Bar(entry="ours", figure="us", most=0.0, whole=True)
    contest = contest_of(bar, entries=(replace(OURS, settings={"items": 9}),))
    monkeypatch.setattr(command, "CONTESTS", {"first": lambda: replace(contest, rounds=1)})
    assert command.main(quick) == code
    assert ("TOO SMALL" in capsys.readouterr().out) == bool(quick)


def test_an_unknown_contest_is_refused(capsys):
    """A name that is none is answered with those that are."""
    with pytest.raises(SystemExit, match="2"):
        command.main(["fanout"])
    assert "there are fan-out, calls, processes, batches, start-up" in capsys.readouterr().err


def test_the_command_explains_itself():
    """`python -m benchmarks --help` names the contests, without any peer installed."""
    shown = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert "fan-out; calls; processes; batches; start-up" in shown.stdout
