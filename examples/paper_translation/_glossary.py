"""The words that a field has for its terms. Only those that a segment has are sent with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from llm_composition_patterns import ConfigurationError


@dataclass(frozen=True, slots=True)
class Glossary:
    """Terms, and how each of them is translated."""

    words: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Glossary:
        """Read a file of lines with a term, a tab and its translation; `#` begins a comment.

        Raises:
            ConfigurationError: It cannot be read, or a line has no tab.
        """
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise ConfigurationError(f"{path} is no UTF-8: {error.reason} at byte {error.start}") from error
        words = {}
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.startswith("#"):
                term, tab, word = line.partition("\t")
                if not tab or not term.strip() or not word.strip():
                    raise ConfigurationError(f"{path}, line {number}: give a term, a tab and its translation")
                words[term.strip()] = word.strip()
        return cls(words)

    def matching(self, texts: Iterable[str]) -> dict[str, str]:
        """The terms that are in any of the texts."""
        whole = "\n".join(texts)
        return {term: word for term, word in self.words.items() if term in whole}

    @property
    def digest(self) -> str:
        """What tells it from other glossaries, and from itself before a change."""
        return hashlib.sha256(repr(sorted(self.words.items())).encode()).hexdigest()[:12]
