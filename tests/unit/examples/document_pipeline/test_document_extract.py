"""Reading PDFs that were written for it: text, scans, damage, passwords."""

import hashlib
import sys
from types import ModuleType, SimpleNamespace

import pytest

from examples.document_pipeline._docling import DoclingConverter
from examples.document_pipeline._extract import Converter, Unreadable, extract
from examples.document_pipeline._invented import PASSWORD, invented
from examples.document_pipeline._pdf import Picture, Words, write_pdf

ACCENTS = "José Núñez (née Ångström) \\ Crédit Rural, €1,200.50"
PICTURE = Picture(bytes(range(200)), 20)


def pages_of(data):
    return list(Converter().pages(data))


def why(data):
    with pytest.raises(Unreadable) as caught:
        pages_of(data)
    return str(caught.value)


def test_text_comes_back_as_it_was_written():
    """With accents, brackets, backslashes and the sign of the euro."""
    [page] = pages_of(write_pdf([[Words(50, 700, ACCENTS)]]))
    assert (page.number, page.kind, page.text) == (1, "text", ACCENTS)


def test_a_page_says_what_it_is():
    """Text, a picture without text, nothing."""
    found = pages_of(write_pdf([[Words(50, 700, "words")], [PICTURE], [], [PICTURE, Words(50, 700, "words")]]))
    assert [page.kind for page in found] == ["text", "scan", "blank", "text"]


def test_what_cannot_be_read_says_why():
    """Empty, no PDF, cut off, without pages, with a password."""
    page = [Words(50, 700, "words")]
    whole = write_pdf([page])
    assert why(b"") == "the file is empty"
    assert "it is damaged, or no PDF" in why(b"no PDF")
    assert "it is damaged, or no PDF" in why(whole[: len(whole) // 2])
    assert "pages" in why(write_pdf([])) or "damaged" in why(write_pdf([]))
    assert why(write_pdf([page], password=PASSWORD)) == "it is encrypted, and needs a password"


def test_a_page_that_is_damaged_leaves_the_others():
    """It is reported, and they are read."""
    data = write_pdf([[Words(50, 700, "first")], [Words(50, 700, "second")]]).replace(
        b"[4 0 R 6 0 R]", b"[4 0 R 9 0 R]"
    )
    assert [(page.kind, page.text) for page in pages_of(data)] == [("text", "first"), ("unreadable", "")]


def test_a_file_that_has_changed_is_not_taken_for_the_other(tmp_path):
    """What is recorded under a hash has that hash."""
    path = tmp_path / "a.pdf"
    path.write_bytes(write_pdf([[Words(50, 700, "words")]]))
    key = hashlib.sha256(path.read_bytes()).hexdigest()
    assert extract(Converter(), str(path), key).pages[0].text == "words"
    path.write_bytes(write_pdf([[Words(50, 700, "others")]]))
    with pytest.raises(Unreadable, match="has changed"):
        extract(Converter(), str(path), key)


@pytest.fixture
def docling(monkeypatch):
    """What is used of docling, with two pages in every file but a bad one."""

    class ConversionError(Exception):
        pass

    class Converter:
        def convert(self, stream):
            data = stream.stream.read()
            if data == b"bad":
                raise ConversionError("no PDF")
            texts = {2: "", 1: "# Read\n"}
            return SimpleNamespace(
                document=SimpleNamespace(pages=texts, export_to_markdown=lambda page_no: texts[page_no])
            )

    modules = {
        "docling": {},
        "docling.datamodel": {},
        "docling.document_converter": {"DocumentConverter": Converter},
        "docling.datamodel.base_models": {"DocumentStream": SimpleNamespace},
        "docling.exceptions": {"ConversionError": ConversionError},
    }
    for name, parts in modules.items():
        module = ModuleType(name)
        vars(module).update(parts)
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.usefixtures("docling")
def test_docling_can_take_its_place():
    """Its pages are Markdown; what it cannot convert says why. Only the names that are used of it are tried here."""
    converter = DoclingConverter()
    assert [(page.number, page.kind, page.text) for page in converter.pages(b"good")] == [
        (1, "text", "# Read"),
        (2, "blank", ""),
    ]
    for data, reason in ((b"bad", "docling cannot convert it: no PDF"), (b"", "the file is empty")):
        with pytest.raises(Unreadable, match=reason):
            list(converter.pages(data))


def test_invented_documents_are_the_same_each_time():
    """All that is awkward is among them, two have one name, two have one content."""
    files = {name: data for name, data, _ in invented(60, long=3)}
    assert files == {name: data for name, data, _ in invented(60, long=3)}
    assert len(files) == 60
    assert [name for name in files if name.endswith("/deed.pdf")] == ["north/deed.pdf", "south/deed.pdf"]
    assert files["north/deed.pdf"] != files["south/deed.pdf"]
    assert len(set(files.values())) == 59
    assert len(pages_of(files["awkward/long.pdf"])) == 3
    assert len(list(invented(4))) == 4
