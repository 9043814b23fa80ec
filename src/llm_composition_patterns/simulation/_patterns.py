"""Strings that match a regular expression, made by walking its parse tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from re import _constants, _parser  # type: ignore[attr-defined]  # the library has no public parse tree
from typing import Any

_STRETCHES = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144)
_MOST_REPEATS = 1000
_PREFERRED = "a0 -_.:A/@#"
_CATEGORIES = {
    _constants.CATEGORY_DIGIT: (r"\d", "0"),
    _constants.CATEGORY_SPACE: (r"\s", " "),
    _constants.CATEGORY_WORD: (r"\w", "a"),
    _constants.CATEGORY_NOT_DIGIT: (r"\D", "a"),
    _constants.CATEGORY_NOT_SPACE: (r"\S", "a"),
    _constants.CATEGORY_NOT_WORD: (r"\W", "-"),
}
"""How each category of letters is written, and one of its letters."""


def matching(pattern: str, *, salt: int = 0) -> Iterator[str]:
    """Strings made to match `pattern`, longer and longer; look-around is not obeyed, so check them."""
    for stretch in _STRETCHES:
        text = _sample(pattern, stretch, salt)
        if text is not None:
            yield text


@lru_cache(maxsize=1024)
def _sample(pattern: str, stretch: int, salt: int) -> str | None:
    try:
        return _Sampler(stretch, salt).text(_parser.parse(pattern))
    except (re.error, TypeError, OverflowError):
        return None


class _Sampler:
    """Walks a parse tree: one method for each kind of node that has text."""

    def __init__(self, stretch: int, salt: int) -> None:
        self.stretch = stretch
        self.salt = salt
        self.groups: dict[int, str] = {}
        self.writers: dict[Any, Callable[[Any], str]] = {
            _constants.LITERAL: chr,
            _constants.NOT_LITERAL: lambda code: self.other_than(lambda letter: ord(letter) == code),
            _constants.ANY: lambda _: "a",
            _constants.IN: self.one_of,
            _constants.BRANCH: lambda branch: self.text(branch[1][self.salt % len(branch[1])]),
            _constants.SUBPATTERN: self.group,
            _constants.GROUPREF: lambda number: self.groups.get(number, ""),
            _constants.MAX_REPEAT: self.repeat,
            _constants.MIN_REPEAT: self.repeat,
            **{getattr(_constants, name): writer for name, writer in self.newer() if hasattr(_constants, name)},
        }

    def newer(self) -> list[tuple[str, Callable[[Any], str]]]:
        return [("POSSESSIVE_REPEAT", self.repeat), ("ATOMIC_GROUP", self.text)]

    def text(self, nodes: Any) -> str:
        return "".join([self.writers[kind](argument) for kind, argument in nodes if kind in self.writers])

    def group(self, argument: Any) -> str:
        number, *_, nodes = argument
        text = self.text(nodes)
        if number is not None:
            self.groups[number] = text
        return text

    def repeat(self, argument: Any) -> str:
        least, most, nodes = argument
        times = min(max(least, min(int(most), least + self.stretch)), _MOST_REPEATS)
        return "".join([self.text(nodes) for _ in range(times)])

    def one_of(self, members: Any) -> str:
        if members[0][0] is _constants.NEGATE:
            return self.other_than(lambda letter: any(_is_in(letter, member) for member in members[1:]))
        kind, argument = members[self.salt % len(members)]
        if kind is _constants.RANGE:
            first, last = argument
            return chr(first + self.salt % (last - first + 1))
        return chr(argument) if kind is _constants.LITERAL else _CATEGORIES[argument][1]

    def other_than(self, refused: Callable[[str], bool]) -> str:
        return next((letter for letter in _PREFERRED if not refused(letter)), "é")


def _is_in(letter: str, member: Any) -> bool:
    kind, argument = member
    if kind is _constants.RANGE:
        return bool(argument[0] <= ord(letter) <= argument[1])
    if kind is _constants.LITERAL:
        return bool(ord(letter) == argument)
    return re.match(_CATEGORIES[argument][0], letter) is not None
