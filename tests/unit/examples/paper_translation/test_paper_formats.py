"""A translated paper as JSON, Markdown and TMX, and the files of a batch."""

import asyncio
import json
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

from examples.paper_translation import _export
from examples.paper_translation._export import export, file_name
from examples.paper_translation._formats import as_markdown, as_record, as_tmx
from examples.paper_translation._records import Paper
from examples.paper_translation._results import PaperTranslation, Texts
from examples.paper_translation._scores import score, scores
from llm_composition_patterns import ConfigurationError, run_batch
from llm_composition_patterns.usage import Usage

LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def translation(name="p1", **fields):
    known = {
        "record": Paper(id=name, title="题目 <1>", creators=("王明",), date="2020"),
        "source": Texts(title="题目 <1>", abstract="摘\x0b要", creators=("王明",), body=("段一\n行二", "$$x$$")),
        "translated": Texts(
            title="Title <1>", abstract="Abstract", creators=("Wang Ming",), body=("One\nTwo", "$$x$$")
        ),
        "spoken": "zh",
        "wanted": "en",
        "model": "simulated:x",
        "simulated": True,
    }
    return PaperTranslation.model_validate({**known, **fields})


def test_json_has_the_fields_of_the_archive_and_of_the_checks():
    """Under the names of the original, with the language in them."""
    usage = Usage(calls=2, input_tokens=10, output_tokens=5, known_cost=Decimal("0.001"))
    record = as_record(translation(findings=("title: it is empty",)), usage)
    assert record["title"] == "题目 <1>"
    assert (record["title_en"], record["abstract_en"]) == ("Title <1>", "Abstract")
    assert (record["body_en"], record["creators_en"]) == (("One\nTwo", "$$x$$"), ("Wang Ming",))
    assert {key: value for key, value in record.items() if key.startswith("_qa_")} == {
        "_qa_status": "flagged",
        "_qa_findings": ("title: it is empty",),
        "_qa_notes": (),
        "_qa_segments": 0,
        "_qa_asked_alone": 0,
        "_qa_model": "simulated:x",
        "_qa_simulated": True,
        "_qa_calls": 2,
        "_qa_tokens": 15,
        "_qa_cost_usd": "0.001",
    }


def test_markdown_has_both_languages():
    """Paragraph by paragraph; what is the same in both is there once."""
    assert as_markdown(translation()) == (
        "# Title <1>\n\n> 题目 <1>\n\nWang Ming (王明)\n\n2020\n\n"
        "Translated by simulated:x (SIMULATED: made up by rule).\n\n"
        "## Abstract\n\n> 摘\x0b要\n\nAbstract\n\n## Text\n\n> 段一\n> 行二\n\nOne\nTwo\n\n$$x$$\n"
    )


def test_tmx_is_read_by_an_xml_reader():
    """With a unit for each text that was translated, and without what XML cannot say."""
    root = ET.fromstring(as_tmx(translation()))  # noqa: S314 - our own
    assert (root.tag, root.get("version"), root[0].get("srclang")) == ("tmx", "1.4", "zh")
    units = [[(one.get(LANG), one[0].text) for one in unit.iter("tuv")] for unit in root.iter("tu")]
    assert units == [
        [("zh", "题目 <1>"), ("en", "Title <1>")],
        [("zh", "摘\ufffd要"), ("en", "Abstract")],
        [("zh", "王明"), ("en", "Wang Ming")],
        [("zh", "段一\n行二"), ("en", "One\nTwo")],
    ]


@pytest.fixture
def exported(tmp_path):
    """Exports a batch of these papers, anew each time."""

    async def run(papers):
        async def step(name: str) -> PaperTranslation:
            if isinstance(papers[name], Exception):
                raise papers[name]
            return papers[name]

        store = tmp_path / f"{len(list(tmp_path.iterdir()))}.db"
        await run_batch(step, list(papers), store=store, key=str, step_name="papers")
        return await export(store, tmp_path / "out"), store

    return run


def names(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


async def test_ids_are_never_names_of_files(exported, tmp_path):
    """An id with `../` stays inside, and so does one that is longer than names may be."""
    ids = ["../../etc/passwd", "x" * 400]
    summary, _ = await exported({name: translation(name) for name in ids})
    assert summary.done == 2
    files = sorted(f"done/{file_name(name)}.{ending}" for name in ids for ending in ("json", "md", "tmx"))
    assert names(tmp_path / "out") == sorted([*files, "done.jsonl", "failed.jsonl", "flagged.jsonl"])


async def test_flagged_and_failed_papers_are_apart(exported, tmp_path):
    """Each with its reasons."""
    await exported(
        {"a": translation("a"), "b": translation("b", findings=("abstract: it is empty",)), "c": ValueError("bad")}
    )
    rows = {
        name: json.loads((tmp_path / "out" / f"{name}.jsonl").read_text()) for name in ("done", "flagged", "failed")
    }
    assert rows["done"]["file"] == f"done/{file_name('a')}"
    assert rows["flagged"]["reasons"] == ["abstract: it is empty"]
    assert rows["failed"] == {"id": "c", "kind": "error", "reason": "ValueError: bad"}


async def test_a_paper_is_in_one_place(exported, tmp_path):
    """One that is no longer flagged is moved."""
    await exported({"a": translation("a", findings=("title: it is empty",))})
    await exported({"a": translation("a")})
    assert [name for name in names(tmp_path / "out") if name.startswith("flagged/")] == []


async def test_what_is_written_already_is_left_alone(exported, monkeypatch):
    """A second export writes nothing."""
    _, store = await exported({"a": translation("a")})
    monkeypatch.setattr(_export, "write_atomically", lambda path, _: pytest.fail(f"wrote {path}"))
    await export(store, store.parent / "out")


async def test_translations_are_scored_against_those_of_people(exported, tmp_path):
    """An equal one has all there is, and papers without one do not count."""
    _, store = await exported({"a": translation("a"), "b": translation("b")})
    references = tmp_path / "human.jsonl"
    text = "Abstract of the paper that is long enough"
    await asyncio.to_thread(
        references.write_text, json.dumps({"id": "a", "title_en": "Title <1>", "abstract_en": text})
    )
    scored = await score(store, references)
    assert scored.texts == 2
    assert 0 < scored.chrf < 100
    assert scores([text], [text]).chrf == 100.0
    assert round(scores([text], [text]).bleu, 6) == 100.0


async def test_references_of_other_papers_are_an_error(exported, tmp_path):
    """So is a line that is none."""
    _, store = await exported({"a": translation("a")})
    references = tmp_path / "human.jsonl"
    await asyncio.to_thread(references.write_text, '{"id": "z", "title_en": "x"}\n')
    with pytest.raises(ConfigurationError, match="no translation of any paper"):
        await score(store, references)
    await asyncio.to_thread(references.write_text, "[]\n")
    with pytest.raises(ConfigurationError, match="line 1: no reference"):
        await score(store, references)


async def test_references_are_lines_whatever_is_in_them(exported, tmp_path):
    """A separator of lines inside of a text is none, and a mark of the encoding is no part of the first line."""
    _, store = await exported({"a": translation("a")})
    references = tmp_path / "human.jsonl"
    row = json.dumps({"id": "a", "title_en": "One\u2028two"}, ensure_ascii=False)
    await asyncio.to_thread(references.write_text, row + "\n", encoding="utf-8-sig")
    assert (await score(store, references)).texts == 1
    await asyncio.to_thread(references.write_bytes, b"\xff\n")
    with pytest.raises(ConfigurationError, match=r"human\.jsonl is no UTF-8: invalid start byte at byte 0"):
        await score(store, references)
