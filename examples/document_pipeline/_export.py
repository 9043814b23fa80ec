"""Writes what a batch has: for each document its text as Markdown and its chunks as JSON lines, and a manifest of all.

A document is in a folder that is named by the hash of its content, so that files of equal names do not overwrite each
other. Its last file is `_SUCCESS`: a folder without it is not whole. What failed is in `quarantine`, with its reason.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from llm_composition_patterns import Failure, Success, Usage, read_results
from llm_composition_patterns.console import check_writable, is_simulated, write_atomically

from ._embed import HASHED, unpacked
from ._results import Part, Record

MANIFEST: Final = "manifest.jsonl"
SUCCESS: Final = "_SUCCESS"
_NAME: Final = 32
_DIGITS: Final = 6

Names = Mapping[str, Sequence[str]]
"""Where the document of each key is now."""


@dataclass(slots=True)
class Summary:
    """What the finished documents of a batch came to.

    Attributes:
        done: Documents whose every page has text.
        reported: Those with pages that no text could be had of.
        quarantined: Those that nothing could be had of.
        pages: Of all of them.
        without_text: Pages that no text could be had of.
        chunks: Parts of documents.
        entities: In all chunks.
        invented: What the model named and no chunk has.
        cost: US dollars, as far as it is known.
        unpriced: Documents whose cost is not known.
        calls: Calls to the model.
        embedder: What made the vectors.
        simulated: Whether entities were made up.
        reasons: Why nothing could be had of a document, by its key.
    """

    done: int = 0
    reported: int = 0
    quarantined: int = 0
    pages: int = 0
    without_text: int = 0
    chunks: int = 0
    entities: int = 0
    invented: int = 0
    cost: Decimal = Decimal(0)
    unpriced: int = 0
    calls: int = 0
    embedder: str = ""
    simulated: bool = False
    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, outcome: Success[Record] | Failure) -> None:
        """Count a document."""
        self.cost += outcome.usage.known_cost
        self.unpriced += outcome.usage.cost is None
        self.calls += outcome.usage.calls
        self.simulated = self.simulated or is_made_up(outcome)
        if isinstance(outcome, Failure):
            self.quarantined += 1
            self.reasons[str(outcome.key)] = str(outcome.error)
            return
        record = outcome.value
        self.done += record.state == "done"
        self.reported += record.state == "reported"
        self.pages += len(record.pages)
        self.without_text += len(record.without_text)
        self.chunks += len(record.parts)
        self.entities += sum(len(part.found.entities) for part in record.parts)
        self.invented += sum(len(part.found.invented) for part in record.parts)
        self.embedder = record.embedder


def is_made_up(outcome: Success[Record] | Failure) -> bool:
    """Whether answers were simulated: by the model's name, or by what its server said it was."""
    by_name = isinstance(outcome, Success) and outcome.value.simulated
    return by_name or any(is_simulated(name) for name in outcome.usage.by_model)


async def summarize(store: Path) -> Summary:
    """What the batch has."""
    summary = Summary()
    async for outcome in read_results(store, output=Record):
        summary.add(outcome)
    return summary


async def export(store: Path, directory: Path, names: Names | None = None) -> Summary:
    """Write what the batch has into a directory.

    Args:
        store: The batch.
        directory: Where it is written.
        names: Where the documents are now; by default, where they were when they were read.

    Raises:
        ConfigurationError: The directory cannot be written to.
    """
    for place in ("documents", "quarantine"):
        await asyncio.to_thread(check_writable, directory / place)
    summary, rows = Summary(), []
    async for outcome in read_results(store, output=Record):
        summary.add(outcome)
        key = str(outcome.key)
        files = (names or {}).get(key, outcome.value.files if isinstance(outcome, Success) else ())
        if isinstance(outcome, Failure):
            row = await asyncio.to_thread(_quarantine, directory, key, outcome, files)
        else:
            row = await asyncio.to_thread(_write, directory, key, outcome.value, outcome.usage, is_made_up(outcome))
        rows += [{"file": file, **row} for file in files or (key,)]
    await asyncio.to_thread(_write_if_new, directory / MANIFEST, "".join(map(_line, rows)))
    return summary


def _quarantine(directory: Path, key: str, failure: Failure, files: Sequence[str]) -> dict[str, Any]:
    row = {"key": key, "state": "quarantined", "kind": failure.kind, "reasons": [str(failure.error)]}
    _write_if_new(directory / "quarantine" / f"{_named(key)}.json", _line({**row, "files": list(files)}))
    return row


def _write(directory: Path, key: str, record: Record, usage: Usage, made_up: bool) -> dict[str, Any]:  # noqa: FBT001
    folder = directory / "documents" / _named(key)
    folder.mkdir(exist_ok=True)
    with suppress(FileNotFoundError):
        (folder / SUCCESS).unlink()
    row = {
        "key": key,
        "state": record.state,
        "output": f"documents/{_named(key)}",
        "pages": len(record.pages),
        "chunks": len(record.parts),
        "entities": sum(len(part.found.entities) for part in record.parts),
        "model": record.model,
        "embedder": record.embedder,
        "simulated": made_up,
        "cost_usd": None if usage.cost is None else str(usage.cost),
        **({"reasons": list(record.remarks)} if record.remarks else {}),
    }
    _write_if_new(folder / "document.md", as_markdown(record))
    _write_if_new(folder / "chunks.jsonl", "".join(_line(as_row(part, key, record)) for part in record.parts))
    _write_if_new(folder / SUCCESS, _line(row))
    with suppress(FileNotFoundError):  # it failed in an earlier run
        (directory / "quarantine" / f"{_named(key)}.json").unlink()
    return row


def as_markdown(record: Record) -> str:
    """The text of a document, with a mark where each page begins."""
    remarks = "".join(f"> {remark}\n" for remark in record.remarks)
    pages = (f"<!-- page {page.number}: {page.kind} -->\n\n{page.text}".rstrip() for page in record.pages)
    return "\n\n".join([*([remarks.rstrip()] if remarks else []), *pages]) + "\n"


def as_row(part: Part, key: str, record: Record) -> dict[str, Any]:
    """A chunk as a line of JSON has it."""
    chunk, [vector] = part.chunk, unpacked([part.vector])
    places = {"places": {str(at): round(float(vector[at]), _DIGITS) for at in vector.nonzero()[0]}, "size": len(vector)}
    return {
        "document": key,
        "chunk": chunk.number,
        "pages": [chunk.first_page, chunk.last_page],
        "text": chunk.text,
        "entities": [entity.model_dump(mode="json") for entity in part.found.entities],
        "embedder": record.embedder,
        "embedding": places if record.embedder == HASHED else [round(float(number), _DIGITS) for number in vector],
    }


def _named(key: str) -> str:
    """The name of a document's folder: of its hash, or of the hash of what stands for one."""
    return (key if key.isalnum() else hashlib.sha256(key.encode()).hexdigest())[:_NAME]


def _write_if_new(path: Path, text: str) -> None:
    with suppress(OSError, UnicodeDecodeError):
        if path.read_text(encoding="utf-8") == text:
            return
    write_atomically(path, text)


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"
