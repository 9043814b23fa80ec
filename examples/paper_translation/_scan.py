"""Finds what must not be translated in a text: one scanner, from left to right.

A piece that begins earlier hides whatever begins inside it: a dollar sign in code opens no formula, an address in a
formula is a part of that formula. Where nothing closes a piece, its first character is ordinary text, and the scan goes
on behind it. No piece is longer than `LONGEST`, so a text of a million dollar signs takes linear time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

LONGEST: Final = 20_000
"""Characters of the longest piece that is looked for."""

LONGEST_IN_LINE: Final = 1_500
"""Characters of the longest one inside a sentence."""

MOST_PASSED: Final = 64
"""Dollar signs inside a formula that do not end it; more of them are no formula."""

Kind = Literal["M", "C", "R", "K", "U", "T"]
"""Mathematics, citation, reference, code (or markup), address, and what looks like a token of ours."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text that is kept as it is."""

    start: int
    end: int
    kind: Kind


def spans(text: str) -> Iterator[Span]:
    """The pieces of `text` that are kept as they are, from left to right; none of them overlaps another."""
    place = 0
    while found := _OPENING.search(text, place):
        start = found.start()
        kind, end = _piece(text, start, found)
        if end > start and kind is not None:
            yield Span(start, end, kind)
        place = max(end, start + 1)


_MATHEMATICS: Final = (
    "math|displaymath|equation|eqnarray|align|alignat|flalign|gather|multline|split|cases|array|matrix|pmatrix|bmatrix|"
    "vmatrix|Vmatrix|smallmatrix|subequations|IEEEeqnarray"
)
_LISTINGS: Final = (
    "verbatim|lstlisting|minted|tikzpicture|tabular|tabularx|longtable|algorithm|algorithmic|filecontents"
)
_BEGIN: Final = re.compile(rf"\\begin\s*\{{((?:{_MATHEMATICS})\*?|(?:{_LISTINGS})\*?)\}}")
_IS_LISTING: Final = re.compile(rf"(?:{_LISTINGS})\*?")
_CITING: Final = re.compile(r"\\[A-Za-z]*cite[A-Za-z]*\*?(?=\s*[\[{])")
_REFERRING: Final = re.compile(r"\\(?:[A-Za-z]*ref|label|bibitem|bibliography|bibliographystyle)\*?(?=\s*[\[{])")
_ADDRESSING: Final = re.compile(r"\\(?:url|href|path)(?=\s*\{)")
_INCLUDING: Final = re.compile(r"\\(?:includegraphics|input|include|usepackage|documentclass|verb)\*?(?=\s*[\[{|!+])")
_COMMAND: Final = re.compile(r"\\(?:(?:begin|end)\s*\{[A-Za-z]+\*?\}|[A-Za-z]+\*?)")
_ARGUMENTS: Final = re.compile(r"(?:\s?\[[^\[\]\n]{0,500}\])*")
_NUMBERED: Final = re.compile(r"\[\d{1,4}(?:\s?[-\u2013,;\uff0c\u3001]\s?\d{1,4})*\]")
_KEYED: Final = re.compile(r"\[-?@[^\[\]\n]{1,500}\]|\[\^[^\[\]\s]{1,80}\]")
_AUTHOR: Final = r"[A-Z][\w'\u2019-]+(?:,? (?:and|&) [A-Z][\w'\u2019-]+| et al\.?)?,? (?:1[6-9]|20)\d\d[a-z]?"
_AUTHORS: Final = re.compile(rf"\({_AUTHOR}(?:; {_AUTHOR}){{0,20}}\)")
_TARGET: Final = re.compile(r"\([^()\s]{1,2000}(?:\s\"[^\"\n]{0,200}\")?\)")
_TAG: Final = re.compile(r"</?[A-Za-z][^<>\n]{0,300}>|<!--.{0,5000}?-->|<https?://[^<>\s]{1,2000}>", re.DOTALL)
_MATHML: Final = re.compile(r"<math[\s>]")
_ADDRESS: Final = re.compile(r"(?:(?:https?|ftp)://|www\.)[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]{1,2000}")
_DOI: Final = re.compile(r"(?:doi:\s?)?10\.\d{4,9}/[A-Za-z0-9._;()/:<>+-]{1,500}", re.IGNORECASE)
_PREPRINT: Final = re.compile(r"arxiv:\s?(?:\d{4}\.\d{4,5}|[a-z-]+/\d{7})(?:v\d+)?", re.IGNORECASE)
_MAIL: Final = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_RULE: Final = re.compile(r"[ \t]*\|?[ \t]*:?-{3,}:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*(?=\n|$)")
_FENCE: Final = re.compile(r"(`{3,}|~{3,})[^\n`]*\n")
_TICKS: Final = re.compile(r"`+")
_TOKEN: Final = re.compile(r"⟦[^⟦⟧\n]{0,40}⟧")

