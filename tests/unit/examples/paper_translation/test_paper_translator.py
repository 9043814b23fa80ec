"""Translating a paper: segments, wrong tokens, what is recorded and what is cached."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from examples.paper_translation._glossary import Glossary
from examples.paper_translation._languages import language
from examples.paper_translation._records import Entry, Paper
from examples.paper_translation._translator import Job, Translator, opened, translate_paper
from llm_composition_patterns import InvalidOutput, MemoryCache, Scenario, connect, read_results, run_batch
from llm_composition_patterns.batch import iter_pending, read_status

ALLOWED = {"raw": "CC BY", "derivatives_allowed": True}
BODY = "当 $x>0$ 时成立，见[1]。\n\n第二段讨论 $y$ 的性质。"


def paper(**fields):
    return Paper.model_validate({"id": "p", "title": "题目", "abstract": "摘要", "license": ALLOWED, **fields})


def job(glossary=None, settings=None, timeout=None):
    return Job(
        spoken=language("zh"),
        wanted=language("en"),
        model="simulated:x",
        simulated=True,
        glossary=Glossary(glossary or {}),
        settings=settings or {},
        timeout=timeout,
    )


class Asked:
    """An answer rule that keeps what it was asked, and lets a function spoil the texts."""

    def __init__(self, spoil=lambda texts, _turn: texts):
        self.spoil = spoil
        self.documents = []
        self.said = []

    def __call__(self, request):
        users = [message["content"] for message in request["messages"] if message["role"] == "user"]
        document = json.loads(users[0])
        self.documents.append(document)
        self.said.append(users[1:])
        texts = [f"Text in English with {' '.join(tokens(text))}." for text in document["texts"]]
        return {"texts": self.spoil(texts, len(users))}


def tokens(text):
    return [part + "⟧" for part in text.replace("⟦", "⟧⟦").split("⟧") if part.startswith("⟦")]


@asynccontextmanager
async def translating(rule, cache=None, **given):
    async with connect("simulated:x", scenario=Scenario(answer=rule)) as model:
        yield Translator(model, job(**given), cache)


async def translated(rule, record, **given):
    async with translating(rule, **given) as translator:
        return await translator.paper(record)


async def test_a_paper_is_translated_with_its_pieces():
    """Formulas and citations are back in their places; the body is as long as it was."""
    done = await translated(Asked(), paper(body=BODY, subjects=["数学"], creators=["王明"]))
    assert done.translated.body == ("Text in English with $x>0$ [1].", "Text in English with $y$.")
    assert done.source.body == tuple(BODY.split("\n\n"))
    assert (len(done.translated.subjects), len(done.translated.creators), done.segments) == (1, 1, 2)
    assert (done.status, done.findings) == ("done", ())


async def test_only_matching_terms_are_sent():
    """With the title and what comes before, which are not translated."""
    rule = Asked()
    await translated(rule, paper(body=BODY), glossary={"性质": "property", "语料库": "corpus"})
    front, body = sorted(rule.documents, key=lambda document: "title" in document)
    assert "glossary" not in front
    assert front["kinds"] == ["title", "abstract"]
    assert (body["glossary"], body["title"]) == ({"性质": "property"}, "题目")


async def test_wrong_tokens_are_asked_for_again():
    """They are named, and the second answer counts."""
    rule = Asked(lambda texts, turn: [text.replace("⟦C2⟧", "") for text in texts] if turn == 1 else texts)
    done = await translated(rule, paper(body=BODY))
    assert (done.status, done.asked_alone, len(rule.documents)) == ("done", 0, 3)
    [said] = [said[0] for said in rule.said if said]
    assert "- text 1: missing: ⟦C2⟧" in said


async def test_then_each_text_is_translated_alone():
    """Where the second answer is wrong too."""

    def spoil(texts, _turn):
        return texts[:1] if len(texts) == 2 and "⟦" in texts[0] else texts

    done = await translated(Asked(spoil), paper(body=BODY))
    assert (done.status, done.asked_alone) == ("done", 2)
    assert done.translated.body[1] == "Text in English with $y$."


async def test_then_the_paper_is_flagged():
    """With the best answer that there was, and the token that is missing from it."""
    done = await translated(Asked(lambda texts, _: [text.replace("⟦M1⟧", "") for text in texts]), paper(body=BODY))
    assert (done.status, done.findings) == ("flagged", ("body 1: tokens missing: ⟦M1⟧",))
    assert done.translated.body == ("Text in English with  [1].", "Text in English with $y$.")


async def test_an_answer_of_another_shape_fails_the_paper():
    """After it was repaired in vain, and asked for text by text."""
    with pytest.raises(InvalidOutput):
        await translated(lambda _request: {"nothing": 1}, paper(body=BODY))


async def test_without_the_right_to_the_body_it_stays():
    """Only the title and the abstract are translated, and a note says why."""
    rule = Asked()
    done = await translated(rule, paper(body=BODY, license={"raw": "CC BY-ND", "derivatives_allowed": False}))
    assert (len(rule.documents), done.source.body, done.translated.body) == (1, (), ())
    assert done.notes == ("title and abstract only: its license is 'CC BY-ND', which allows no derivatives",)


async def test_an_empty_abstract_is_flagged():
    """A person should look at the archive."""
    done = await translated(Asked(), paper(abstract=""))
    assert (done.findings, done.translated.abstract) == (("abstract: the archive has none",), "")


async def test_equal_segments_are_paid_once():
    """By what decides the answer: texts, languages, model, prompt, glossary."""
    rule, cache = Asked(), MemoryCache()
    await translated(rule, paper(), cache=cache)
    await translated(rule, paper(id="other"), cache=cache)
    assert len(rule.documents) == 1
    await translated(rule, paper(), cache=cache, glossary={"摘要": "abstract"})
    await translated(rule, paper(), cache=cache, settings={"seed": 3})
    assert len(rule.documents) == 3


async def test_wrong_answers_are_not_cached():
    """The next run may have more luck."""
    wrong, right, cache = Asked(lambda texts, _: [""] * len(texts)), Asked(), MemoryCache()
    bad = await translated(wrong, paper(abstract="当 $x$ 时"), cache=cache)
    good = await translated(right, paper(abstract="当 $x$ 时"), cache=cache)
    assert (bad.status, good.status) == ("flagged", "done")


async def run(store, rule, entries, timeout=None, **given):
    async with translating(rule, timeout=timeout) as translator:
        return await run_batch(
            translate_paper,
            entries,
            store=store,
            key=lambda entry: entry.key,
            resource=lambda: opened(translator),
            **given,
        )


async def test_paid_segments_of_a_failed_paper_are_kept(tmp_path):
    """One bad paragraph does not throw away the others, and what they cost is the paper's."""
    entries = [Entry("p", paper(body="\n\n".join("甲乙丙丁。" * 250 for _ in range(3))))]
    bad = Asked()

    def spoiled(request):
        answer = bad(request)
        return {"nothing": 1} if len(bad.documents) >= 3 else answer

    first = await run(tmp_path / "a.db", spoiled, entries)
    assert first.counts["failed"] == 1
    good = Asked()
    second = await run(tmp_path / "a.db", good, entries, retry=("failed",))
    assert (second.counts["succeeded"], len(good.documents)) == (1, 2)
    [outcome] = [outcome async for outcome in read_results(tmp_path / "a.db")]
    assert outcome.usage.calls == first.usage.calls + second.usage.calls


