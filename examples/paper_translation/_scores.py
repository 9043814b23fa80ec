"""Scores against translations that people made: chrF2++ and BLEU, as sacrebleu counts them.

sacrebleu is an extra of this example, because only who has such translations needs it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from llm_composition_patterns import ConfigurationError, Success, read_results

from ._results import PaperTranslation


@dataclass(frozen=True, slots=True)
class Scores:
    """How near translations come to those that people made.

    Attributes:
        texts: How many texts were compared.
        chrf: chrF2++, from 0 to 100.
        bleu: BLEU, from 0 to 100.
    """

    texts: int
    chrf: float
    bleu: float


async def score(store: Path, references: Path) -> Scores:
    """Score what a batch has against the titles and abstracts in a file of JSON lines (`id, title_en, abstract_en`).

    Raises:
        ConfigurationError: The file cannot be read, has none of the papers, or sacrebleu is not installed.
    """
    known = await asyncio.to_thread(lambda: dict(_references(references)))
    ours, theirs = [], []
    async for outcome in read_results(store, output=PaperTranslation):
        if isinstance(outcome, Success) and (reference := known.get(str(outcome.key))):
            for field in ("title", "abstract"):
                text = reference.get(f"{field}_{outcome.value.wanted}")
                if text:
                    ours.append(getattr(outcome.value.translated, field))
                    theirs.append(text)
    if not ours:
        raise ConfigurationError(f"{references} has no translation of any paper that is done: its ids are others")
    return await asyncio.to_thread(scores, ours, theirs)


def scores(ours: Sequence[str], theirs: Sequence[str]) -> Scores:
    """The scores of texts against as many others."""
    try:
        import sacrebleu  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError("scores need sacrebleu: pip install '.[quality]'") from None
    return Scores(
        texts=len(ours),
        chrf=sacrebleu.corpus_chrf(ours, [theirs], word_order=2).score,
        bleu=sacrebleu.corpus_bleu(ours, [theirs]).score,
    )


def _references(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is no UTF-8: {error.reason} at byte {error.start}") from error
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
                yield row["id"], row
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigurationError(
                    f"{path}, line {number}: no reference, as {{'id': ..., 'title_en': ...}}: {error}"
                ) from error
