"""Reading an archive: JSON, JSON Lines and Dublin Core, good and bad."""

import json
import tracemalloc
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.paper_translation import _cut, _oai
from examples.paper_translation._glossary import Glossary
from examples.paper_translation._read import archive_files, read_entries
from examples.paper_translation._records import MOST_CHARACTERS, License, Paper
from llm_composition_patterns import ConfigurationError

RECORD = {
    "id": "p1",
    "oai_identifier": "oai:a.example:p1",
    "title": "题目",
    "creators": ["王明"],
    "abstract": "摘要",
    "subjects": ["数学"],
    "date": "2020-01-02",
    "pdf_url": "https://a.example/p1.pdf",
    "source_url": "https://a.example/p1",
    "license": {"raw": "CC BY 4.0", "derivatives_allowed": True},
    "setSpec": "math",
    "files": [],
    "body": "正文",
}


@pytest.fixture
def read(tmp_path):
    """Reads the entries of a file with this content."""

    def entries(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_entries([path]))

    return entries


def lines(*records):
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def problems(entries):
    return [(entry.key, entry.problem) for entry in entries if entry.paper is None]


def test_a_record_keeps_its_fields(read):
    """Under the names that they have in the archive."""
    [entry] = read("a.jsonl", lines(RECORD))
    assert entry.paper.model_dump(mode="json", by_alias=True) == RECORD


@pytest.mark.parametrize("content", ["[{0}, {1}]", "\ufeff[\n{0},\n{1}\n]\n"])
def test_a_list_is_read(read, content):
    """Of JSON, however it is laid out."""
    records = [json.dumps({**RECORD, "id": name}, ensure_ascii=False) for name in "ab"]
    assert [entry.key for entry in read("a.json", content.format(*records))] == ["a", "b"]


def test_a_single_record_is_read(read):
    """A file that is one JSON object."""
    assert [entry.key for entry in read("a.json", json.dumps(RECORD))] == ["p1"]


def test_a_list_is_read_across_chunks(read, monkeypatch):
    """Wherever a chunk ends, also inside a character."""
    monkeypatch.setattr(_cut, "_CHUNK", 7)
    records = [{**RECORD, "id": str(number), "body": "数" * number} for number in range(20)]
    entries = read("a.json", json.dumps(records, ensure_ascii=False))
    assert [(entry.key, entry.paper.body) for entry in entries] == [(one["id"], one["body"]) for one in records]


OAI = """<?xml version="1.0"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><ListRecords><record>
<header><identifier>oai:a.example:x/1</identifier><setSpec>math</setSpec></header><metadata>
<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>题目</dc:title><dc:creator>王明</dc:creator><dc:creator>李华</dc:creator><dc:subject>数学</dc:subject>
<dc:description>摘要</dc:description><dc:date>2020</dc:date><dc:identifier>https://a.example/1</dc:identifier>
<dc:identifier>https://a.example/1.pdf</dc:identifier><dc:rights>CC BY 4.0</dc:rights></oai_dc:dc></metadata></record>
</ListRecords></OAI-PMH>"""


def test_dublin_core_is_read(read):
    """As OAI-PMH gives it."""
    [entry] = read("a.xml", OAI)
    assert entry.paper == Paper(
        id="x/1",
        oai_identifier="oai:a.example:x/1",
        title="题目",
        creators=("王明", "李华"),
        abstract="摘要",
        subjects=("数学",),
        date="2020",
        pdf_url="https://a.example/1.pdf",
        source_url="https://a.example/1",
        license=License(raw="CC BY 4.0"),
        set_spec="math",
    )


def test_xml_with_entities_is_refused(read):
    """They could make a small file a large one."""
    assert "DOCTYPE" in read("a.xml", OAI.replace("?>", "?><!DOCTYPE x [<!ENTITY a 'b'>]>"))[0].problem


def test_xml_with_entities_is_refused_wherever_it_says_so(read, monkeypatch):
    """Also where it is not read in one piece."""
    monkeypatch.setattr(_oai, "_CHUNK", 7)
    [entry] = read("a.xml", OAI.replace("?>", "?><!DOCTYPE x [<!ENTITY a 'b'>]>"))
    assert "DOCTYPE" in entry.problem


