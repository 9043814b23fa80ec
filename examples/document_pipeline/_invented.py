"""Invents PDFs about land, with what makes a folder of PDFs hard: tables, columns, scans, damage, passwords.

Everybody and everything in them is made up. The same number and seed give the same bytes.
"""

from __future__ import annotations

import json
import random
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from ._invented_texts import COMMON, FIRST, LAST, MONTHS, ORGANIZATIONS, TOPICS
from ._pdf import HEIGHT, WIDTH, Drawn, Picture, Rule, Words, write_pdf

QUESTIONS: Final = "questions.jsonl"
PASSWORD: Final = "sesame"  # noqa: S105 - of an invented file
LONG: Final = 300
"""Pages of the longest one."""

_LEADING: Final = 13
_MARGIN: Final = 56
_TOP: Final = HEIGHT - 70
_BOTTOM: Final = 60
_WIDE: Final = 92
_NARROW: Final = 42
_RIGHT: Final = 320
_LEAST: Final = 12


def write_folder(folder: Path, count: int, *, seed: int = 0, long: int = LONG) -> int:
    """Write so many PDFs into a folder, and the questions that some of them answer; how many files those are.

    The first ten are the awkward ones: a scan, a damaged, an encrypted, an empty, a blank one, one half scanned, one of
    `long` pages, two of equal name, and one that is there twice.
    """
    questions = []
    for name, made, question in invented(count, seed=seed, long=long):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made)
        if question:
            questions.append({"question": question, "file": name})
    lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in questions)
    (folder / QUESTIONS).write_text(lines, encoding="utf-8")
    return count


def invented(count: int, *, seed: int = 0, long: int = LONG) -> Iterator[tuple[str, bytes, str]]:
    """Names, files, and the question that each answers, if any."""
    chance = random.Random(f"documents {seed}")  # noqa: S311 - no secret
    made = 0
    for name, make in _AWKWARD.items():
        if count >= _LEAST + len(_AWKWARD) or made < count // 2:
            made += 1
            yield name, make(chance, long), ""
    twice = b""
    for number in range(count - made):
        topic, question = TOPICS[number % len(TOPICS)]
        kind = list(_KINDS)[number % len(_KINDS)]
        again = number == count - made - 1 and bool(twice)
        file = twice if again else write_pdf(_KINDS[kind](chance, topic))
        twice = twice or file
        yield f"{kind}s/{kind}-{number + 1:03}.pdf", file, "" if again else question


def dense(pages: int, *, seed: int) -> list[list[Drawn]]:
    """Pages that are full of text in two columns."""
    chance = random.Random(f"dense {seed}")  # noqa: S311 - no secret
    made: list[list[Drawn]] = []
    for _ in range(pages):
        topics = [chance.choice(TOPICS)[0] for _ in range(14)]
        made.append([*_column(topics[:7], _MARGIN, _NARROW), *_column(topics[7:], _RIGHT, _NARROW)])
    return made


def _scan(chance: random.Random, _long: int) -> bytes:
    return write_pdf([[_scanned(chance)], [_scanned(chance)]])


