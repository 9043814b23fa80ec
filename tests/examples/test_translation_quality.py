"""What the comparison of translators measures, and what it measures it by."""

import asyncio

import pytest

from examples.translation_quality import __main__ as command
from examples.translation_quality._cases import cases, references
from examples.translation_quality._rehearsal import CAREFUL, HASTY, rehearsed
from examples.translation_quality._scores import chrf, scores
from examples.translation_quality._translation import translate
from llm_composition_patterns import Failure, Fault, Scenario, Success
from llm_composition_patterns.patterns import brindlehaw
from llm_composition_patterns.patterns.brindlehaw import Texts
from llm_composition_patterns.patterns.parallelization.product_translation.checks import findings
from llm_composition_patterns.tracing import PhoenixError, PhoenixServer, Tracing


@pytest.fixture(scope="module")
def everything():
    return cases(brindlehaw.load().values())


@pytest.fixture(scope="module")
def with_references(everything):
    return [case for case in everything if case.reference is not None]


def test_every_product_is_a_case_in_each_language(everything):
    """Those with a reference first, each key once."""
    assert len(everything) == len({case.key for case in everything}) == 88
    assert [case.reference is not None for case in everything] == [True] * 12 + [False] * 76


def test_the_references_pass_the_checks(with_references):
    """A person kept what a model is to keep."""
    assert len(with_references) == len(references())
    assert [found for case in with_references for found in findings(case.source, case.reference)] == []


def test_a_reference_scores_best_against_itself(with_references):
    """And less against the other language's."""
    spanish, french = (case.reference for case in with_references[:2])
    assert chrf(spanish, spanish) == 100.0
    assert 0 < chrf(french, spanish) < 50


def test_a_translation_is_scored_by_both_measures_where_it_can_be(with_references, everything):
    """chrF++ needs a reference; the checks do not, and say what they found."""
    case = with_references[0]
    close, checked = scores(case, case.reference)
    assert (close.name, close.score) == ("chrF++", 1.0)
    assert (checked.name, checked.score, checked.label, checked.explanation) == ("checks", 1.0, "pass", None)
    worse = case.reference.model_copy(update={"other_details": None})
    close, checked = scores(case, worse)
    assert 0 < close.score < 1
    assert (checked.score, checked.label, checked.explanation) == (0.8, "fail", "other_details is missing")
    assert [score.name for score in scores(everything[-1], everything[-1].source)] == ["checks"]


def translated(model, wanted, scenario=None):
    """What a model makes of some cases."""
    return asyncio.run(translate(model, wanted, scenario=scenario or rehearsed(model)))


def test_the_rehearsed_translators_differ_and_are_the_same_each_time(with_references):
    """Careful is better than hasty, and both are marked."""

    def mean(model):
        runs = translated(model, with_references)
        assert all(isinstance(run.outcome, Success) for run in runs)
        texts = [run.outcome.value.details.texts for run in runs]
        assert all("[simulated]" in entry for one in texts for field in one.fields().values() for entry in field)
        found = [next(scores(run.case, one)).score for run, one in zip(runs, texts, strict=True)]
        return sum(found) / len(found)

    careful, hasty = mean(CAREFUL), mean(HASTY)
    assert careful > hasty + 0.1
    assert mean(HASTY) == hasty


def test_a_failed_translation_is_kept_as_one(with_references):
    """The others go on."""
    refusing = Scenario(faults=(Fault(kind="refusal", match="French"),))
    runs = translated("simulated:", with_references, refusing)
    failed = [run.case.language.name for run in runs if isinstance(run.outcome, Failure)]
    assert failed == ["french"] * 6


def test_no_other_model_is_rehearsed():
    """What is named is called."""
    assert rehearsed("groq:openai/gpt-oss-20b") is None


def test_nothing_is_translated_where_no_phoenix_answers(monkeypatch, capsys):
    """One line that says how to start it, and exit code 2."""
    monkeypatch.setenv("PHOENIX_COLLECTOR_ENDPOINT", "http://127.0.0.1:9")
    assert command.main([]) == 2
    assert "no Phoenix answers at http://127.0.0.1:9" in capsys.readouterr().err


def test_texts_that_a_product_does_not_have_are_no_text():
    """A translation without texts scores nothing."""
    empty = Texts(available_colors=None, product_features=None, fabric_details=None, other_details=None)
    full = Texts(available_colors=["Rojo"], product_features=None, fabric_details=None, other_details=None)
    assert chrf(empty, full) == 0.0


class StandIn(PhoenixServer):
    """A Phoenix that refuses to be written to."""

    def query(self, _text, **_variables):
        """It is there."""
        return {}

    def post(self, path, _body):
        """No space is left."""
        raise PhoenixError(f"Phoenix refuses {path}")


@pytest.fixture
def refusing_phoenix(monkeypatch):
    """The one that the command finds."""
    monkeypatch.setattr(Tracing, "phoenix", property(lambda _: StandIn(url="http://127.0.0.1:9")))
    monkeypatch.setenv("PHOENIX_COLLECTOR_ENDPOINT", "http://127.0.0.1:9")


def test_what_was_paid_is_printed_also_where_phoenix_does_not_take_it(refusing_phoenix, capsys):
    """The table comes first, then one line says why there are no experiments."""
    assert command.main(["--models", CAREFUL, "--product", "2"]) == 2
    out, err = capsys.readouterr()
    assert out.splitlines()[1].split()[:3] == [CAREFUL, "2", "0"]
    assert "Phoenix refuses /v1/datasets/upload" in err


def test_a_refused_key_is_one_line(refusing_phoenix, monkeypatch, capsys):
    """Whatever the number of products that met it."""
    refusing = Scenario(faults=(Fault(kind="unauthorized"),))
    monkeypatch.setattr(command, "rehearsed", lambda _model: refusing)
    assert command.main(["--models", CAREFUL, "--product", "2", "17"]) == 2
    assert "Traceback" not in (err := capsys.readouterr().err)
    assert "key" in err