def test_xml_of_another_encoding_is_refused(read):
    """Its entities would not be seen."""
    [entry] = read("a.xml", OAI.replace("utf-8", "utf-16").encode("utf-16"))
    assert entry.problem == "a.xml, record 1: no UTF-8: write the file in UTF-8"


def test_xml_that_is_cut_off_says_so(read):
    """What is whole is read before it."""
    whole = OAI.replace("</ListRecords></OAI-PMH>", "")
    entries = read("a.xml", whole + "<record><header>")
    assert entries[0].key == "x/1"
    assert problems(entries) == [("a.xml, record 2", "a.xml, record 2: cut off: no element found: line 7, column 16")]


def test_each_bad_line_has_its_reason(read):
    """And the others are read."""
    content = b"".join(
        [
            lines({**RECORD, "id": "good"}).encode(),
            lines({**RECORD, "id": "good"}).encode(),
            lines({**RECORD, "id": "../../etc/passwd"}).encode(),
            lines({**RECORD, "id": "x", "title": " "}).encode(),
            b'{"id": "\xff"}\n',
            b"[1]\n",
            b"\n",
            lines({**RECORD, "id": "last"}).encode()[:60],
        ]
    )
    entries = read("a.jsonl", content)
    assert [entry.key for entry in entries if entry.paper] == ["good", "../../etc/passwd"]
    told = [problem for _, problem in problems(entries)]
    assert told == [
        "a.jsonl, record 2: the id 'good' was there before",
        "a.jsonl, line 4: no paper: title: Value error, it is empty",
        "a.jsonl, line 5: no UTF-8: byte 0xff at 9",
        "a.jsonl, line 6: no paper: the record: Input should be a valid dictionary or instance of Paper",
        "a.jsonl, line 8: cut off: " + told[4].partition("cut off: ")[2],
    ]
    assert len({entry.key for entry in entries}) == len(entries)


def test_a_record_of_fifty_megabytes_is_passed_by(tmp_path):
    """It is never in memory as a whole, and the record after it is read."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join([b'{"id": "huge", "body": "', b"x" * 50_000_000, b'"}\n', lines(RECORD).encode()]))
    tracemalloc.start()
    try:
        huge, good = read_entries([path])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert huge.problem == "a.jsonl, line 1: the record has 50,000,027 bytes, and 8,000,000 is the most"
    assert good.key == "p1"
    assert peak < 20_000_000


def test_a_record_of_fifty_megabytes_in_a_list_is_passed_by(tmp_path):
    """As one on a line of its own; its size is told, too."""
    path = tmp_path / "a.json"
    huge = b'{"id": "huge", "body": "' + b"x" * 50_000_000 + b'"}'
    path.write_bytes(b"[" + huge + b"," + json.dumps(RECORD).encode() + b"]")
    tracemalloc.start()
    try:
        passed, good = read_entries([path])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert passed.problem == "a.json, record 1: the record has 50,000,026 bytes, and 8,000,000 is the most"
    assert good.key == "p1"
    assert peak < 20_000_000


@pytest.mark.parametrize("between", [",", "\n", ""])
def test_each_bad_record_of_a_list_has_its_reason(read, between):
    """And the others are read, though commas are missing."""
    good = [json.dumps({**RECORD, "id": name}).encode() for name in "abc"]
    bad = [b'{"id": "\xff"}', b'{"id": nope}', b'["},{", "\\\\"]', b'{"id": "' + good[0]]
    content = between.encode().join([good[0], bad[0], good[1], bad[1], bad[2], good[2], bad[3]])
    entries = read("a.json", b"[" + content)
    assert [entry.key for entry in entries if entry.paper] == ["a", "b", "c"]
    assert [problem.partition(", ")[2][:30] for _, problem in problems(entries)] == [
        "record 2: no UTF-8: byte 0xff ",
        "record 4: no JSON: Expecting v",
        "record 5: no paper: the record",
        "record 7: cut off, or no JSON:",
    ]


@pytest.mark.parametrize("first", ["[", ""])
@given(
    values=st.lists(st.dictionaries(st.text(), st.recursive(st.text(), st.lists, max_leaves=5))),
    chunk=st.integers(1, 40),
    escaped=st.booleans(),
)
def test_records_are_cut_wherever_a_chunk_ends(first, values, chunk, escaped):
    """Whatever is in them; a list is closed, or the file just ends."""
    text = first + ",\n".join(json.dumps(value, ensure_ascii=escaped) for value in values) + "]" * len(first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_cut, "_CHUNK", chunk)
        pieces = list(_cut.cut(BytesIO(text.encode()), most=10_000))
    assert [json.loads(piece.text) for piece in pieces] == values
    assert all(piece.whole for piece in pieces)


def test_a_body_that_is_too_long_is_refused(read):
    """With what can be done about it, under the paper's own id."""
    [entry] = read("a.jsonl", lines({**RECORD, "body": "字" * (MOST_CHARACTERS + 1)}))
    assert (entry.key, entry.paper) == ("p1", None)
    assert "the body has 400,001 characters, and 400,000 is the most: leave it out" in entry.problem


