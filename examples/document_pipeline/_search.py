"""Finds the chunks of a batch that are nearest to a question, by the vectors that it has of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from llm_composition_patterns import ConfigurationError, Success
from llm_composition_patterns.batch import iter_results
from llm_composition_patterns.console import printable

from . import _hashed
from ._embed import HASHED, Embedder, chosen, unpacked
from ._results import Part, Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_SHOWN: Final = 240


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found.

    Attributes:
        score: The cosine of the angle between its vector and that of the question.
        files: Where its document is.
        part: The chunk.
    """

    score: float
    files: tuple[str, ...]
    part: Part

    def __str__(self) -> str:
        chunk = self.part.chunk
        to = f" to {chunk.last_page}" if chunk.last_page != chunk.first_page else ""
        words = " ".join(chunk.text.split())[:_SHOWN]
        place = printable(f"{', '.join(self.files)}, page {chunk.first_page}{to}")
        return f"{self.score:.3f}  {place}\n       {printable(words)}"

    def record(self) -> dict[str, Any]:
        """The same as JSON."""
        chunk, found = self.part.chunk, self.part.found
        return {
            "score": round(self.score, 4),
            "files": list(self.files),
            "pages": [chunk.first_page, chunk.last_page],
            "text": chunk.text,
            "entities": [entity.model_dump(mode="json") for entity in found.entities],
        }


@dataclass(frozen=True, slots=True)
class Scores:
    """How well questions find their documents.

    Attributes:
        questions: How many there were.
        first: How many found theirs first.
        among: How many found theirs among the nearest.
        reciprocal: The mean of 1 / rank, of the best chunk of the right document.
        guessing: The share that a guess would find first.
    """

    questions: int
    first: int
    among: int
    reciprocal: float
    guessing: float

    def record(self, nearest: int) -> dict[str, Any]:
        """What is told of it."""
        return {
            "questions": self.questions,
            "found_first": self.first,
            f"found_among_{nearest}": self.among,
            "mean_reciprocal_rank": round(self.reciprocal, 3),
            "by_guessing_first": round(self.guessing, 3),
        }


class Index:
    """The chunks of a batch with their vectors.

    Attributes:
        embedder: What made the vectors.
    """

    def __init__(self, store: Path) -> None:
        found = (one.value for one in iter_results(store) if isinstance(one, Success))
        try:
            records = [Record.model_validate(value) for value in found]
        except ValidationError as error:
            raise ConfigurationError(f"{store} is no batch of documents: name the store that `run` wrote") from error
        self._rows = [(record, part) for record in records for part in record.parts]
        if not self._rows:
            raise ConfigurationError(f"{store} has no chunk to search in: `run` reads a folder of PDFs")
        self.embedder = self._rows[0][0].embedder
        if any(record.embedder != self.embedder for record, _ in self._rows):
            raise ConfigurationError(f"{store} has vectors of several embedders: read the folder into a new store")
        self._vectors = unpacked([part.vector for _, part in self._rows])
        self._is_hashed = self.embedder == HASHED
        self._known = _hashed.weighed(self._vectors, self._vectors) if self._is_hashed else self._vectors
        self._makes = Embedder(chosen("hashed" if self._is_hashed else "minilm"))

    def ranked(self, question: str) -> list[Hit]:
        """All chunks, the nearest first."""
        scores = self._known @ self._asked(question)
        order = sorted(range(len(self._rows)), key=lambda row: -scores[row])
        return [Hit(float(scores[row]), self._rows[row][0].files, self._rows[row][1]) for row in order]

    def _asked(self, question: str) -> NDArray[np.float32]:
        vector = self._makes.vectors([question])
        found: NDArray[np.float32] = (_hashed.weighed(vector, self._vectors) if self._is_hashed else vector)[0]
        return found

    def score(self, questions: Sequence[Mapping[str, Any]], nearest: int) -> Scores:
        """How well questions find their documents; a file that says the same as the right one is right too."""
        ranks = []
        for asked in questions:
            hits = self.ranked(str(asked["question"]))
            files = list(dict.fromkeys(hit.files for hit in hits))
            right = {name for hit in hits for name in hit.files if name in asked["files"]}
            ranks.append(next((at for at, names in enumerate(files, 1) if right & set(names)), len(files) + 1))
        documents = len({record.files for record, _ in self._rows})
        share = sum(len(asked["files"]) for asked in questions) / (len(questions) * documents)
        return Scores(
            questions=len(ranks),
            first=sum(rank == 1 for rank in ranks),
            among=sum(rank <= nearest for rank in ranks),
            reciprocal=sum(1 / rank for rank in ranks) / len(ranks),
            guessing=share,
        )


def read_questions(path: Path) -> list[dict[str, Any]]:
    """Each question with all the files that answer it, below the folder of the list.

    Raises:
        ConfigurationError: It has no questions.
    """
    found: dict[str, list[str]] = {}
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found.setdefault(row["question"], []).append(str(path.parent / row["file"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f'{path} is no list of questions: lines of {{"question": ..., "file": ...}}'
        ) from error
    if not found:
        raise ConfigurationError(f"{path} has no question in it")
    return [{"question": question, "files": files} for question, files in found.items()]
