"""Writes what a batch has: a file for each paper and format, done ones apart from flagged ones, and lists of all.

A file is named by a hash of the paper's id, never by the id: that may have any characters in it. Each file is there
whole or not at all, and one that is there already as it should be is left alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from llm_composition_patterns import Failure, Success, Usage, read_results
from llm_composition_patterns.batch import read_status
from llm_composition_patterns.console import check_writable, is_simulated, write_atomically

from ._formats import as_json, as_markdown, as_tmx
from ._results import PaperTranslation

FORMATS: Final = ("json", "md", "tmx")
_PLACES: Final = ("done", "flagged")


@dataclass(slots=True)
class Summary:
    """What the finished papers of a batch came to.

    Attributes:
        done: Papers without a finding.
        flagged: Papers that a person should look at.
        failed: Papers that there is no translation of.
        cost: US dollars that all runs of the batch cost, as far as it is known.
        unpriced: Papers whose cost is not known.
        calls: Calls to the model in all runs.
        tokens: Of their prompts and answers.
        kinds: How many failed for which kind of reason.
        simulated: Whether any of it was made up.
    """

    done: int = 0
    flagged: int = 0
    failed: int = 0
    cost: Decimal = Decimal(0)
    unpriced: int = 0
    calls: int = 0
    tokens: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    simulated: bool = False

    @property
    def translated(self) -> int:
        """Papers that there is a translation of."""
        return self.done + self.flagged

    def add(self, outcome: Success[PaperTranslation] | Failure) -> None:
        """Count a paper."""
        self.unpriced += outcome.usage.cost is None
        self.simulated = self.simulated or is_made_up(outcome)
        if isinstance(outcome, Failure):
            self.failed += 1
            self.kinds[outcome.kind] = self.kinds.get(outcome.kind, 0) + 1
        elif outcome.value.findings:
            self.flagged += 1
        else:
            self.done += 1


def is_made_up(outcome: Success[PaperTranslation] | Failure) -> bool:
    """Whether answers were simulated: by the model's name, or by what its server said it was."""
    by_name = isinstance(outcome, Success) and outcome.value.simulated
    return by_name or any(is_simulated(name) for name in outcome.usage.by_model)


def file_name(key: str) -> str:
    """The name of a paper's files, without their endings."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:32]


async def summarize(store: Path) -> Summary:
    """What the batch has."""
    summary = await _spent(store)
    async for outcome in read_results(store, output=PaperTranslation):
        summary.add(outcome)
    return summary


async def _spent(store: Path) -> Summary:
    """What the batch cost: its papers know only what the run did that finished them, and one may have died before."""
    spent = (await asyncio.to_thread(read_status, store)).spent
    return Summary(cost=spent.known_cost, calls=spent.calls, tokens=spent.total_tokens)


async def export(store: Path, directory: Path, formats: Collection[str] = FORMATS) -> Summary:
    """Write what the batch has into a directory.

    Raises:
        ConfigurationError: The directory cannot be written to.
    """
    for place in _PLACES:
        await asyncio.to_thread(check_writable, directory / place)
    summary = await _spent(store)
    lists: dict[str, list[str]] = {"done": [], "flagged": [], "failed": []}
    async for outcome in read_results(store, output=PaperTranslation):
        summary.add(outcome)
        if isinstance(outcome, Failure):
            row = {"id": outcome.key, "kind": outcome.kind, "reason": str(outcome.error)}
            lists["failed"].append(_line(row))
            continue
        paper = outcome.value.model_copy(update={"simulated": is_made_up(outcome)})
        await asyncio.to_thread(_write, directory, str(outcome.key), paper, outcome.usage, formats)
        lists[paper.status].append(_line(_row(str(outcome.key), paper, outcome.usage)))
    for name, rows in lists.items():
        await asyncio.to_thread(_write_if_new, directory / f"{name}.jsonl", "".join(rows))
    return summary


def _write(directory: Path, key: str, paper: PaperTranslation, usage: Usage, formats: Collection[str]) -> None:
    name = file_name(key)
    texts = {"json": lambda: as_json(paper, usage), "md": lambda: as_markdown(paper), "tmx": lambda: as_tmx(paper)}
    for ending in formats:
        _write_if_new(directory / paper.status / f"{name}.{ending}", texts[ending]())
    [other] = [place for place in _PLACES if place != paper.status]
    for ending in FORMATS:  # it was there after an earlier run
        with suppress(FileNotFoundError):
            (directory / other / f"{name}.{ending}").unlink()


def _write_if_new(path: Path, text: str) -> None:
    with suppress(OSError, UnicodeDecodeError):
        if path.read_text(encoding="utf-8") == text:
            return
    write_atomically(path, text)


def _row(key: str, paper: PaperTranslation, usage: Usage) -> Mapping[str, Any]:
    return {
        "id": key,
        "file": f"{paper.status}/{file_name(key)}",
        "title": paper.translated.title,
        "cost_usd": None if usage.cost is None else str(usage.cost),
        **({"reasons": paper.findings} if paper.findings else {}),
    }


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"
