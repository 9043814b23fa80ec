"""The command of an example: what it takes, what it prints, how it ends."""

import asyncio
import io
import json
from decimal import Decimal
from types import SimpleNamespace

import pytest

from llm_composition_patterns import Usage, ask, outcome, runs, testing
from llm_composition_patterns.console import Example, _example, run_example
from llm_composition_patterns.errors import (
    ConfigurationError,
    InsufficientCredit,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
)

QUIET = ("--model", "simulated:x", "--trace", "off")


def example_of(step, **settings):
    """An example of one step, which says of its result what `str` does."""
    return Example(
        name="echo",
        description="Say it again.",
        commands="{prog} hello",
        asks_for="word",
        **{"build": lambda *_: step, "show": lambda value: [str(value)], "record": str} | settings,
    )


async def shout(word):
    return word.upper()


def raising(error):
    async def step(_word):
        raise error

    return step


@pytest.fixture
def run(capsys):
    """Runs an example's command line; its code, what was printed, and what was said but the model's name."""

    def ran(example, *argv):
        try:
            code = run_example(example, [*QUIET, *argv])
        except SystemExit as ended:
            code = ended.code
        out, err = capsys.readouterr()
        lines = [line for line in err.splitlines() if not line.startswith(("model: ", "SIMULATED"))]
        return SimpleNamespace(code=code, out=out, err=lines)

    return ran


@pytest.fixture
def stdin(monkeypatch):
    """Makes stdin hold a text, or be a terminal at which lines are typed."""

    def given(text="", *, typed=None):
        stream = io.StringIO(text)
        if typed is not None:
            stream.isatty = lambda: True

        async def lines():
            for line in typed:
                yield line

        monkeypatch.setattr("sys.stdin", stream)
        monkeypatch.setattr(_example, "typed_lines", lines)

    return given


def test_words_on_the_command_line_are_one_input(run):
    """They need no quotes; the result is printed with what it took."""
    done = run(example_of(shout), "good", "morning")
    assert done.code == 0
    shown, empty, measured = done.out.splitlines()
    assert (shown, empty) == ("GOOD MORNING", "")
    assert measured.endswith("s, 0 tokens in, 0 out, 0 calls, 0 retries, cost $0, SIMULATED")
    assert done.err == []


def test_what_stdin_holds_is_the_input(run, stdin):
    """All of it, lines and all."""
    stdin("good\nmorning\n")
    assert run(example_of(shout)).out.splitlines()[:2] == ["GOOD", "MORNING"]


@pytest.mark.parametrize("empty", ["", " \n\n"])
def test_nothing_to_answer_is_wrong_usage(run, stdin, empty):
    """An empty stdin that is no terminal has no conversation in it."""
    stdin(empty)
    done = run(example_of(shout))
    assert done.code == 2
    assert done.err == ["error: there is no word: give it as an argument, or on stdin"]


def test_a_closed_stdin_is_wrong_usage(run, monkeypatch):
    """As that of a daemon."""
    monkeypatch.setattr("sys.stdin", None)
    assert run(example_of(shout)).code == 2


def test_json_is_one_object(run):
    """With the result as the example records it, and nothing else on stdout."""
    done = run(example_of(shout), "hello", "--json")
    whole = json.loads(done.out)
    assert whole.keys() == {"result", "failures", "seconds", "usage", "model", "simulated", "trace"}
    assert (whole["result"], whole["failures"], whole["model"]) == ("HELLO", [], "simulated:x")
    assert (whole["simulated"], whole["trace"], whole["usage"]["calls"]) == (True, None, 0)


def test_its_run_is_drawn(run, tmp_path):
    """Under the name of its root span, whether or not spans go anywhere."""
    path = tmp_path / "timeline.svg"
    done = run(example_of(shout), "hello", "--timeline", str(path))
    assert (done.code, done.err) == (0, [f"timeline written: {path}"])
    assert f">{example_of(shout).name}</text>" in path.read_text()


def test_json_is_for_one_input(run, stdin):
    """A conversation has no end at which one object could be printed."""
    stdin(typed=["hello"])
    done = run(example_of(shout), "--json")
    assert (done.code, done.out) == (2, "")
    assert done.err == ["error: --json is for one word: give it as an argument, or on stdin"]


@pytest.mark.parametrize(
    ("error", "code"),
    [(ConfigurationError("no such word"), 2), (ModelUnavailable("no such word"), 1), (RateLimited("no such word"), 1)],
)
def test_an_error_is_one_line(run, error, code):
    """What the input is to blame for is 2, what failed is 1."""
    done = run(example_of(raising(error)), "hello")
    assert (done.code, done.out, done.err) == (code, "", ["error: no such word"])


