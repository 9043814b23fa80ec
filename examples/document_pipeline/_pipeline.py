"""One document: its pages from a worker process, then the entities and the vectors of all its chunks at once."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from llm_composition_patterns import (
    BranchTimeout,
    ChatModel,
    Failure,
    ModelSettings,
    StepTimeout,
    in_processes,
    micro_batched,
    once,
    parallelize,
    together,
    with_timeout,
)

from ._chunks import MOST, Chunk, cut
from ._docling import DoclingConverter
from ._embed import Embedded, Embedder, embed
from ._entities import PROMPT, Found, find_entities
from ._extract import Converter, Extracted, Reads, Unreadable, extract
from ._folder import Document
from ._results import Part, Record

BATCH: Final = 16
"""Chunks that are embedded together: as many as come while one batch is computed."""

_WAIT: Final = 0.05

CONVERTERS: Final[Mapping[str, Callable[[], Reads]]] = {"pypdfium2": Converter, "docling": DoclingConverter}
"""What can read files: built once in each process."""

Extract = Callable[[str, str], Awaitable[Extracted]]
Embed = Callable[[str], Awaitable[Embedded]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What decides what becomes of a document.

    Attributes:
        model: What finds entities, as `provider:model`.
        simulated: Whether it makes them up.
        embedder: What makes vectors.
        converter: What reads files.
        settings: Of each call.
        timeout: Seconds for one document.
    """

    model: str
    simulated: bool
    embedder: str
    settings: ModelSettings
    converter: str = "pypdfium2"
    timeout: float | None = None

    @property
    def version(self) -> str:
        """What must be the same for the results of a batch to be the same."""
        given = f"seed {self.settings['seed']}" if "seed" in self.settings else "no seed"
        return f"{self.model}, prompt {PROMPT}, {given}, chunks of {MOST}, {self.converter}, {self.embedder}"


class Pipeline:
    """Reads documents.

    Args:
        model: What finds entities, open.
        job: What decides the results.
        extract: Gives the pages of a file.
        embed: Gives the vector of a text.

    Attributes:
        built: The converters and embedders that did something, by what they are.
    """

    def __init__(self, model: ChatModel, job: Job, extract: Extract, embed: Embed) -> None:
        self.job = job
        self.built: defaultdict[str, set[str]] = defaultdict(set)
        self._model = model
        self._extract = extract
        self._embed = embed

    async def document(self, document: Document) -> Record:
        """Read a document.

        Raises:
            Unreadable: No text can be had of it.
        """
        if document.problem:
            raise Unreadable(document.problem)
        extracted = await self._extract(document.files[0], document.key)
        self.built["converters"].add(extracted.converter)
        pages = extracted.pages
        return Record(
            files=document.names,
            pages=pages,
            parts=tuple(await self._parts(cut(pages))),
            model=self.job.model,
            embedder=self.job.embedder,
            simulated=self.job.simulated,
        )

    async def _parts(self, chunks: list[Chunk]) -> list[Part]:
        if not chunks:
            return []
        found, vectors = await together(
            self._all_found(chunks),
            self._all_vectors(chunks),
            name="chunks of a document",
            names=("all entities", "all embeddings"),
        )
        return [
            Part(chunk=one, found=all_, vector=vector) for one, all_, vector in zip(chunks, found, vectors, strict=True)
        ]

    async def _all_found(self, chunks: list[Chunk]) -> list[Found]:
        """The entities of every chunk; one that fails lets the others end, so that they are not paid again."""
        outcomes = await parallelize(
            self._found, chunks, name="entities", branch_name="entities of a chunk", on_error="collect"
        )
        for outcome in outcomes:
            if isinstance(outcome, Failure):
                raise outcome.error
        return [outcome.value for outcome in outcomes if not isinstance(outcome, Failure)]

    async def _found(self, chunk: Chunk) -> Found:
        ask = partial(find_entities, self._model, settings=self.job.settings)
        words = hashlib.sha256(chunk.text.encode()).hexdigest()[:16]
        return await once(ask, chunk.text, key=f"chunk {chunk.number} {words}", output=Found)

    async def _all_vectors(self, chunks: list[Chunk]) -> list[str]:
        texts = [chunk.text for chunk in chunks]
        made = await parallelize(self._embed, texts, name="embeddings", branch_name="embedding of a chunk")
        self.built["embedders"].update(one.embedder for one in made)
        return [one.vector for one in made]


async def read_document(pipeline: Pipeline, document: Document) -> Record:
    """The step of the batch.

    Raises:
        Unreadable: No text can be had of the document, for the reason it says.
        BranchTimeout: It took too long. That says nothing of the document, which waits for another run.
    """
    seconds = pipeline.job.timeout
    read = pipeline.document if seconds is None else with_timeout(pipeline.document, seconds)
    try:
        return await read(document)
    except Unreadable as error:
        raise Unreadable(f"{', '.join(document.names)}: {error}") from error
    except StepTimeout as error:
        raise BranchTimeout(
            f"{', '.join(document.names)}: it took longer than {error.timeout:g} s; the entities that are found are "
            "kept, and the next run goes on with them: give it more time (--timeout) if it is never done",
            branch=document.key,
            timeout=error.timeout,
        ) from error


@asynccontextmanager
async def opened(model: ChatModel, job: Job, *, choice: str, workers: int, embedders: int) -> AsyncIterator[Pipeline]:
    """A pipeline with its worker processes.

    Args:
        model: What finds entities, open.
        job: What decides the results.
        choice: The embedder: `minilm` or `hashed`.
        workers: Processes that read files.
        embedders: Processes that make vectors.
    """
    async with AsyncExitStack() as stack:
        reading = await stack.enter_async_context(
            in_processes(extract, workers=workers, resource=CONVERTERS[job.converter])
        )
        embedding = await stack.enter_async_context(
            in_processes(embed, workers=embedders, resource=partial(Embedder, choice))
        )
        yield Pipeline(model, job, reading, micro_batched(embedding, max_size=BATCH, max_wait=_WAIT))


@asynccontextmanager
async def as_it_is(pipeline: Pipeline) -> AsyncIterator[Pipeline]:
    """A pipeline that is open already, as the resource of a batch."""
    yield pipeline