def test_what_is_null_is_not_there(read):
    """Archives write it for lists, too."""
    [entry] = read("a.jsonl", lines(dict.fromkeys(RECORD) | {"id": "p1", "title": "题目"}))
    assert entry.paper == Paper(id="p1", title="题目")


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", "{}\n{}\n"), ("a.json", "[{}]"), ("a.xml", "{}")])
def test_a_mark_of_the_encoding_is_no_part_of_a_record(read, name, content):
    """Some editors write it at the beginning of a file."""
    record = OAI if name == "a.xml" else lines(RECORD).strip()
    [first, *_] = read(name, b"\xef\xbb\xbf" + content.replace("{}", record).encode())
    assert first.paper is not None


def test_a_mark_of_the_encoding_is_no_part_of_a_term(tmp_path):
    """As in files of records."""
    (tmp_path / "words.tsv").write_bytes(b"\xef\xbb\xbf" + "语料库\tcorpus\n".encode())
    assert Glossary.read(tmp_path / "words.tsv").words == {"语料库": "corpus"}


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", "{}\n"), ("a.json", "[{}]")])
def test_half_a_character_is_marked(read, name, content):
    """No store takes it, and it may be anywhere in a record."""
    record = r'{"id": "p\ud800", "title": "a", "files": [{"\udc00": "\ud83d\ude00"}]}'
    [entry] = read(name, content.replace("{}", record))
    assert (entry.key, entry.paper.files) == ("p\ufffd", ({"\ufffd": "\U0001f600"},))


def test_files_of_one_name_are_told_apart(tmp_path):
    """By their paths; one that is named twice is read once."""
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.jsonl").write_text("{}\n")
    files = archive_files([tmp_path / "a", tmp_path / "b", tmp_path / "a" / "x.jsonl"])
    assert [entry.key for entry in read_entries(files)] == [f"{tmp_path / name / 'x.jsonl'}, line 1" for name in "ab"]


def test_json_that_is_cut_off_says_so(read):
    """What is whole is read before it."""
    content = json.dumps([RECORD, {**RECORD, "id": "p2"}])[:-20]
    entries = read("a.json", content)
    assert [entry.key for entry in entries] == ["p1", "a.json, record 2"]
    assert "cut off, or no JSON" in entries[1].problem


@pytest.mark.parametrize(
    ("raw", "allowed", "body"),
    [
        ("CC BY 4.0", True, True),
        ("CC BY-ND 4.0", False, False),
        ("https://creativecommons.org/licenses/by-sa/4.0/", None, True),
        ("CC BY-NC-ND 4.0", None, False),
        ("All rights reserved", None, False),
        (None, None, False),
        ("CC0", None, True),
        ("CC BY NoDerivs 3.0", None, False),
        ("CC BY-NCND 4.0", None, False),
        ("CC BY 4.0 (No Derivative Works)", None, False),
        ("CC BY 署名-禁止演绎", None, False),
    ],
)
def test_the_license_decides_about_the_body(raw, allowed, body):
    """What is not known to be allowed is not."""
    paper = Paper.model_validate({**RECORD, "license": {"raw": raw, "derivatives_allowed": allowed}})
    assert paper.body_text == ("正文" if body else "")


def test_files_that_cannot_be_read_are_named(tmp_path):
    """Before anything is paid."""
    with pytest.raises(ConfigurationError, match="there is no file"):
        archive_files([tmp_path / "none.json"])
    (tmp_path / "a.txt").touch()
    with pytest.raises(ConfigurationError, match="is of no known kind"):
        archive_files([tmp_path / "a.txt"])
    with pytest.raises(ConfigurationError, match="has no records"):
        archive_files([tmp_path])