_OPENING: Final = re.compile(
    r"[\\$`\[(<⟦⟧]|~~~|(?<![A-Za-z0-9])(?:(?:https?|ftp)://|www\.|doi:|10\.\d{4}|arxiv:)"
    r"|(?<![A-Za-z0-9._+-])[A-Za-z0-9._+-]{1,64}@|(?:^|(?<=\n))(?=[ \t]*\|?[ \t]*:?---)",
    re.IGNORECASE,
)

Piece = tuple[Kind | None, int]
"""What a piece is, and where it ends; of ordinary text, None and where to go on."""


def _piece(text: str, start: int, opening: re.Match[str]) -> Piece:
    first = opening[0][:1]
    reader = _READERS.get(first)
    if reader is not None:
        return reader(text, start)
    if not first or first in "|-: \t":
        return _matched(text, start, (("K", _RULE),))
    piece = _matched(text, start, (("U", _ADDRESS), ("U", _DOI), ("U", _PREPRINT), ("U", _MAIL)))
    return piece if piece[0] is None else ("U", _without_ending(text, start, piece[1]))


def _matched(text: str, start: int, patterns: tuple[tuple[Kind, re.Pattern[str]], ...]) -> Piece:
    for kind, pattern in patterns:
        if found := pattern.match(text, start):
            return kind, found.end()
    return None, start + 1


def _without_ending(text: str, start: int, end: int) -> int:
    """Where an address ends, when the sentence that goes on behind it is taken away."""
    while end > start + 1 and (
        text[end - 1] in ".,;:!?'*"
        or (text[end - 1] == ")" and text.count("(", start, end) < text.count(")", start, end))
    ):
        end -= 1
    return end


def _backslash(text: str, start: int) -> Piece:
    if text.startswith(("\\(", "\\["), start):
        closing = "\\)" if text[start + 1] == "(" else "\\]"
        closed = text.find(closing, start + 2, start + LONGEST)
        return ("M", closed + 2) if closed >= 0 else (None, start + 2)
    if found := _BEGIN.match(text, start):
        end = _environment_end(text, start, found[1])
        return ("K" if _IS_LISTING.fullmatch(found[1]) else "M", end) if end else (None, found.end())
    for kind, pattern in _COMMANDS:
        if found := pattern.match(text, start):
            end = _arguments_end(text, found.end())
            return (kind, end) if end else (None, found.end())
    if found := _COMMAND.match(text, start):
        return "K", found.end()
    # An escaped character opens nothing; but a double bracket is never ordinary text.
    return None, start + (1 if text[start + 1 : start + 2] in {"⟦", "⟧"} else 2)


_COMMANDS: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = (
    ("C", _CITING),
    ("R", _REFERRING),
    ("U", _ADDRESSING),
    ("K", _INCLUDING),
)


def _environment_end(text: str, start: int, name: str) -> int | None:
    r"""Behind the `\end` that belongs to the `\begin` at `start`: the same name may be nested."""
    depth = 0
    if text.find("\\end", start, start + LONGEST) < 0:
        return None
    for found in re.compile(rf"\\(begin|end)\s*\{{{re.escape(name)}\}}").finditer(text, start, start + LONGEST):
        depth += 1 if found[1] == "begin" else -1
        if not depth:
            return found.end()
    return None


def _arguments_end(text: str, start: int) -> int | None:
    """Behind `[...]{...}`, where braces may be nested; also behind `|...|`."""
    found = _ARGUMENTS.match(text, start)
    start = start if found is None else found.end()
    while start < len(text) and text[start] == " ":
        start += 1
    if text[start : start + 1] in {"|", "!", "+"}:
        end = text.find(text[start], start + 1, start + LONGEST)
        return end + 1 if end > 0 else None
    return _brace_end(text, start)


_BRACES: Final = re.compile(r"\\.|[{}]", re.DOTALL)


def _brace_end(text: str, start: int) -> int | None:
    depth = 0
    if text[start : start + 1] != "{" or text.find("}", start, start + LONGEST_IN_LINE) < 0:
        return None
    for found in _BRACES.finditer(text, start, start + LONGEST_IN_LINE):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if not depth and found[0] == "}":
            return found.end()
    return None


