"""Reading a document: what runs beside what, what is recorded, what becomes of a file that nobody can read."""

import asyncio
import hashlib
import json
import os

import pytest

from examples.document_pipeline._embed import Embedded
from examples.document_pipeline._export import summarize
from examples.document_pipeline._extract import Extracted, Page, Unreadable
from examples.document_pipeline._folder import Document, documents, pdf_files
from examples.document_pipeline._pipeline import Job, Pipeline, as_it_is, read_document
from examples.document_pipeline._rehearsal import answer
from llm_composition_patterns import ConfigurationError, Scenario, WorkerLost, connect, read_results, run_batch
from llm_composition_patterns.testing import record_spans

DOCUMENT = Document("k1", ("a.pdf",))
JOB = Job(model="simulated:x", simulated=True, embedder="hashed TF-IDF", settings={})
SCENARIO = Scenario(answer=answer, time_to_first_token=1, tokens_per_second=float("inf"), spread=0)


def text_of(pages):
    """So many pages that fill a chunk each."""
    return [Page(number=n, kind="text", text=f"Page {n} of Mr Paul Peña. " * 30) for n in range(1, pages + 1)]


def extracting(pages):
    async def extract(_path, _key):
        await asyncio.sleep(0)
        return Extracted(pages=tuple(pages), converter="c1")

    return extract


async def embed(text):
    await asyncio.sleep(1)
    return Embedded(hashlib.sha256(text.encode()).hexdigest(), "e1")


async def run(store, pipeline, given=(DOCUMENT,), **settings):
    return await run_batch(
        read_document,
        given,
        store=store,
        key=lambda one: one.key,
        resource=lambda: as_it_is(pipeline),
        step_name="document_pipeline",
        **settings,
    )


async def test_all_chunks_of_a_document_are_asked_about_at_once():
    """Beside their embeddings: four calls of a second and four vectors of a second take one second, as spans show."""
    with record_spans() as recorder:
        async with connect("simulated:x", scenario=SCENARIO, concurrency=8) as model:
            started = asyncio.get_running_loop().time()
            record = await Pipeline(model, JOB, extracting(text_of(4)), embed).document(DOCUMENT)
            assert asyncio.get_running_loop().time() - started == 1
    calls = [span for span in recorder.spans if span.name.startswith("chat ")]
    assert len(calls) == len(record.parts) == 4
    assert max(span.start_time for span in calls) < min(span.end_time for span in calls)
    [(root, below)] = recorder.tree()
    assert root == "chunks of a document"
    assert sum(len(branches) for _, one in below for _, branches in one) == 8


async def test_each_chunk_has_its_own_vector_and_entities():
    """In the order of the text, with their pages."""
    async with connect("simulated:x", scenario=SCENARIO) as model:
        record = await Pipeline(model, JOB, extracting(text_of(3)), embed).document(DOCUMENT)
    assert [part.chunk.first_page for part in record.parts] == [1, 2, 3]
    assert [part.vector for part in record.parts] == [(await embed(part.chunk.text)).vector for part in record.parts]
    assert all([one.text for one in part.found.entities] == ["Mr Paul Peña"] for part in record.parts)
    assert (record.state, record.remarks) == ("done", ())


async def test_pages_without_text_are_reported_and_not_sent_on():
    """A document of nothing but scans calls no model."""
    pages = [Page(number=1, kind="scan"), Page(number=2, kind="blank"), Page(number=3, kind="unreadable")]
    async with connect("simulated:x", scenario=Scenario(answer=lambda _: pytest.fail("called"))) as model:
        record = await Pipeline(model, JOB, extracting(pages), embed).document(DOCUMENT)
    assert (record.state, record.parts) == ("reported", ())
    assert record.remarks == ("page 1: a picture without text, which needs OCR", "page 2: blank", "page 3: damaged")


