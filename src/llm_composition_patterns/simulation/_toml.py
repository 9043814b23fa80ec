"""Settings from TOML: tables become settings objects, and every mistake is one line that names file and key."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, did_you_mean


@dataclass(frozen=True, slots=True)
class Nested:
    """A key whose value is a table of its own, or an array of tables, to be made into `kind`."""

    kind: type
    many: bool = False


def read_toml(
    kind: type, source: str | os.PathLike[str], *, nested: Mapping[str, Nested], code_only: Iterable[str] = ()
) -> Any:
    """Make a `kind` of the TOML in `source`, a path or the text itself; `nested` has the tables in it by their keys."""
    where, text = _text_of(source)
    reader = _Reader(where, nested, frozenset(code_only))
    return reader.built(kind, reader.parsed(text), "")


def _text_of(source: str | os.PathLike[str]) -> tuple[str, str]:
    if isinstance(source, str) and ("\n" in source or "=" in source):
        return "scenario", source
    path = Path(source)
    try:
        return str(path), path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = (
            "it is not UTF-8 text" if isinstance(error, UnicodeError) else getattr(error, "strerror", None) or error
        )
        raise ConfigurationError(f"{path}: cannot be read: {reason}; give the path of a TOML file") from error


@dataclass(frozen=True, slots=True)
class _Reader:
    where: str
    nested: Mapping[str, Nested]
    code_only: frozenset[str]

    def parsed(self, text: str) -> dict[str, Any]:
        import tomllib  # noqa: PLC0415 - only scenarios in files need it

        try:
            return tomllib.loads(text)
        except (ValueError, RecursionError) as error:  # also for numbers of thousands of digits
            raise self.mistake("", f"is not TOML: {error}") from error

    def built(self, kind: type, table: Any, key: str) -> Any:
        """A `kind` of `table`, which stands at `key`."""
        if not isinstance(table, dict):
            raise self.mistake(key, f"must be a table of settings, not {table!r}")
        self.check_names(kind, table, key)
        values = {name: self.value(value, _joined(key, name)) for name, value in table.items()}
        try:
            return kind(**values)
        except ValueError as error:
            raise self.mistake(_joined(key, ""), str(error)) from error

    def check_names(self, kind: type, table: Mapping[str, Any], key: str) -> None:
        known = [field.name for field in fields(kind) if field.name not in self.code_only]
        for name in table:
            self.check_known(name, known, key)
        needed = [field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING]
        missing = [name for name in needed if name not in table]
        if missing:
            raise self.mistake(key, f"lacks {' and '.join(missing)}, which it needs")

    def check_known(self, name: str, known: list[str], key: str) -> None:
        if name in self.code_only:
            raise self.mistake(_joined(key, name), "can be given from code only: leave it out")
        if name not in known:
            hint = did_you_mean(name, known) or f"; the known ones are {', '.join(known)}"
            raise self.mistake(_joined(key, name), f"is not a known setting{hint}")

    def value(self, value: Any, key: str) -> Any:
        nested = self.nested.get(key)
        if nested is None:
            return tuple(value) if isinstance(value, list) else value
        if not nested.many:
            return self.built(nested.kind, value, key)
        if not isinstance(value, list):
            raise self.mistake(key, f"must be an array of tables: write [[{key}]]")
        return tuple(self.built(nested.kind, table, f"{key}[{index}]") for index, table in enumerate(value))

    def mistake(self, key: str, problem: str) -> ConfigurationError:
        separator = "" if key.endswith(".") or not key else " "
        return ConfigurationError(" ".join(f"{self.where}: {key}{separator}{problem}".split()))


def _joined(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