def test_a_bug_is_not_hidden(run):
    """Only known errors become lines."""
    with pytest.raises(ZeroDivisionError):
        run(example_of(raising(ZeroDivisionError())), "hello")


def test_a_step_has_its_time(run):
    """What takes longer than --timeout ends with a line that names the flag."""

    async def forever(_word):
        await asyncio.Event().wait()

    done = run(example_of(forever), "hello", "--timeout", "0.02")
    assert done.code == 1
    late = "step 'forever' ran longer than 0.02 s; give it more time with --timeout, or less to do"
    assert done.err == [f"error: {late}"]


def test_a_conversation_has_one_budget(run, stdin):
    """Each turn may spend what those before it have left, and nothing is left for ever."""
    seen = []

    async def spend(_word):
        (purse,) = runs.purses()
        seen.append(purse.budget.usd)
        runs.settle(Usage(calls=1, known_cost=Decimal("0.4")))

    stdin(typed=["one", "two", "three", "four"])
    assert run(example_of(spend), "--budget", "1").code == 0
    assert seen == [Decimal(1), Decimal("0.6"), Decimal("0.2"), _example.LEAST]


def test_a_seed_and_a_budget_go_together(run):
    """The model with the seed says that its price is known inside."""

    def build(model, _conversation):
        async def answer(word):
            return await ask(model, word)

        return answer

    done = run(example_of(None, build=build), "hello", "--seed", "3", "--budget", "0.01")
    assert (done.code, done.err) == (0, [])


def test_another_s_timeout_is_told_as_it_is(run):
    """Only the time of --timeout is blamed on it."""
    assert run(example_of(raising(ModelTimeout("the model slept"))), "hello").err == ["error: the model slept"]


OUTCOMES = [
    outcome.Success("a", name="first", elapsed=1.0),
    outcome.Failure(RateLimited("slow down"), kind="rate_limit", name="second", index=1, elapsed=1.0),
    outcome.Failure(asyncio.CancelledError(), kind="cancelled", name="third", index=2, elapsed=1.0),
]


def test_branches_that_failed_are_listed(run):
    """The result is there, the timeline is drawn, and the code says that a part is missing."""
    done = run(example_of(shout, outcomes=lambda _: OUTCOMES), "hello")
    assert done.code == 3
    assert done.err == ["failed: second: rate_limit: slow down"]
    assert "HELLO" in done.out
    assert "3 branches (1 ok, 1 rate_limit, 1 cancelled)" in done.out


def test_json_lists_branches_that_failed(run):
    """Those that were cancelled were not needed."""
    done = run(example_of(shout, outcomes=lambda _: OUTCOMES), "hello", "--json")
    assert json.loads(done.out)["failures"] == [{"name": "second", "kind": "rate_limit", "error": "slow down"}]


def test_branches_that_were_not_needed_are_no_failures(run):
    """A vote that is decided cancels the rest, and is whole."""
    assert run(example_of(shout, outcomes=lambda _: [OUTCOMES[0], OUTCOMES[2]]), "hello").code == 0


def test_what_a_model_writes_cannot_steer_the_terminal(run):
    """Control characters are shown as such."""

    async def spray(_word):
        return "\x1b[2Jgone\x07\nnext"

    assert run(example_of(spray), "hello").out.splitlines()[:2] == ["?[2Jgone?", "next"]


