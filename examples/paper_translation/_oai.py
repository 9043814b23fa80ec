"""Reads records in Dublin Core, as OAI-PMH gives them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, cast
from xml.etree import ElementTree as ET

from ._records import Entry, entry

_CHUNK: Final = 1 << 16
_DECLARED: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_OVERLAP: Final = len(b"<!DOCTYPE") - 1
_PDF: Final = re.compile(r"^https?://\S+\.pdf$", re.IGNORECASE)
_SPACE: Final = re.compile(r"\{[^}]*\}")


def read_oai(file: BinaryIO, name: str, *, most: int) -> Iterator[Entry]:
    """The entries of a file of `record` elements (or of bare `oai_dc:dc` ones), wherever they stand in it."""
    parser: ET.XMLPullParser[Any] = ET.XMLPullParser(("start", "end"))
    number, waiting, inside = 0, 0, 0
    root: ET.Element | None = None
    looked_at = b""
    while chunk := file.read(_CHUNK):
        waiting += len(chunk)
        place = f"{name}, record {number + 1}"
        looked_at = looked_at[-_OVERLAP:] + chunk
        if problem := _refused(looked_at):
            yield Entry(place, None, f"{place}: {problem}")
            return
        try:
            parser.feed(chunk)
            for event, element in cast("Iterator[tuple[str, ET.Element]]", parser.read_events()):
                root = element if root is None else root
                kind = _kind(element)
                inside += (kind == "record") * (1 if event == "start" else -1)
                if event == "end" and (kind == "record" or (kind == "dc" and not inside)):
                    number, waiting = number + 1, 0
                    yield _entry(element, f"{name}, record {number}")
                    root.clear()
        except ET.ParseError as error:
            yield Entry(place, None, f"{place}: no XML: {error}; what follows it in the file is not read")
            return
        if waiting > most:
            yield Entry(place, None, f"{place}: no record of at most {most:,} bytes; the rest of the file is not read")
            return
    yield from _ended(parser, f"{name}, record {number + 1}")


def _refused(data: bytes) -> str | None:
    """Why a part of a file is not given to the parser: entities could make a small file a large one."""
    if b"\0" in data:
        return "no UTF-8: write the file in UTF-8"
    return "a DOCTYPE or an ENTITY is not read; take it out" if _DECLARED.search(data) else None


def _ended(parser: ET.XMLPullParser[Any], place: str) -> Iterator[Entry]:
    try:
        parser.close()
    except ET.ParseError as error:
        yield Entry(place, None, f"{place}: cut off: {error}")


def _entry(element: ET.Element, place: str) -> Entry:
    found: dict[str, list[str]] = {}
    for part in element.iter():
        text = "".join(part.itertext()) if not len(part) else ""
        found.setdefault(_kind(part), []).append(text.strip())
    return entry(_record(found), place)


def _record(found: dict[str, list[str]]) -> dict[str, Any]:
    """A record under the names that it has in JSON."""
    identifiers = found.get("identifier", [])
    oai = next((text for text in identifiers if text.startswith("oai:")), None)
    addresses = [text for text in identifiers if text.startswith("http")]
    descriptions = [text for text in found.get("description", []) if text]
    return {
        "id": oai.split(":", 2)[-1] if oai else next(iter(identifiers), ""),
        "oai_identifier": oai,
        "title": next(iter(found.get("title", [])), ""),
        "creators": [text for text in found.get("creator", []) if text],
        "abstract": "\n\n".join(descriptions),
        "subjects": [text for text in found.get("subject", []) if text],
        "date": next(iter(found.get("date", [])), None),
        "pdf_url": next((text for text in addresses if _PDF.match(text)), None),
        "source_url": next((text for text in addresses if not _PDF.match(text)), None),
        "license": {"raw": "; ".join(found.get("rights", [])) or None},
        "setSpec": next(iter(found.get("setSpec", [])), None),
    }


def _kind(element: ET.Element) -> str:
    return _SPACE.sub("", element.tag)
