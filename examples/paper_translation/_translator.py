"""Translates a paper: its segments at once, each recorded as soon as it is there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from llm_composition_patterns import (
    BranchTimeout,
    CacheStore,
    ChatModel,
    Failure,
    InvalidOutput,
    ModelSettings,
    StepTimeout,
    once,
    parallelize,
    with_cache,
    with_timeout,
)

from ._ask import PROMPT, Request, WrongTokens, ask_for_texts
from ._body import paragraphs
from ._checks import findings
from ._glossary import Glossary
from ._languages import Language
from ._mask import unmask
from ._records import Entry, Paper
from ._results import PaperTranslation, Texts, TranslatedUnit
from ._segments import Segment, Unit, segments

_LISTS: Final = ("subjects", "creators", "body")
_GAP: Final = " "


class NotAPaper(ValueError):
    """A place in the archive that has no paper to translate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What decides a translation.

    Attributes:
        spoken: The language of the papers.
        wanted: The language they are translated into.
        model: What it is called, as `provider:model`.
        simulated: Whether its answers are made up.
        glossary: The words for terms.
        settings: Of each call.
        timeout: Seconds for one paper.
    """

    spoken: Language
    wanted: Language
    model: str
    simulated: bool
    glossary: Glossary
    settings: ModelSettings
    timeout: float | None = None

    @property
    def answered_by(self) -> str:
        """What decides an answer, beside what is asked."""
        given = f"seed {self.settings['seed']}" if "seed" in self.settings else "no seed"
        return f"{self.spoken.tag} to {self.wanted.tag}, {self.model}, prompt {PROMPT}, {given}"

    @property
    def version(self) -> str:
        """What must be the same for the results of a batch to be the same."""
        return f"{self.answered_by}, glossary {self.glossary.digest}"


class Translator:
    """Translates papers with one model.

    Args:
        model: The model, open.
        job: What decides the translation.
        cache: Where answers are kept; None for nowhere.
    """

    def __init__(self, model: ChatModel, job: Job, cache: CacheStore | None = None) -> None:
        self.job = job
        self._model = model
        self._asked = self._ask
        if cache is not None:
            self._asked = with_cache(self._ask, key=lambda request: (job.answered_by, request), store=cache)

    async def paper(self, paper: Paper) -> PaperTranslation:
        """Translate a paper."""
        cut = segments(paper)
        units = [(unit, done) for found, segment in zip(await self._all(paper, cut), cut, strict=True)
                 for unit, done in zip(segment.units, found, strict=True)]  # fmt: skip
        source = Texts(
            title=paper.title,
            abstract=paper.abstract,
            subjects=paper.subjects,
            creators=paper.creators,
            body=tuple(paragraphs(paper.body_text)),
        )
        return PaperTranslation(
            record=paper.model_copy(update={"body": None}),
            source=source,
            translated=_joined(source, units),
            spoken=self.job.spoken.tag,
            wanted=self.job.wanted.tag,
            model=self.job.model,
            simulated=self.job.simulated,
            findings=(*_empty(paper), *self._findings(units)),
            notes=_notes(paper),
            segments=len(cut),
            asked_alone=sum(done.asked_alone for _, done in units),
        )

    async def _all(self, paper: Paper, cut: Sequence[Segment]) -> list[list[TranslatedUnit]]:
        """Every segment, recorded; one that fails lets the others end, so that they are not paid again."""

        async def segment(one: Segment) -> list[TranslatedUnit]:
            return await once(
                lambda given: self._segment(given, paper.title), one, key=_step_key(one), output=list[TranslatedUnit]
            )

        if len(cut) == 1:
            return [await segment(cut[0])]
        outcomes = await parallelize(segment, cut, name="segments", on_error="collect")
        found = []
        for outcome in outcomes:
            if isinstance(outcome, Failure):
                raise outcome.error
            found.append(outcome.value)
        return found

    async def _segment(self, segment: Segment, title: str) -> list[TranslatedUnit]:
        """All texts by one call; each on its own where that answer cannot be used."""
        try:
            texts = await self._asked(self._request(segment.units, title, segment.context))
        except InvalidOutput as error:
            if len(segment.units) == 1:
                return [_best(error)]
        else:
            return [TranslatedUnit(text=text) for text in texts]
        return [
            await once(
                lambda given: self._alone(given, title, segment.context),
                unit,
                key=f"{_step_key(segment)} text {number}",
                output=TranslatedUnit,
            )
            for number, unit in enumerate(segment.units)
        ]

    async def _alone(self, unit: Unit, title: str, context: str) -> TranslatedUnit:
        try:
            [text] = await self._asked(self._request((unit,), title, context))
        except WrongTokens as error:
            return _best(error)
        return TranslatedUnit(text=text, asked_alone=True)

    def _request(self, units: Sequence[Unit], title: str, context: str) -> Request:
        texts = tuple(unit.masked.text for unit in units)
        return Request(
            texts=texts,
            kinds=tuple(_KINDS[unit.field] for unit in units),
            title="" if any(unit.field == "title" for unit in units) else title,
            context=context,
            glossary=self.job.glossary.matching(texts),
        )

    async def _ask(self, request: Request) -> list[str]:
        return await ask_for_texts(self._model, request, self.job.spoken, self.job.wanted, self.job.settings)

    def _findings(self, units: Sequence[tuple[Unit, TranslatedUnit]]) -> list[str]:
        job = self.job
        return [
            f"{_place(unit)}: {found}"
            for unit, done in units
            for found in findings(
                unit.masked.text,
                done.text,
                spoken=job.spoken,
                wanted=job.wanted,
                glossary=job.glossary.matching((unit.masked.text,)),
            )
        ]


_KINDS: Final = {
    "title": "title",
    "abstract": "abstract",
    "subjects": "subject",
    "creators": "name of an author",
    "body": "paragraph",
}


async def translate_paper(translator: Translator, entry: Entry) -> PaperTranslation:
    """The step of the batch: an entry of the archive, translated.

    Raises:
        NotAPaper: There is no paper in that place, for the reason it says.
        BranchTimeout: It took too long. That says nothing of the paper, which waits for another run.
    """
    seconds = translator.job.timeout
    if entry.paper is None:
        raise NotAPaper(entry.problem)
    if seconds is None:
        return await translator.paper(entry.paper)
    try:
        return await with_timeout(translator.paper, seconds)(entry.paper)
    except StepTimeout as error:
        raise BranchTimeout(
            f"the paper took longer than {seconds:g} s; the segments that are there are kept, and the next run goes on "
            "with them: give it more time (--timeout) if they are never done",
            branch=entry.key,
            timeout=seconds,
        ) from error


@asynccontextmanager
async def opened(translator: Translator) -> AsyncIterator[Translator]:
    """A translator whose model and cache are open already, as the resource of a batch."""
    yield translator


def _best(error: InvalidOutput) -> TranslatedUnit:
    """The best answer for one text, though its tokens are wrong: the checks say so."""
    if not isinstance(error, WrongTokens):
        raise error
    texts = json.loads(error.text)
    return TranslatedUnit(text=texts[0] if texts else "", asked_alone=True)


def _step_key(segment: Segment) -> str:
    texts = json.dumps([segment.context, *(unit.masked.text for unit in segment.units)])
    return f"segment {segment.number} {hashlib.sha256(texts.encode()).hexdigest()[:16]}"


def _joined(source: Texts, units: Sequence[tuple[Unit, TranslatedUnit]]) -> Texts:
    """The texts with the translations in their places; what has nothing to translate stays as it is."""
    parts: dict[tuple[str, int], list[str]] = {}
    for unit, done in units:
        parts.setdefault((unit.field, unit.index), []).append(unmask(done.text, unit.masked.pieces))
    whole = {place: _GAP.join(texts) for place, texts in parts.items()}
    lists = {
        field: tuple(whole.get((field, index), text) for index, text in enumerate(getattr(source, field)))
        for field in _LISTS
    }
    return Texts(
        title=whole.get(("title", 0), source.title), abstract=whole.get(("abstract", 0), source.abstract), **lists
    )


def _place(unit: Unit) -> str:
    return unit.field if unit.field in {"title", "abstract"} else f"{unit.field} {unit.index + 1}"


def _empty(paper: Paper) -> list[str]:
    return [] if paper.abstract.strip() else ["abstract: the archive has none"]


def _notes(paper: Paper) -> tuple[str, ...]:
    if paper.body and not paper.license.allows_body:
        said = f"its license is {paper.license.raw!r}" if paper.license.raw else "it has no license"
        return (f"title and abstract only: {said}, which allows no derivatives",)
    return ()
