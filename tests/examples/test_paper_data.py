"""The archive in `data/papers/` is what its README says."""

import json
import re
from pathlib import Path

import pytest

from examples.paper_translation._glossary import Glossary
from examples.paper_translation._invented import glossary_lines, invented
from examples.paper_translation._read import read_entries

PAPERS = Path(__file__).parents[2] / "data" / "papers"


@pytest.fixture(scope="module")
def records():
    return [json.loads(line) for line in (PAPERS / "sample.jsonl").read_text(encoding="utf-8").splitlines()]


def bodies(records, row):
    return [record["body"] for record in records if int(record["id"][-6:]) % 13 == row]


def test_the_sample_is_what_the_generator_prints(records):
    """Record by record."""
    assert records == json.loads(json.dumps(list(invented(65, seed=1))))


def test_the_glossary_is_that_of_the_generator():
    """Its 17 terms."""
    words = Glossary.read(PAPERS / "glossary.tsv").words
    assert [f"{term}\t{word}" for term, word in words.items()] == list(glossary_lines())
    assert len(words) == 17


@pytest.mark.parametrize(
    ("row", "sign"),
    [
        (1, r"\\text\{[^}]*\$"),
        (2, r"由\$5涨至\$6"),
        (3, r"\|:---\|"),
        (4, r"```python"),
        (5, "データ.*데이터.*данные"),
        (8, r"\\begin\{align\}"),
        (9, "\f"),
        (11, "⟦M1⟧"),
    ],
)
def test_each_difficulty_is_where_the_readme_says(records, row, sign):
    """In all of its papers."""
    found = bodies(records, row)
    assert len(found) == 5
    assert all(re.search(sign, body) for body in found)


def test_abstracts_and_rights_are_missing_where_the_readme_says(records):
    """And nowhere else."""
    assert {int(record["id"][-6:]) % 13 for record in records if not record["abstract"]} == {6}
    entries = list(read_entries([PAPERS / "sample.jsonl"]))
    assert {int(entry.key[-6:]) % 13 for entry in entries if not entry.paper.body_text} == {7}


def test_the_long_ones_are_long(records):
    """A body of many segments, and a paragraph of several."""
    assert all(len(body) > 15_000 for body in bodies(records, 10))
    assert all(max(map(len, body.split("\n\n"))) > 3_000 for body in bodies(records, 12))


def test_the_other_files_have_as_many_records_as_said():
    """Four that were harvested, and nine of which six are broken."""
    assert [entry.problem for entry in read_entries([PAPERS / "harvested.xml"])] == [""] * 4
    awkward = list(read_entries([PAPERS / "awkward" / "records.jsonl"]))
    assert [number for number, entry in enumerate(awkward, 1) if entry.paper] == [1, 3, 8]
    assert len(awkward) == 9