def test_no_color_is_wanted(run, monkeypatch):
    """With NO_COLOR a terminal that could show colors gets none."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    colored = run(example_of(shout, outcomes=lambda _: OUTCOMES), "hello")
    monkeypatch.setenv("NO_COLOR", "1")
    plain = run(example_of(shout, outcomes=lambda _: OUTCOMES), "hello")
    assert "\x1b[31m" in colored.out
    assert "\x1b[3" not in plain.out


def remembering(history):
    async def step(word):
        return f"{word}, and before: {', '.join(message['content'] for message in history)}"

    return step


def test_a_conversation_remembers(run, stdin):
    """Each turn is told what was said before, as the example says it."""
    stdin(typed=["one", "two", "three"])
    done = run(
        example_of(None, build=lambda _, history: remembering(history), says=lambda value: f"{len(value)} letters")
    )
    shown = [line for line in done.out.splitlines() if ", and before:" in line]
    assert (done.code, done.err) == (0, ["type a word; Ctrl-D ends"])
    assert shown == [
        "one, and before:",
        "two, and before: one, 17 letters",
        "three, and before: one, 17 letters, two, 32 letters",
    ]


def failing_at(word, error):
    async def step(typed):
        if typed == word:
            raise error
        return typed.upper()

    return step


@pytest.mark.parametrize("error", [ConfigurationError("no such word"), ModelUnavailable("no such word")])
def test_an_error_ends_one_turn_only(run, stdin, error):
    """It is a line, and the next question is answered."""
    stdin(typed=["bad", "good"])
    done = run(example_of(failing_at("bad", error)))
    assert (done.code, done.err[1:]) == (0, ["error: no such word"])
    assert "GOOD" in done.out


def test_a_turn_that_failed_is_forgotten(run, stdin):
    """What was not answered is no part of the conversation."""
    seen = []

    def build(_model, history):
        async def step(word):
            seen.append(list(history))
            return await failing_at("bad", ModelUnavailable("down"))(word)

        return step

    stdin(typed=["bad", "good"])
    run(example_of(None, build=build))
    assert seen == [[], []]


def test_what_no_other_turn_would_be_spared_ends_the_conversation(run, stdin):
    """An account without credit answers nothing else either."""
    stdin(typed=["bad", "good"])
    done = run(example_of(failing_at("bad", InsufficientCredit("pay first"))))
    assert (done.code, done.err[1:]) == (1, ["error: pay first"])
    assert "GOOD" not in done.out


def test_each_answer_of_a_conversation_is_a_trace(tmp_path, run, stdin):
    """And the traces are one session."""
    stdin(typed=["one", "two"])
    trace = tmp_path / "trace.jsonl"
    run(example_of(shout), "--trace", f"file:{trace}")
    text = trace.read_text()
    assert text.count('"name":"echo"') + text.count('"name": "echo"') == 2
    assert "session.id" in text


def test_a_turn_shows_what_was_asked_and_answered(tmp_path, run, stdin):
    """On its root span, the only one of which a session's page shows anything."""
    stdin(typed=["one"])
    trace = tmp_path / "trace.jsonl"
    run(example_of(shout), "--trace", f"file:{trace}")
    [root] = json.loads(trace.read_text())["resourceSpans"][0]["scopeSpans"][0]["spans"]
    shown = {one["key"]: one["value"].get("stringValue") for one in root["attributes"]}
    assert (shown["input.value"], shown["output.value"]) == ("one", "ONE")


def test_the_simulated_model_answers_by_the_example_s_rule(run):
    """The rule is given the request as it would go over the wire."""

    def build(model, _history):
        async def step(word):
            return (await model.complete(word)).text

        return step

    done = run(example_of(None, build=build, offline=lambda request: request["messages"][0]["content"] * 2), "ha")
    assert done.out.startswith("haha\n")


async def test_a_seed_is_that_of_every_call():
    """Whatever the step asks."""
    model = testing.ScriptedModel("a", "b")
    seeded = _example._Seeded(model, 7)
    await seeded.complete("one")
    await seeded.complete("two", seed=1, max_tokens=5)
    assert [settings for _, settings in model.calls] == [{"seed": 7}, {"seed": 7, "max_tokens": 5}]


@pytest.mark.parametrize("seed", [[], ["--seed", "7"]])
def test_the_step_is_built_with_a_seeded_model(run, seed):
    """Only where a seed is given."""
    built = []

    def build(model, _history):
        built.append(model)
        return shout

    run(example_of(None, build=build), "hello", *seed)
    assert isinstance(built[0], _example._Seeded) is bool(seed)


class Unnamed:
    """A model of a local server that was not asked for by its name."""

    name = "ollama:qwen3:8b"

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None


def test_a_model_without_a_name_is_called_by_its_own(run, monkeypatch):
    """As soon as the server has said it."""
    monkeypatch.setattr(_example, "connect", lambda *_, **__: Unnamed())
    monkeypatch.setattr(_example, "chosen_model", lambda _: "ollama:")
    done = run(example_of(shout), "hello", "--json")
    assert json.loads(done.out)["model"] == "ollama:qwen3:8b"


def test_help_says_what_it_takes(run):
    """And shows whole command lines."""
    done = run(example_of(shout), "--help")
    assert done.code == 0
    assert "the word; without one, a conversation on a terminal" in " ".join(done.out.split())
    assert " hello\n" in done.out
