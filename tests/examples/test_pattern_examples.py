"""The examples of the patterns: offline, through a real SDK, and when a part fails."""

import asyncio
import json
import math
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace

import pytest

from llm_composition_patterns import Fault, Scenario, connect, track
from llm_composition_patterns.simulation import SimulatedServer
from llm_composition_patterns.testing import record_spans

NAMES = ["prompt_chaining", "routing", "orchestrator_workers", "evaluator_optimizer", "voting", "sectioning"]
GROQ = ("--model", "groq:openai/gpt-oss-20b", "--trace", "off")
SIMULATED = ("--model", "simulated:x", "--trace", "off")
Serve = Callable[[Scenario], SimulatedServer]


def module_of(name):
    return import_module(f"llm_composition_patterns.patterns.{name}.example")


@pytest.fixture
def run(capsys):
    """Runs the command of an example; its code, what was printed, and what was said but the model's name."""

    def ran(name, *argv):
        code = module_of(name).main(argv)
        out, err = capsys.readouterr()
        lines = [line for line in err.splitlines() if not line.startswith(("model: ", "SIMULATED"))]
        return SimpleNamespace(
            code=code, out=out, err=lines, json=json.loads(out) if "--json" in argv and out else None
        )

    return ran


@pytest.fixture
def through_groq(run, simulated: Serve, monkeypatch: pytest.MonkeyPatch):
    """Runs the command of an example through the real SDK, against a server that answers by the example's rule."""

    def ran(name, *argv, **scenario):
        settings = {"answer": module_of(name).EXAMPLE.offline} | scenario
        server = simulated(Scenario(time_to_first_token=0.01, tokens_per_second=math.inf, **settings))
        monkeypatch.setenv("GROQ_API_KEY", "gsk_planted_secret")
        monkeypatch.setenv("GROQ_BASE_URL", server.url)
        done = run(name, *GROQ, *argv)
        done.calls = server.provider.calls
        assert "planted" not in done.out + "".join(done.err)
        return done

    return ran


SHOWS = {
    "prompt_chaining": "From the record of the High Meadow Sun Hoodie",
    "routing": "[guarantee]",
    "orchestrator_workers": "4 branches",
    "evaluator_optimizer": "round 2: accepted",
    "voting": "of 5 judges, 3 were needed",
    "sectioning": "The records do not say 99.",
}


@pytest.mark.parametrize("name", NAMES)
def test_the_command_of_the_readme_runs_offline(run, readme_of, name):
    """Without a key and without a network, it shows what the pattern is for, and says that it is simulated."""
    done = run(name, *readme_of(name).argv, "--trace", "off")
    assert (done.code, done.err) == (0, [])
    assert SHOWS[name] in done.out
    assert ", SIMULATED" in done.out


@pytest.mark.parametrize("name", NAMES)
def test_the_lines_of_a_terminal_are_enough(run, readme_of, name, monkeypatch):
    """Nothing is wider than the terminal is."""
    monkeypatch.setenv("COLUMNS", "60")
    done = run(name, *readme_of(name).argv, *SIMULATED)
    assert max(map(len, done.out.splitlines())) <= 60


@pytest.mark.parametrize("name", NAMES)
def test_the_groq_sdk_gives_the_same_result(run, through_groq, readme_of, name):
    """Over HTTP the same rule gives the same answers."""
    argv = (*readme_of(name).argv, "--json")
    offline, over_http = run(name, *argv, *SIMULATED), through_groq(name, *argv)
    assert (over_http.code, over_http.err) == (0, [])
    assert over_http.calls == over_http.json["usage"]["calls"]
    one, other = offline.json["result"], over_http.json["result"]
    if name == "voting":  # which of the judges is not needed depends on which are first
        one, other = one["ruling"], other["ruling"]
    assert one == other


@pytest.mark.parametrize("name", NAMES)
def test_made_up_answers_are_answers(through_groq, readme_of, name):
    """A server that knows nothing of the example gives values of the right shape, and they come through."""
    done = through_groq(name, *readme_of(name).argv, answer=None)
    if name == "orchestrator_workers":  # as its README says: nothing made up is in the catalog
        assert (done.code, done.out) == (1, "")
        assert done.err == ["error: nothing in the catalog is like 'Simulated look for'"]
    else:
        assert (done.code, done.err) == (0, [])


