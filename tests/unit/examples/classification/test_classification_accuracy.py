"""Accuracy, its interval, the baseline, and the knee: arithmetic."""

import pytest

from examples import minilm
from examples.classification import _embedded
from examples.classification._accuracy import Share, accuracy
from examples.classification._baseline import baseline, nearest_centroids
from examples.classification._flags import LABELED
from examples.classification._invented import invented
from examples.classification._labels import Labels
from examples.classification._plot import plot
from examples.classification._summary import read_labeled
from examples.classification._sweep import Measured, knee
from examples.classification._vectors import product, vectors


def labels(*types, industries=(), severity="low"):
    return Labels(threat_types=types, industries=industries, severity=severity)


@pytest.mark.parametrize(
    ("right", "of", "low", "high"), [(8, 10, 0.490, 0.943), (0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (0, 0, 0.0, 1.0)]
)
def test_the_interval_is_wilsons(right, of, low, high):
    """Also where nothing, or everything, is right; of no sample nothing is known."""
    assert Share(right=right, of=of).interval == pytest.approx((low, high), abs=5e-4)


def test_what_counts_as_right():
    """The main type by its place, all types and industries as sets."""
    pairs = [
        (labels("fraud", "insider"), labels("insider", "fraud")),
        (labels("fraud", industries=("retail", "energy")), labels("fraud", industries=("energy", "retail"))),
        (labels("fraud", "malware"), labels("fraud", severity="high")),
    ]
    assert {name: share.right for name, share in accuracy(pairs).items()} == {
        "main threat type": 2,
        "all threat types": 2,
        "industries": 3,
        "severity": 2,
    }


def test_the_baseline_never_learns_from_what_it_is_tested_on():
    """A label that only one report has cannot be found."""
    found = vectors(["red red wine", "red wine glass", "blue sea wave", "blue sea wind", "red sea blue wine"])
    assert nearest_centroids(found, ["wine", "wine", "sea", "sea", "odd"])[:4] == ["wine", "wine", "sea", "sea"]
    assert nearest_centroids(found, ["wine", "wine", "sea", "sea", "odd"])[4] != "odd"


def test_the_baseline_finds_what_words_tell():
    """Of invented reports, which differ by their words, nearly all; of one without labels it can learn nothing."""
    items = list(invented(120))
    pairs = zip(baseline(items), [item.labels for item in items], strict=True)
    assert accuracy(pairs)["main threat type"].value > 0.95
    with pytest.raises(ValueError, match="labeled reports only"):
        baseline([items[0].model_copy(update={"labels": None})])


def test_vectors_have_length_one():
    """And those of texts without a common word are at right angles."""
    one, two, other = vectors(["red wine", "red wine", "blue sea blue sea"])
    assert product(one, two) == pytest.approx(1.0)
    assert product(one, other) == 0.0


def measured(setting, rate, latency, calls=100, **given):
    return Measured(
        setting=setting,
        limit=4 if setting == "auto" else int(setting),
        seconds=calls / rate,
        classified=calls,
        latencies=[latency] * calls,
        **given,
    )


def test_the_knee_is_where_the_server_is_just_busy():
    """4 slots of 0.5 s: 8 a second at most, whatever waits."""
    assert knee([measured("1", 2.0, 0.5), measured("8", 8.0, 1.0), measured("100", 8.0, 12.5)]) == pytest.approx(4.0)
    assert knee([Measured(setting="1", limit=1, seconds=1.0, classified=0)]) is None


def test_failures_are_no_throughput():
    """The original counted every error as a classified item."""
    assert Measured(setting="5", limit=5, seconds=10.0, classified=20, failed={"provider": 80}).rate == 2.0


def test_the_plot_marks_the_knee():
    """And `auto` where it ended."""
    drawn = plot([measured("1", 2.0, 0.5), measured("100", 8.0, 12.5), measured("auto", 8.0, 0.6)], 4.0, "a server")
    assert drawn.count("knee: 4.0") == 2
    assert drawn.count(">auto<") == 2
    assert "nan" not in drawn


def test_without_an_embedding_model_words_are_compared(monkeypatch):
    """And where they are asked for; what it was is said."""
    monkeypatch.setattr(minilm, "missing", lambda: ["tokenizers"])
    assert _embedded.chosen("auto").name == "TF-IDF"
    monkeypatch.setattr(minilm, "missing", list)
    monkeypatch.setattr(minilm, "checked_files", dict)
    assert [_embedded.chosen(choice).name for choice in ("auto", "words")] == ["all-MiniLM-L6-v2", "TF-IDF"]


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_an_embedding_model_is_the_better_baseline():
    """Twice as often right by the meaning as by the words, of the labeled sample; skipped where there is no model."""
    if _embedded.chosen("auto") is _embedded.WORDS:
        pytest.skip("all-MiniLM-L6-v2 is not installed")
    items = read_labeled(LABELED)
    right = {
        vectors.name: accuracy(zip(baseline(items, vectors), [item.labels for item in items], strict=True))
        for vectors in (_embedded.WORDS, _embedded.chosen("auto"))
    }
    types = {name: shares["main threat type"].right for name, shares in right.items()}
    assert types == {"TF-IDF": 27, "all-MiniLM-L6-v2": 45}