async def test_a_paid_chunk_is_not_paid_again(tmp_path):
    """One that failed is asked about once more, and the others are there."""
    asked, bad = [], ["Page 2"]

    def sometimes(request):
        asked.append(
            next(json.loads(one["content"])["text"][:6] for one in request["messages"] if one["role"] == "user")
        )
        return "no JSON" if asked[-1] in bad else answer(request)

    async with connect("simulated:x", scenario=Scenario(answer=sometimes)) as model:
        pipeline = Pipeline(model, JOB, extracting(text_of(4)), embed)
        assert (await run(tmp_path / "a.db", pipeline)).counts["failed"] == 1
        before = len(asked)
        bad.clear()
        assert (await run(tmp_path / "a.db", pipeline, retry=("failed",))).counts["succeeded"] == 1
    assert asked[before:] == ["Page 2"]


async def test_a_file_whose_process_dies_again_and_again_is_given_up(tmp_path):
    """After some tries of the same run; one that dies once was an accident, and is read."""
    lost = []

    async def dying(path, key):
        lost.append(path)
        if path == "a.pdf" or len(lost) == 1:
            raise WorkerLost("it was killed by SIGSEGV", step="extract", exit_code=-11)
        return await extracting(text_of(1))(path, key)

    async with connect("simulated:x", scenario=SCENARIO) as model:
        pipeline = Pipeline(model, JOB, dying, embed)
        given = [Document("k2", ("b.pdf",)), DOCUMENT]
        report = await run(tmp_path / "a.db", pipeline, given, max_concurrency=1, max_attempts=3)
    summary = await summarize(tmp_path / "a.db")
    assert (report.counts["succeeded"], report.counts["abandoned"], report.counts["pending"]) == (1, 1, 0)
    assert (summary.done, summary.quarantined) == (1, 1)
    assert "it was killed by SIGSEGV" in summary.reasons["k1"]
    assert lost == ["b.pdf"] * 2 + ["a.pdf"] * 3


async def test_a_file_that_cannot_be_opened_is_quarantined():
    """By the name that it has, with the reason."""
    async with connect("simulated:x", scenario=SCENARIO) as model:
        pipeline = Pipeline(model, JOB, extracting([]), embed)
        with pytest.raises(Unreadable, match=r"a\.pdf: it cannot be read: Permission denied"):
            await read_document(pipeline, Document("unread: a.pdf", ("a.pdf",), "it cannot be read: Permission denied"))


async def test_a_name_with_bytes_that_are_no_text_is_recorded(tmp_path):
    """With marks in their place; the file is opened by the name that it has."""
    name, opened = os.fsdecode(b"a\xff.pdf"), []

    async def extract(path, key):
        opened.append(path)
        return await extracting(text_of(1))(path, key)

    async with connect("simulated:x", scenario=SCENARIO) as model:
        await run(tmp_path / "a.db", Pipeline(model, JOB, extract, embed), [Document("k", (name,))])
    [outcome] = [outcome async for outcome in read_results(tmp_path / "a.db")]
    assert outcome.value["files"] == ["a\ufffd.pdf"]
    assert opened == [name]


async def test_converters_and_embedders_are_counted():
    """By those that did something."""
    async with connect("simulated:x", scenario=SCENARIO) as model:
        pipeline = Pipeline(model, JOB, extracting(text_of(2)), embed)
        await asyncio.gather(pipeline.document(DOCUMENT), pipeline.document(DOCUMENT))
    assert dict(pipeline.built) == {"converters": {"c1"}, "embedders": {"e1"}}


def test_a_document_is_known_by_its_content(tmp_path):
    """Files of equal names are two, files of equal content are one; other files are left alone."""
    for name, data in {"a/x.pdf": b"1", "b/x.PDF": b"2", "b/y.pdf": b"1", "b/z.txt": b"3"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    found = documents(pdf_files([tmp_path, tmp_path / "a" / "x.pdf"]))
    assert [one.files for one in found] == [
        (str(tmp_path / "a/x.pdf"), str(tmp_path / "b/y.pdf")),
        (str(tmp_path / "b/x.PDF"),),
    ]
    assert found[0].key == hashlib.sha256(b"1").hexdigest()
    [gone] = documents([tmp_path / "gone.pdf"])
    assert "it cannot be read: No such file" in gone.problem
    with pytest.raises(ConfigurationError, match="there is no"):
        pdf_files([tmp_path / "nothing"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationError, match="has no PDF in it"):
        pdf_files([tmp_path / "empty"])
