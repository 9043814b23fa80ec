"""A body as paragraphs: of Markdown, of LaTeX, or of the text of a PDF."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final, Literal

from ._scan import spans

Format = Literal["markdown", "latex", "pdf"]

_LATEX: Final = re.compile(r"\\(?:documentclass|begin\{(?:document|abstract)\}|(?:sub)*section\*?\{|maketitle)")
_DOCUMENT: Final = re.compile(r"\\begin\{document\}(.*?)(?:\\end\{document\}|\Z)", re.DOTALL)
_COMMENT: Final = re.compile(r"(?<!\\)%.*\n[ \t]*|(?<!\\)%.*\Z")
_MARKS: Final = {
    "title": "# {}",
    "section": "## {}",
    "subsection": "### {}",
    "subsubsection": "#### {}",
    "textbf": "**{}**",
    "emph": "*{}*",
    "textit": "*{}*",
}
_MARKED: Final = re.compile(rf"\\({'|'.join(_MARKS)})\*?\{{([^{{}}\\$]*)\}}")
_BLANK: Final = re.compile(r"\n[ \t]*\n\s*")
_PAGE_NUMBER: Final = re.compile(r"[-\u2014\s]*(?:\u7b2c\s*)?\d{1,4}(?:\s*\u9875)?[-\u2014\s]*")
_CJK: Final = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
_ENDS: Final = tuple("\u3002\uff01\uff1f.!?:\uff1a;\uff1b")
_SHORT: Final = 0.7
_REPEATED: Final = 3


def format_of(text: str) -> Format:
    """What a body is written in, as far as can be told."""
    if _LATEX.search(text):
        return "latex"
    lines = [line for line in text.splitlines() if line.strip()]
    wrapped = len(lines) > 8 and "\n\n" not in text.strip()  # noqa: PLR2004 - fewer lines are a paragraph or two
    return "pdf" if "\f" in text or (wrapped and not text.lstrip().startswith(("#", "|", "```"))) else "markdown"


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a body, in order; a formula or a listing is never torn apart."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kind = format_of(text)
    if kind == "latex":
        text = _plain_latex(text)
    elif kind == "pdf":
        text = "\n\n".join(_unwrapped(text))
    return [part for part in _split(text) if part.strip()]


def _plain_latex(text: str) -> str:
    """Without the preamble and the comments, which are for the authors, and with the marks of Markdown."""
    found = _DOCUMENT.search(text)
    text = _COMMENT.sub("", text if found is None else found[1])
    parts, place = [], 0
    for span in spans(text):
        if (marked := _MARKED.match(text, span.start)) is not None:
            parts += [text[place : span.start], _MARKS[marked[1]].format(marked[2])]
            place = marked.end()
        elif span.start >= place:
            parts.append(text[place : span.end])
            place = span.end
    return "".join([*parts, text[place:]])


def _split(text: str) -> Iterator[str]:
    kept = [(span.start, span.end) for span in spans(text)]
    begin = number = 0
    for found in _BLANK.finditer(text):
        while number < len(kept) and kept[number][1] <= found.start():
            number += 1
        if number < len(kept) and kept[number][0] < found.start():
            continue
        yield text[begin : found.start()].strip("\n")
        begin = found.end()
    yield text[begin:].strip("\n")


def _unwrapped(text: str) -> Iterator[str]:
    """The paragraphs of the text of a PDF: lines joined, page numbers and running heads left out."""
    pages = [[line.strip() for line in page.split("\n")] for page in text.split("\f")]
    heads = Counter(line for page in pages for line in {*page[:1], *page[-1:]} if line)
    lines = [line for page in pages for line in page if not _PAGE_NUMBER.fullmatch(line) and heads[line] < _REPEATED]
    width = max(map(len, lines), default=0)
    paragraph = ""
    for line in lines:
        if not line:
            if paragraph.endswith(_ENDS):
                yield paragraph
                paragraph = ""
            continue
        paragraph = _joined(paragraph, line)
        if line.endswith(_ENDS) and len(line) < _SHORT * width:
            yield paragraph
            paragraph = ""
    if paragraph:
        yield paragraph


def _joined(before: str, line: str) -> str:
    if not before:
        return line
    if before.endswith("-") and line[:1].islower():
        return before[:-1] + line
    blank = "" if _CJK.match(before[-1]) and _CJK.match(line) else " "
    return f"{before}{blank}{line}"