async def test_no_paper_fails_with_its_reason(tmp_path):
    """In the batch, without a call."""
    report = await run(tmp_path / "a.db", Asked(), [Entry("line 3", None, "a.jsonl, line 3: cut off")])
    [outcome] = [outcome async for outcome in read_results(tmp_path / "a.db")]
    assert (report.usage.calls, str(outcome.error)) == (0, "NotAPaper: a.jsonl, line 3: cut off")


async def test_a_paper_that_takes_too_long_waits_for_another_run(tmp_path):
    """With the reason, and with those of its segments that were there; it has not failed."""
    entries = [Entry("p", paper(body="\n\n".join("甲乙丙丁。" * 250 for _ in range(3)), title="题" * 400))]

    class Slow(Asked):
        def __call__(self, request):
            answer = super().__call__(request)
            return {"texts": [text * (1000 if len(self.documents) > 1 else 1) for text in answer["texts"]]}

    slow, quick = Slow(), Asked()
    first = await run(tmp_path / "a.db", slow, entries, timeout=5.0)
    assert (first.counts["pending"], first.counts["failed"]) == (1, 0)
    assert (await asyncio.to_thread(read_status, tmp_path / "a.db")).waiting == {"timeout": 1}
    [waiting] = await asyncio.to_thread(lambda: [*iter_pending(tmp_path / "a.db")])
    assert str(waiting.error).startswith("BranchTimeout: the paper took longer than 5 s; the segments that are there")
    second = await run(tmp_path / "a.db", quick, entries, timeout=5.0)
    assert (second.counts["succeeded"], len(quick.documents)) == (1, len(slow.documents) - 1)
