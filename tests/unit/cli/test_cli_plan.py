"""`llm-patterns plan` and `llm-patterns rehearse`: what they print, and what they refuse."""

import json

import pytest

from llm_composition_patterns.cli import main

BATCH = ["--items", "400", "--seconds-per-item", "36", "--workers", "10"]


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    """There is no `.env` file, and a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def test_a_plan_is_a_table_and_what_holds_it_up(capsys):
    """On stdout, in the width of a terminal."""
    assert main(["plan", *BATCH]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[2].split() == ["yours", "1", "x", "10", "planned", "988", "24", "min", "$0.52", "99%", "25"]
    assert out.endswith("\nyours: held up by workers\n")
    assert max(map(len, out.splitlines())) <= 80


def test_the_strategies_stand_beside_what_was_expected(capsys):
    """The four of the original, on the runners that it had."""
    assert main(["plan", "--strategies"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[8].split() == ["extreme", "20", "x", "100", "expected", "10,000", "3.4", "h"]
    assert lines[9].split()[:4] == ["planned", "9,034", "3.8", "h"]
    assert "extreme: held up by workers, runner minutes" in lines
    assert "extreme: 4,560 runner minutes, where a month has 2,000\n" in captured.err


def test_a_plan_as_json(capsys):
    """One object, exact."""
    assert main(["plan", *BATCH, "--budget", "0.26", "--json"]) == 0
    (batch,) = json.loads(capsys.readouterr().out)["batches"]
    assert (batch["name"], batch["items"], batch["jobs"], batch["workers"]) == ("yours", 400, 1, 10)
    assert (batch["planned"]["done"], batch["planned"]["left"], batch["planned"]["cost"]) == (200, 200, 0.26)
    assert batch["planned"]["binds"] == ["workers", "budget"]


def test_a_rehearsal_stands_beside_its_plan(capsys):
    """As measured, with the retries; and stderr says that it is simulated."""
    assert main(["rehearse", *BATCH, "--failure-rate", "0.05"]) == 0
    captured = capsys.readouterr()
    kinds = [line.split()[index] for line, index in zip(captured.out.splitlines()[2:4], (4, 0), strict=True)]
    assert kinds == ["planned", "rehearsed"]
    assert captured.err.startswith("rehearsing yours: 400 items, simulated ...\n")
    assert "retries\n" in captured.err


def test_a_rehearsal_as_json_says_that_it_is_one(capsys):
    """Both kinds of figures, and that nothing was real."""
    assert main(["rehearse", *BATCH, "--requests-per-minute", "10", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["simulated"] is True
    (batch,) = told["batches"]
    assert batch["rehearsed"]["binds"] == batch["planned"]["binds"] == ["requests a minute"]
    assert batch["rehearsed"]["seconds"] == pytest.approx(batch["planned"]["seconds"], rel=0.1)


@pytest.mark.parametrize(
    ("scenario", "held_up"),
    [("groq-dev", "tokens a minute"), ("ollama-one-gpu", "calls at once"), ("vllm", "workers")],
)
def test_a_scenario_is_planned_and_rehearsed(scenario, held_up, capsys):
    """A ready one says how fast the provider is, what it lets through and does at once, and at what price."""
    given = ["--items", "300", "--workers", "10", "--scenario", scenario]
    assert main(["rehearse", *given, "--json"]) == 0
    (batch,) = json.loads(capsys.readouterr().out)["batches"]
    assert batch["rehearsed"]["binds"] == batch["planned"]["binds"] == [held_up]
    assert batch["rehearsed"]["seconds"] == pytest.approx(batch["planned"]["seconds"], rel=0.1)
    assert batch["rehearsed"]["cost"] == pytest.approx(batch["planned"]["cost"], rel=0.1)
    assert main(["plan", *given, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["batches"][0]["planned"] == batch["planned"]


def test_a_scenario_of_your_own_is_rehearsed_with_its_faults(tmp_path, capsys):
    """The retries are those that they cause; arithmetic knows those that strike at all times."""
    (tmp_path / "own.toml").write_text(
        "time_to_first_token = 2\ntokens_per_second = inf\n"
        '[[faults]]\nkind = "server_error"\nprobability = 0.1\n'
        '[[faults]]\nkind = "server_overloaded"\ntimes = 3\n'
    )
    assert main(["rehearse", "--items", "400", "--scenario", "own.toml", "--json"]) == 0
    (batch,) = json.loads(capsys.readouterr().out)["batches"]
    assert batch["planned"]["retries"] == 44
    assert 30 <= batch["rehearsed"]["retries"] <= 60


def test_what_ends_a_batch_ends_its_rehearsal(tmp_path, capsys):
    """As it will: in one line, with what was done by then."""
    (tmp_path / "own.toml").write_text('seed = 3\n[[faults]]\nkind = "no_credit"\nafter = 60\n')
    assert main(["rehearse", "--items", "400", "--scenario", "own.toml"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "cannot pay" in captured.err
    assert "its store has {'succeeded': 1" in captured.err
    assert len(captured.err.splitlines()) == 2


def test_a_scenario_without_times_is_planned(tmp_path, capsys):
    """All comes at once there, and nothing is divided by it."""
    (tmp_path / "own.toml").write_text("time_to_first_token = 0\ntokens_per_second = inf\n")
    assert main(["plan", "--items", "3", "--scenario", "own.toml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["batches"][0]["planned"]["done"] == 3


def test_a_scenario_that_fails_more_than_half_is_said_to_be_cut(tmp_path, capsys):
    """Arithmetic takes no more."""
    (tmp_path / "own.toml").write_text('[[faults]]\nkind = "server_error"\nprobability = 0.8\n')
    assert main(["plan", "--items", "100", "--scenario", "own.toml"]) == 0
    assert (
        "more than 50% of the requests fail in this scenario: the plan reckons with no more" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--items", "3", "--scenario", "vllm", "--input-price", "1"], "leave --input-price out, or that"),
        (["--items", "3", "--scenario", "nothing"], "nothing: cannot be read: No such file"),
        (["--items", "3"], "give --seconds-per-item, as --items 34237 --seconds-per-item 360; or --strategies"),
        (["--strategies", "--jobs", "3"], "--strategies have their own jobs: leave --jobs out"),
        ([*BATCH, "--failure-rate", "3"], "--failure-rate is a share from 0 to 0.5, not 3.0"),
        ([*BATCH, "--seconds-per-item", "20000", "--runner", "free"], "give a smaller --seconds-per-item, or --runner"),
    ],
)
def test_what_does_not_fit_together_is_one_line(given, told, capsys):
    """In the words of the command line, with the way out."""
    assert main(["plan", *given]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--requests-per-minute", "many"], "'many' is no limit; give how many, at least 1, as 250000"),
        (["--input-price", "-1"], "'-1' is no price; give US dollars a million tokens, as 0.10"),
        (["--output-price", "cheap"], "'cheap' is no price"),
    ],
)
def test_what_is_no_number_is_refused(given, told, capsys):
    """With an example of one."""
    with pytest.raises(SystemExit) as ended:
        main(["plan", *given])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