def _damaged(chance: random.Random, _long: int) -> bytes:
    whole = write_pdf(_letter(chance, TOPICS[0][0]))
    return whole[: len(whole) // 2]


def _encrypted(chance: random.Random, _long: int) -> bytes:
    return write_pdf(_letter(chance, TOPICS[1][0]), password=PASSWORD)


def _empty(_chance: random.Random, _long: int) -> bytes:
    return b""


def _blank(_chance: random.Random, _long: int) -> bytes:
    return write_pdf([[]])


def _half(chance: random.Random, _long: int) -> bytes:
    return write_pdf([*_letter(chance, "The map of the district is on the next page."), [_scanned(chance)]])


def _long(chance: random.Random, long: int) -> bytes:
    pages = []
    for number in range(1, long + 1):
        paragraphs = [_parties(chance), chance.choice(COMMON)]
        pages.append(_page(f"Register of the district, folio {number}", paragraphs))
    return write_pdf(pages)


def _same_name(chance: random.Random, _long: int) -> bytes:
    return write_pdf(_letter(chance, chance.choice(COMMON)))


_AWKWARD: Final[Mapping[str, Callable[[random.Random, int], bytes]]] = {
    "awkward/scan.pdf": _scan,
    "awkward/damaged.pdf": _damaged,
    "awkward/encrypted.pdf": _encrypted,
    "awkward/empty.pdf": _empty,
    "awkward/blank.pdf": _blank,
    "awkward/half-scanned.pdf": _half,
    "awkward/long.pdf": _long,
    "north/deed.pdf": _same_name,
    "south/deed.pdf": _same_name,
}


def _letter(chance: random.Random, topic: str) -> list[list[Drawn]]:
    head = f"To {chance.choice(ORGANIZATIONS)}, {_date(chance)}"
    return [_page("Letter", [head, _parties(chance), topic, *chance.sample(COMMON, 2)])]


def _deed(chance: random.Random, topic: str) -> list[list[Drawn]]:
    first = _page("Deed", [_parties(chance), topic, *chance.sample(COMMON, 4)])
    return [first, _page("Deed, page 2", [_parties(chance), *chance.sample(COMMON, 4)])]


def _invoice(chance: random.Random, topic: str) -> list[list[Drawn]]:
    page = _page("Invoice", [f"{chance.choice(ORGANIZATIONS)} to {_person(chance)}, {_date(chance)}", topic])
    rows = [("Position", "Parcel", "Amount"), *((f"{n}", _parcel(chance), _amount(chance)) for n in range(1, 7))]
    top = min(drawn.y for drawn in page if isinstance(drawn, Words)) - 3 * _LEADING
    for number, row in enumerate(rows):
        y = top - number * (_LEADING + 3)
        page += [Words(_MARGIN + 150 * column, y, cell, bold=not number) for column, cell in enumerate(row)]
        page.append(Rule(_MARGIN, y - 4, 420))
    return [page]


def _survey(chance: random.Random, topic: str) -> list[list[Drawn]]:
    """In two columns."""
    left = [_parties(chance), topic, *chance.sample(COMMON, 3)]
    right = [*chance.sample(COMMON, 3), _parties(chance)]
    title = Words(_MARGIN, _TOP, f"Survey of {_parcel(chance)}", 15, bold=True)
    columns = [*_column(left, _MARGIN, _NARROW), *_column(right, _RIGHT, _NARROW)]
    return [[title, *columns]]


_KINDS: Final[Mapping[str, Callable[[random.Random, str], list[list[Drawn]]]]] = {
    "letter": _letter,
    "deed": _deed,
    "invoice": _invoice,
    "survey": _survey,
}


def _page(title: str, paragraphs: Sequence[str]) -> list[Drawn]:
    return [Words(_MARGIN, _TOP, title, 15, bold=True), *_column(paragraphs, _MARGIN, _WIDE)]


def _column(paragraphs: Sequence[str], left: float, width: int) -> Iterator[Words]:
    y = _TOP - 3 * _LEADING
    for paragraph in paragraphs:
        for line in textwrap.wrap(paragraph, width):
            if y >= _BOTTOM:
                yield Words(left, y, line)
            y -= _LEADING
        y -= _LEADING


def _scanned(chance: random.Random) -> Picture:
    """Gray noise with dark lines where words would be."""
    width, height = WIDTH // 5, HEIGHT // 5
    rows = (chance.randbytes(width) if row % 5 else bytes([60] * (width - 20) + [250] * 20) for row in range(height))
    return Picture(b"".join(rows), width)


def _parties(chance: random.Random) -> str:
    return (
        f"{_person(chance)} and {_person(chance)}, for {chance.choice(ORGANIZATIONS)}, declare of {_parcel(chance)}, "
        f"valued at {_amount(chance)} on {_date(chance)}:"
    )


def _person(chance: random.Random) -> str:
    return f"{chance.choice(('Mr', 'Ms', 'Dr'))} {chance.choice(FIRST)} {chance.choice(LAST)}"


def _parcel(chance: random.Random) -> str:
    return f"Parcel {chance.choice('ABCDEFG')}{chance.choice('KLMNP')}-{chance.randint(100, 9999)}"


def _amount(chance: random.Random) -> str:
    return f"{chance.choice(('€', '$', '£'))}{chance.randint(120, 99_999):,}.{chance.choice(('00', '50', '95'))}"


def _date(chance: random.Random) -> str:
    return f"{chance.randint(1, 28)} {chance.choice(MONTHS)} {chance.randint(1950, 2025)}"
