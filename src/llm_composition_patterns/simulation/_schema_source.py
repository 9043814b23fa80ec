"""What the documents of a request have for the parts of a schema, found by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

MISSING: Final = object()
"""The documents have nothing for this part."""

_MOST_OBJECTS = 1000


class Source:
    """The documents of a request."""

    def __init__(self, documents: list[Any]) -> None:
        self._documents = documents
        self._objects = list(islice(_objects(documents), _MOST_OBJECTS))

    def object_for(self, properties: Mapping[str, Any]) -> Any:
        """The object that has most of these properties; MISSING when none has any."""
        best, most = MISSING, 0
        for candidate in self._objects:
            count = sum(value_of(candidate, name) is not MISSING for name in properties)
            if count > most:
                best, most = candidate, count
        return best

    def list_for(self) -> Any:
        """The list that the documents are; MISSING when they are something else."""
        lists = [document for document in self._documents if isinstance(document, list)]
        return lists[0] if len(lists) == len(self._documents) == 1 else MISSING


def value_of(source: Any, name: str) -> Any:
    """What an object has under `name`, or under another writing of it (`productName`, `translated_product_name`)."""
    if not isinstance(source, Mapping):
        return MISSING
    if name in source:
        return source[name]
    plain = _plain(name)
    return next((value for key, value in source.items() if plain and _plain(str(key)) == plain), MISSING)


def _plain(name: str) -> str:
    return re.sub(r"translated|localized|translation|[^a-z0-9]", "", name.lower())


def _objects(documents: list[Any]) -> Iterator[Mapping[str, Any]]:
    waiting = list(documents)
    for value in waiting:
        if isinstance(value, Mapping):
            yield value
            waiting += [part for part in value.values() if isinstance(part, (Mapping, list))]
        elif isinstance(value, list):
            waiting += [part for part in value if isinstance(part, (Mapping, list))]