_IN_FORMULA: Final = re.compile(r"\\.|\$\$?|[{}]|\n[ \t]*\n", re.DOTALL)


def _dollar(text: str, start: int) -> Piece:
    r"""`$...$` and `$$...$$`; a dollar sign in braces (`\text{if $x$}`) closes nothing."""
    double = text.startswith("$$", start)
    depth, passed, begin = 0, 0, start + (2 if double else 1)
    for found in _IN_FORMULA.finditer(text, begin, start + (LONGEST if double else LONGEST_IN_LINE)):
        part = found[0]
        if part in {"{", "}"}:
            depth = max(0, depth + (1 if part == "{" else -1))
        elif part[0] == "\n" and not double:
            break
        elif part[0] == "$":
            if not depth and (part == "$$") is double and (double or _closes(text, found.start())):
                return _formula(text[begin : found.start()], start, found.end(), double=double)
            passed += 1
            if passed > MOST_PASSED:
                break
    return None, begin


def _formula(inside: str, start: int, end: int, *, double: bool) -> Piece:
    if double:
        return ("M", end) if inside.strip() else (None, end)
    return ("M", end) if _is_formula(inside) else (None, start + 1)


def _closes(text: str, place: int) -> bool:
    """Whether a dollar sign may end a formula: it stands right behind something, and before no digit."""
    return not text[place - 1].isspace() and not text[place + 1 : place + 2].isdigit()


_AMOUNT: Final = re.compile(r"\d[\d.,]*(?:\s|$|[a-z]{2})", re.IGNORECASE)
_IN_WORDS: Final = re.compile(r"\\(?:text|mathrm|mbox|textrm|operatorname)\*?\s*\{[^{}]*\}")
_CJK: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uff0c\u3002]")


def _is_formula(inside: str) -> bool:
    """Whether what stands between two dollar signs is a formula; else they are two prices, or a price and a stray."""
    if not inside or inside[0].isspace():
        return False
    plain = _IN_WORDS.sub("", inside)
    if _CJK.search(plain):
        return False
    return not (_AMOUNT.match(plain) and not re.search(r"[\\^_=<>+*{}]", plain) and re.search(r"[A-Za-z]{2}", plain))


def _backtick(text: str, start: int) -> Piece:
    if _starts_line(text, start) and (found := _FENCE.match(text, start)):
        return _fence(text, start, found)
    ticks = _TICKS.match(text, start)
    assert ticks is not None  # noqa: S101 - it is what was found
    for closing in _TICKS.finditer(text, ticks.end(), start + LONGEST_IN_LINE):
        if "\n\n" in text[ticks.end() : closing.start()]:
            break
        if closing[0] == ticks[0]:
            return "K", closing.end()
    return None, ticks.end()


def _tilde(text: str, start: int) -> Piece:
    found = _FENCE.match(text, start) if _starts_line(text, start) else None
    return (None, start + 3) if found is None else _fence(text, start, found)


def _starts_line(text: str, start: int) -> bool:
    return not text[text.rfind("\n", 0, start) + 1 : start].strip()


def _fence(text: str, start: int, found: re.Match[str]) -> Piece:
    mark = found[1]
    closing = re.compile(rf"^[ \t]*{re.escape(mark)}{re.escape(mark[0])}*[ \t]*$", re.MULTILINE)
    ended = closing.search(text, found.end() - 1, start + LONGEST)
    return ("K", ended.end()) if ended else (None, start + len(mark))


def _bracket(text: str, start: int) -> Piece:
    return _matched(text, start, (("C", _NUMBERED), ("C", _KEYED)))


def _parenthesis(text: str, start: int) -> Piece:
    if start and text[start - 1] == "]":
        return _matched(text, start, (("U", _TARGET),))
    return _matched(text, start, (("C", _AUTHORS),))


def _angle(text: str, start: int) -> Piece:
    if _MATHML.match(text, start):
        end = text.find("</math>", start, start + LONGEST)
        if end >= 0:
            return "M", end + len("</math>")
    return _matched(text, start, (("K", _TAG),))


def _token(text: str, start: int) -> Piece:
    found = _TOKEN.match(text, start)
    return "T", start + 1 if found is None else found.end()


_READERS: Final[dict[str, Callable[[str, int], Piece]]] = {
    "\\": _backslash,
    "$": _dollar,
    "`": _backtick,
    "~": _tilde,
    "[": _bracket,
    "(": _parenthesis,
    "<": _angle,
    "⟦": _token,
    "⟧": _token,
}
