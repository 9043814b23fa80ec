"""A translated paper as JSON, as bilingual Markdown and as a translation memory (TMX 1.4)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from llm_composition_patterns import Usage

from ._results import PaperTranslation, Texts

_ILLEGAL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML cannot say."""


def as_record(paper: PaperTranslation, usage: Usage) -> dict[str, Any]:
    """The paper as JSON: the archive's own fields, the translated ones, and under `_qa_` what is known of them."""
    tag, translated = paper.wanted, paper.translated
    return {
        **paper.record.model_dump(mode="json", by_alias=True, exclude={"body"}),
        f"title_{tag}": translated.title,
        f"abstract_{tag}": translated.abstract,
        f"subjects_{tag}": translated.subjects,
        f"creators_{tag}": translated.creators,
        "body": paper.source.body,
        f"body_{tag}": translated.body,
        "_qa_status": paper.status,
        "_qa_findings": paper.findings,
        "_qa_notes": paper.notes,
        "_qa_segments": paper.segments,
        "_qa_asked_alone": paper.asked_alone,
        "_qa_model": paper.model,
        "_qa_simulated": paper.simulated,
        "_qa_calls": usage.calls,
        "_qa_tokens": usage.total_tokens,
        "_qa_cost_usd": None if usage.cost is None else str(usage.cost),
    }


def as_json(paper: PaperTranslation, usage: Usage) -> str:
    """The same as a text."""
    return json.dumps(as_record(paper, usage), ensure_ascii=False, indent=1) + "\n"


def as_markdown(paper: PaperTranslation) -> str:
    """Both languages, paragraph by paragraph: the source as a quotation, its translation below it."""
    return "\n\n".join(_markdown(paper)) + "\n"


def _markdown(paper: PaperTranslation) -> Iterator[str]:
    source, translated, record = paper.source, paper.translated, paper.record
    yield f"# {_line(translated.title)}"
    yield _quoted(source.title)
    if translated.creators:
        yield ", ".join(
            f"{_line(new)} ({_line(old)})" for old, new in zip(source.creators, translated.creators, strict=True)
        )
    facts = [record.date, record.source_url or record.pdf_url, record.license.raw]
    if known := [fact for fact in facts if fact]:
        yield " · ".join(map(_line, known))
    if translated.subjects:
        yield "*" + "; ".join(map(_line, translated.subjects)) + "*"
    yield f"Translated by {paper.model}{' (SIMULATED: made up by rule)' if paper.simulated else ''}."
    for line in (*paper.findings, *paper.notes):
        yield f"- {_line(line)}"
    if source.abstract.strip():
        yield "## Abstract"
        yield from (_quoted(source.abstract), translated.abstract)
    if source.body:
        yield "## Text"
    for old, new in zip(source.body, translated.body, strict=True):
        yield from [new] if old == new else [_quoted(old), new]


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().split("\n"))


def _line(text: str) -> str:
    return " ".join(text.split())


def as_tmx(paper: PaperTranslation) -> str:
    """A translation unit for each text that was translated."""
    units = "".join(
        f'<tu tuid="{number}"><prop type="field">{field}</prop>'
        f"{_variant(paper.spoken, old)}{_variant(paper.wanted, new)}</tu>\n"
        for number, (field, old, new) in enumerate(_pairs(paper.source, paper.translated), 1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<tmx version="1.4">\n'
        '<header creationtool="llm-composition-patterns" creationtoolversion="1" segtype="paragraph" '
        f'o-tmf="none" adminlang="en" srclang={quoteattr(paper.spoken)} datatype="plaintext">'
        f'<prop type="paper">{_legal(paper.record.id)}</prop></header>\n<body>\n{units}</body>\n</tmx>\n'
    )


def _pairs(source: Texts, translated: Texts) -> Iterator[tuple[str, str, str]]:
    single = [("title", source.title, translated.title), ("abstract", source.abstract, translated.abstract)]
    for field in ("subjects", "creators", "body"):
        single += [
            (field, old, new) for old, new in zip(getattr(source, field), getattr(translated, field), strict=True)
        ]
    yield from (pair for pair in single if pair[1].strip() and pair[1] != pair[2])


def _variant(tag: str, text: str) -> str:
    return f"<tuv xml:lang={quoteattr(tag)}><seg>{_legal(text)}</seg></tuv>"


def _legal(text: str) -> str:
    return escape(_ILLEGAL.sub("\ufffd", text))