@pytest.mark.parametrize("name", NAMES)
def test_a_refused_key_is_one_line_of_an_example(through_groq, readme_of, name):
    """Wherever in the pattern it is found."""
    done = through_groq(name, *readme_of(name).argv, keys=("another",))
    assert (done.code, done.out, len(done.err)) == (2, "", 1)
    assert "GROQ_API_KEY" in done.err[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_provider_that_refuses_everything_is_one_line(through_groq, readme_of, name):
    """Nothing succeeded: exit code 1."""
    done = through_groq(name, *readme_of(name).argv, faults=(Fault(kind="refusal"),))
    assert (done.code, done.out, len(done.err)) == (1, "", 1)
    assert done.err[0].startswith("error: ")


@pytest.mark.parametrize("name", NAMES)
def test_the_trace_is_the_one_that_the_readme_draws(readme_of, name):
    """Span by span, each below the one it belongs to."""
    readme, example = readme_of(name), module_of(name).EXAMPLE
    scenario = Scenario(answer=example.offline, time_to_first_token=0.01, tokens_per_second=math.inf, spread=0)
    model = connect("simulated:x", scenario=scenario)
    step = example.build(model, [])

    async def answer():
        async with model, track(example.name):
            await step(" ".join(readme.argv))

    with record_spans() as spans:
        asyncio.run(answer())
    assert [shortened(tree) for tree in spans.tree()] == readme.tree
    assert spans.unfinished == 0


def shortened(tree):
    """A tree in which calls are `chat` whatever the model, and waits for permits are left out."""
    name, below = tree
    called = "chat" if name.startswith("chat ") else name
    return called, [shortened(one) for one in below if one[0] != "wait for permit"]


def test_a_question_that_is_not_ours_costs_one_call(through_groq):
    """The gate refuses it, and the rest of the chain does not run."""
    done = through_groq("prompt_chaining", "What is the capital of France?")
    assert (done.code, done.calls) == (0, 1)
    assert done.out.startswith("That is not for us to answer")


def test_an_answer_that_is_too_long_is_shortened(through_groq):
    """Code counts the words, and only then is there a third call."""
    chaining = module_of("prompt_chaining")

    def long(request):
        told, asked = request["messages"][0]["content"], request["messages"][-1]["content"]
        if told == chaining.JUDGE:
            return {"value": chaining.Subject.OURS.value}
        return "short" if asked.startswith("Say this in at most") else "word " * 76

    done = through_groq("prompt_chaining", "Which gloves?", answer=long)
    assert (done.calls, done.out.splitlines()[0]) == (3, "short")


def test_a_chain_ends_at_the_step_that_fails(through_groq):
    """One line that names it, and no further call."""
    fault = Fault(kind="refusal", match="You answer customers")
    done = through_groq("prompt_chaining", "Which gloves?", faults=(fault,))
    assert (done.code, done.calls) == (1, 2)
    assert done.err[0].endswith("(in step 'reply' of 'answer_customer')")


@pytest.mark.parametrize(
    ("question", "handler"),
    [
        ("Do you repair a torn zipper?", "guarantee"),
        ("Where is your workshop?", "company"),
        ("Which gloves are for work?", "product"),
        ("hm", "unclear"),
    ],
)
def test_each_topic_has_its_handler(run, question, handler):
    """And what nobody is sure of is asked back."""
    assert run("routing", question, "--json", *SIMULATED).json["result"]["handler"] == handler


def test_a_topic_that_is_not_sure_is_asked_back(through_groq):
    """However well the label is known."""
    routing = module_of("routing")

    def doubtful(request):
        told = request["messages"][0]["content"]
        return {"label": routing.Topic.COMPANY.value, "confidence": 0.59} if told.startswith(routing.SORT) else "hm"

    done = through_groq("routing", "Where is your workshop?", "--json", answer=doubtful)
    assert done.json["result"]["handler"] == "unclear"


SHOPPER = "I work in the cold rain"


def test_an_errand_that_fails_is_named(through_groq):
    """The others go on, the advice is told of it, and the code says that something is missing."""
    fault = Fault(kind="refusal", match="^Which of these products(.|\n)*rain jacket: ")
    done = through_groq("orchestrator_workers", SHOPPER, "--json", faults=(fault,))
    assert done.code == 3
    assert [line.partition(": invalid_output: ")[0] for line in done.err] == ["failed: rain jacket"]
    assert [(one["name"], one["kind"]) for one in done.json["failures"]] == [("rain jacket", "invalid_output")]
    errands = {one["wanted"]: "missing" not in one for one in done.json["result"]["errands"]}
    assert errands == {"insulated jacket": True, "rain jacket": False, "gloves": True, "double-knee pants": True}
    assert "Your rain jacket was not looked up (invalid_output)." in done.json["result"]["advice"]


def test_what_the_catalog_has_not_is_named(run):
    """A table says so too."""
    done = run("orchestrator_workers", "I walk five days and sleep in a tent", *SIMULATED)
    assert (done.code, done.err) == (3, ["failed: tent: error: nothing in the catalog is right for 'tent'"])
    assert ["tent", "not", "found"] in [line.split() for line in done.out.splitlines()]


def test_nothing_found_costs_no_synthesis(through_groq):
    """One plan and one errand, and no call to recommend nothing."""
    done = through_groq("orchestrator_workers", "I sleep")
    assert (done.code, done.calls) == (1, 2)
    assert done.err == ["error: nothing in the catalog is right for 'tent'"]


def test_a_plan_that_is_too_long_is_refused(through_groq):
    """Before anything of it is paid for."""
    done = through_groq(
        "orchestrator_workers", SHOPPER, answer=lambda _: {"value": [{"look_for": "cap", "why": "sun"}] * 7}
    )
    assert (done.code, done.calls, len(done.err)) == (1, 1, 1)
    assert "planned 7 subtasks, and max_subtasks is 6" in done.err[0]


def test_an_empty_plan_is_put_together(through_groq):
    """The synthesis is asked all the same."""
    workers = module_of("orchestrator_workers")

    def nothing(request):
        return {"value": []} if request["messages"][0]["content"].startswith(workers.PLAN) else "Stay at home."

    done = through_groq("orchestrator_workers", SHOPPER, answer=nothing)
    assert (done.code, done.calls, done.out.splitlines()[0]) == (0, 2, "Stay at home.")


def test_a_pitch_gets_better(run):
    """The first round is refused for what it is, the second does what it was told."""
    first, second = run("evaluator_optimizer", "5", "--json", *SIMULATED).json["result"]["rounds"]
    assert first["accepted"] is False
    assert "Leave out the praise. It has 38 words" in first["feedback"]
    assert second["accepted"] is True
    assert second["score"] > first["score"]
    assert 75 <= second["words"] == len(second["pitch"].split()) <= 100
    assert len(second["criteria"]) == 6


def test_a_pitch_that_is_never_accepted_is_the_best(run):
    """A gift card gives too little to write about: three rounds, and the first of the best is kept."""
    result = run("evaluator_optimizer", "37", "--json", *SIMULATED).json["result"]
    assert (result["accepted"], len(result["rounds"]), result["best"]) == (False, 3, 2)
    assert result["pitch"] == result["rounds"][1]["pitch"]


@pytest.mark.parametrize(
    ("words", "accepted", "score"), [(74, False, 29), (75, True, 30), (100, True, 30), (111, False, 27)]
)
def test_words_are_counted_by_code(words, accepted, score):
    """A pitch of the wrong length is not accepted, and loses a point for five words."""
    example = module_of("evaluator_optimizer")
    criteria = dict.fromkeys(example.Scores.model_fields, 5)
    verdict = example.verdict_of(example.Scores(**criteria | {"feedback": "Good."}), words)
    assert (verdict.accepted, verdict.score) == (accepted, score)
    assert verdict.feedback == ("Good." if accepted else f"Good. It has {words} words; write 75 to 100.")


@pytest.mark.parametrize(
    ("wanted", "product_id"),
    [("5", 5), ("rain poncho", 28), ("2009", None), ("5" * 5000, None), ("hmpf", None)],
    ids=range(5),
)
def test_a_product_is_an_id_or_words(wanted, product_id):
    """What is neither is said, and how to mend it."""
    example = module_of("evaluator_optimizer")
    catalog = example.brindlehaw.load()
    if product_id is None:
        with pytest.raises(example.ConfigurationError, match="give an id, 1 to 44, or words of its name"):
            example.product_of(catalog, wanted)
    else:
        assert example.product_of(catalog, wanted).product_id == product_id


def test_the_writer_is_shown_two_pitches_of_other_products():
    """Never one of the product itself, which it would only repeat."""
    example = module_of("evaluator_optimizer")
    pitches = example.brindlehaw.sales_pitches()
    heading, *shown = example.models_for(example.brindlehaw.load()[5], pitches).split("\n\n")
    assert heading == "# Two pitches of other products"
    assert shown == [pitches[34], pitches[24]]


def test_a_refinement_names_the_round_that_failed(through_groq):
    """The judge fails at the second pitch: one line."""
    fault = Fault(kind="refusal", match="^You judge(.|\n)*SIMULATED. This is the")
    done = through_groq("evaluator_optimizer", "5", faults=(fault,))
    assert done.code == 1
    assert done.err[0].endswith("(in round 2 of 'write_pitch')")


@pytest.mark.parametrize(("review", "ruling"), [("It tore.", "publish"), ("I bled. Call me, idiots.", "hold back")])
def test_a_quorum_decides(run, review, ruling):
    """Three of five, or more where several answer at the same moment."""
    result = run("voting", review, "--json", *SIMULATED).json["result"]
    assert result["ruling"] == ruling
    assert result["share"] >= 0.6
    assert [ballot["judge"] for ballot in result["ballots"]] == ["safety", "privacy", "manners", "honesty", "reader"]


def test_judges_that_are_not_needed_are_stopped(through_groq):
    """Two never answer: three others agree, and nobody waits."""
    faults = (Fault(kind="hang", match="for the truth"), Fault(kind="hang", match="who reads it"))
    done = through_groq("voting", "Stupid idiots", "--json", "--timeout", "30", faults=faults, answer=publish)
    assert (done.code, done.json["failures"]) == (0, [])
    ballots = {one["judge"]: one["ballot"] for one in done.json["result"]["ballots"]}
    assert ballots == {
        "safety": "publish",
        "privacy": "publish",
        "manners": "publish",
        "honesty": "not needed",
        "reader": "not needed",
    }


def publish(_request):
    return {"ruling": "publish", "reason": "why not"}


def test_a_judge_that_fails_has_no_vote(through_groq):
    """The ruling stands; the judge is listed."""
    done = through_groq("voting", "It tore.", "--json", faults=(Fault(kind="refusal", match="injuries"), LATE))
    assert done.code == 3
    assert done.json["result"]["ruling"] == "publish"
    assert [one["name"] for one in done.json["failures"]] == ["safety"]


LATE = Fault(kind="straggler", match="who reads it", factor=30)


def test_too_few_judges_are_no_quorum(through_groq):
    """Three of five fail: what the first of them says is the error."""
    faults = tuple(Fault(kind="refusal", match=judge) for judge in ("injuries", "privacy", "truth"))
    done = through_groq("voting", "It tore.", faults=faults)
    assert (done.code, done.out, len(done.err)) == (1, "", 1)
    assert "declined" in done.err[0]


def test_a_section_that_fails_leaves_the_others(through_groq):
    """They are reported; it is listed, and the code says that it is missing."""
    fault = Fault(kind="refusal", match="^List where this text")
    text = "The High Meadow Sun Hoodie is 99 g and sustainable!"
    done = through_groq("sectioning", text, "--json", faults=(fault,))
    assert done.code == 3
    assert [one["name"] for one in done.json["failures"]] == ["tone"]
    assert [len(done.json["result"][section] or "") for section in ("facts", "tone", "policy")] == [1, 0, 1]
    assert done.json["result"]["tone"] is None


def test_a_section_that_fails_is_in_the_table(through_groq):
    """A report with a hole in it says where."""
    done = through_groq("sectioning", "It is 99 g.", faults=(Fault(kind="refusal", match="^List where this text"),))
    assert ["tone", "failed", "(invalid_output)"] in [line.split() for line in done.out.splitlines()]
    assert ["facts", "1", "finding"] in [line.split()[:3] for line in done.out.splitlines()]


def test_a_text_without_faults_has_no_findings(run):
    """A fact of the catalog, told plainly."""
    done = run("sectioning", "The High Meadow Sun Hoodie weighs 121 g.", "--json", *SIMULATED)
    assert done.json["result"] == {"facts": [], "tone": [], "policy": []}
