"""Bars made of spans: which spans are rows, which are parts of them, and where everything is."""

from itertools import count, pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_composition_patterns import Timeline
from llm_composition_patterns.timeline import Bar, FinishedSpan, Part, span_bars
from llm_composition_patterns.timeline._layout import THINNEST, layout
from llm_composition_patterns.tracing import names

SVG = "{http://www.w3.org/2000/svg}"
RECT = f"{SVG}rect"
SECOND = 1_000_000_000
ids = count(1)


def span(name, start, end, parent=None, *, error="", links=(), trace_id="t", **attributes):
    return FinishedSpan(
        name=name,
        trace_id=trace_id,
        span_id=f"{next(ids):016x}",
        parent_id=parent and parent.span_id,
        start=round(start * SECOND),
        end=round(end * SECOND),
        error=error,
        attributes=attributes,
        links=tuple(one.span_id for one in links),
    )


def branch(name, start, end, parent, index=0, kind=None, **settings):
    told = {names.INDEX: index, names.START_OFFSET_SECONDS: 0.0} | ({names.FAILURE_KIND: kind} if kind else {})
    return span(name, start, end, parent, error="ValueError: no" if kind else "", **told, **settings)


def attempt(start, end, parent, error="", **attributes):
    return span("chat small", start, end, parent, error=error, **{"openinference.span.kind": "LLM"}, **attributes)


def wait(start, end, parent):
    return span("wait for permit", start, end, parent, **{names.WAIT_REASON: "concurrency"})


def bars_of(*spans):
    return span_bars(spans)[1]


def test_the_branches_of_a_fan_out_are_rows_below_its_name():
    """In the order of their inputs; the fan-out itself would be a row that says nothing."""
    fan_out = span("translate", 1, 4)
    late, early = branch("french", 1, 3, fan_out, 1), branch("spanish", 2, 4, fan_out, 0)
    assert span_bars([late, early, fan_out]) == ("translate", [Bar("spanish", 1.0, 3.0), Bar("french", 0.0, 2.0)])


def test_branches_called_the_same_are_told_apart():
    """By their keys, else by the places of their inputs."""
    fan_out = span("all", 0, 1)
    keyed = branch("ask", 0, 1, fan_out, 0, **{names.KEY: "es"})
    assert [bar.name for bar in bars_of(fan_out, keyed, branch("ask", 0, 1, fan_out, 7))] == ["ask es", "ask 7"]


def test_waits_and_attempts_are_where_they_were():
    """A failed attempt, its retry, and the waits before each; what lies between them is left open."""
    fan_out = span("all", 0, 9)
    one = branch("one", 0, 9, fan_out)
    inside = [
        wait(0, 1, one),
        attempt(1, 2, one, "ModelUnavailable: 500"),
        wait(3, 4, one),
        attempt(4, 8, one, **{names.RETRY: "provider"}),
    ]
    assert bars_of(fan_out, one, *inside)[0].parts == (
        Part("queued", 0.0, 1.0),
        Part("failed", 1.0, 2.0),
        Part("queued", 3.0, 4.0),
        Part("retry", 4.0, 8.0),
    )


def test_a_hedge_is_seen_over_the_late_attempt():
    """The one that was hedged away did not fail."""
    fan_out = span("all", 0, 4)
    one = branch("one", 0, 4, fan_out)
    late = attempt(0, 3, one, "CancelledError: ", **{names.HEDGED_AWAY: True})
    hedge = attempt(2, 3, one, **{names.HEDGE: True})
    assert bars_of(fan_out, one, late, hedge)[0].parts == (Part("run", 0.0, 2.0), Part("hedge", 2.0, 3.0))


def test_an_attempt_hides_a_wait():
    """A branch of which one part works does not wait."""
    fan_out = span("all", 0, 4)
    one = branch("one", 0, 4, fan_out)
    assert bars_of(fan_out, one, attempt(1, 2, one), wait(0, 4, one))[0].parts == (
        Part("queued", 0.0, 1.0),
        Part("run", 1.0, 2.0),
        Part("queued", 2.0, 4.0),
    )


@pytest.mark.parametrize(("kind", "drawn"), [("cancelled", "cancelled"), ("timeout", "failed")])
def test_an_attempt_that_was_stopped_shows_why_its_branch_ended(kind, drawn):
    """A cancelled branch was not wanted any more; one that ran out of time failed."""
    fan_out = span("all", 0, 1)
    one = branch("one", 0, 1, fan_out, kind=kind)
    (bar,) = bars_of(fan_out, one, attempt(0, 1, one, "CancelledError: "))
    assert (bar.state, bar.parts) == (kind, (Part(drawn, 0.0, 1.0),))


def test_a_failed_attempt_without_length_is_kept():
    """A refusal may take no time at all."""
    fan_out = span("all", 0, 1)
    one = branch("one", 0, 1, fan_out)
    assert bars_of(fan_out, one, attempt(0.5, 0.5, one, "RateLimited: 429"))[0].parts == (Part("failed", 0.5, 0.5),)


def test_a_fan_out_in_a_branch_is_a_group():
    """It has one row with its branch, by the name that tells more, and it shows that something in it failed."""
    outer = span("all", 0, 4)
    first, second = branch("product", 0, 4, outer, 0), branch("product", 1, 2, outer, 1)
    five, unnamed = span("product_5", 0, 4, first), span("parallelize ask", 1, 2, second)
    inner = [branch("es", 0, 4, five, kind="timeout"), branch("fr", 1, 2, unnamed), branch("de", 1, 2, unnamed, 1)]
    assert bars_of(outer, first, second, five, unnamed, *inner) == [
        Bar("product_5", 0.0, 4.0, "timeout", 0, role="group"),
        Bar("es", 0.0, 4.0, "timeout", 1),
        Bar("product", 1.0, 2.0, "ok", 0, role="group"),
        Bar("fr", 1.0, 2.0, "ok", 1),
        Bar("de", 1.0, 2.0, "ok", 1),
    ]


def test_a_group_whose_ballots_were_stopped_is_well():
    """A vote that had its quorum does not need the rest."""
    outer = span("all", 0, 4)
    one, two = branch("one", 0, 4, outer, 0), branch("two", 0, 4, outer, 1)
    vote = span("vote", 0, 4, one)
    bars = bars_of(outer, one, two, vote, branch("ask", 0, 1, vote), branch("ask", 0, 1, vote, 1, "cancelled"))
    assert [bar.state for bar in bars] == ["ok", "ok", "cancelled", "ok"]


def test_a_pattern_alone_in_its_branch_is_drawn_on_its_bar():
    """A chain takes the whole of its branch: a row of its own would say nothing new."""
    fan_out = span("all", 0, 4)
    one = branch("one", 0, 4, fan_out)
    chain = span("chain", 0, 4, one)
    assert bars_of(fan_out, one, chain, attempt(1, 2, chain)) == [Bar("one", 0.0, 4.0, parts=(Part("run", 1.0, 2.0),))]


def test_patterns_beside_each_other_in_a_branch_are_steps():
    """Their time is the branch's, whose bar shows their attempts, too."""
    fan_out = span("all", 0, 4)
    one = branch("one", 0, 4, fan_out)
    first, second = span("plan", 0, 2, one), span("write", 2, 4, one)
    assert bars_of(fan_out, one, first, second, attempt(1, 2, first)) == [
        Bar("one", 0.0, 4.0, parts=(Part("run", 1.0, 2.0),)),
        Bar("plan", 0.0, 2.0, "ok", 1, (Part("run", 1.0, 2.0),), "step"),
        Bar("write", 2.0, 4.0, "ok", 1, (), "step"),
    ]


def test_an_orchestration_shows_its_own_attempts():
    """Planning and synthesis are on its row, the work in the rows below."""
    tracked = span("shop", 0, 9)
    orchestration = span("orchestrate", 0, 9, tracked)
    work = span("work", 2, 6, orchestration)
    spans = [tracked, orchestration, work, attempt(0, 2, orchestration), attempt(6, 9, orchestration)]
    assert bars_of(*spans, branch("a", 2, 6, work)) == [
        Bar("shop", 0.0, 9.0, "ok", 0, (Part("run", 0.0, 2.0), Part("run", 6.0, 9.0)), "group"),
        Bar("a", 2.0, 6.0, "ok", 1),
    ]


def test_the_speed_up_is_that_of_the_branches():
    """Planning and synthesis do not run beside anything."""
    orchestration = span("orchestrate", 0, 9)
    spans = [attempt(0, 4, orchestration), span("work", 4, 6, orchestration), attempt(6, 9, orchestration)]
    timeline = Timeline.of_spans([orchestration, *spans, *(branch(f"b{n}", 4, 6, spans[1], n) for n in range(3))])
    assert repr(timeline).endswith("makespan 2.00 s, sum of branch times 6.00 s, speed-up 3.0\N{MULTIPLICATION SIGN}>")


def test_rounds_of_a_refinement_are_told_apart():
    """Each evaluation says which round it is of."""
    root = span("refine", 0, 4)
    rounds = [span("judge", 2 * n + 1, 2 * n + 2, root, **{names.ROUND: n + 1}) for n in range(2)]
    assert [bar.name for bar in bars_of(root, *rounds)] == ["refine", "judge 1", "judge 2"]


def test_branches_that_are_traces_of_their_own_belong_to_what_they_are_linked_to():
    """A giant fan-out is drawn like any other."""
    fan_out = span("giant", 0, 4)
    item = branch("item", 1, 2, None, 3, links=[fan_out], trace_id="u")
    assert span_bars([item, fan_out]) == ("giant", [Bar("item", 1.0, 2.0)])


def test_branches_whose_fan_out_never_ended_are_drawn_all_the_same():
    """A process that was killed has written no span of the fan-out."""
    lost = span("lost", 0, 4)
    assert [bar.name for bar in bars_of(branch("b", 0, 1, lost, 1), branch("a", 0, 1, lost, 0))] == ["a", "b"]


def test_a_trace_without_a_fan_out_has_steps():
    """Nothing ran beside anything, and there is no speed-up to speak of."""
    root = span("answer", 0, 2)
    timeline = Timeline.of_spans([root, attempt(0, 1, root)])
    assert timeline.bars == (Bar("answer", 0.0, 2.0, "ok", 0, (Part("run", 0.0, 1.0),), "step"),)
    assert repr(timeline) == "<Timeline 'answer': 1 step, no fan-out, makespan 2.00 s>"


def test_a_call_outside_of_everything_is_a_row():
    """A model may be called without a pattern."""
    assert bars_of(attempt(0, 2, None, "Refused: no")) == [
        Bar("chat small", 0.0, 2.0, "error", 0, (Part("failed", 0.0, 2.0),), "step")
    ]


def test_no_spans_are_no_bars():
    """There is nothing to draw of nothing."""
    assert span_bars([]) == ("", [])
    assert repr(Timeline.of_spans([])) == "<Timeline 'Timeline': 0 branches>"


def test_what_is_no_span_is_refused():
    """Whoever gives outcomes is told what is wanted."""
    with pytest.raises(TypeError, match="drawn of finished spans, not of str"):
        Timeline.of_spans(["text"])


def test_waits_attempts_and_pauses_differ_without_color():
    """Each has a filling or a height of its own, and the legend names them."""
    fan_out = span("all", 0, 9)
    one = branch("one", 0, 9, fan_out)
    retry, hedge = attempt(2, 3, one, **{names.RETRY: "provider"}), attempt(4, 5, one, **{names.HEDGE: True})
    svg = Timeline.of_spans([fan_out, one, attempt(0, 1, one, "no"), retry, hedge]).svg()
    root = ET.fromstring(svg)  # noqa: S314 - it is our own
    parts = {part.get("class"): part for part in root.iter(f"{SVG}rect")}
    assert parts["retry"].get("fill") != parts["hedge"].get("fill") != parts["failed"].get("fill")
    assert parts["between"].get("height") == "2"
    assert {"retry", "hedge", "between attempts"} <= {text.text for text in root.iter(f"{SVG}text")}
    assert root.find(f"{SVG}g[@class='bar']/{SVG}title").text == (
        "one: from 0 s on, ran 9.00 s, 3 attempts (1 failed), ok"
    )


@st.composite
def trees(draw):
    """A fan-out whose branches have waits and attempts one after the other, or a fan-out of their own."""

    def fan_out(parent, least, most, deep):
        times = st.lists(st.integers(least, most), min_size=2, max_size=6).map(sorted)
        cuts = draw(st.lists(times, min_size=1, max_size=4))
        yield (own := span("fan", least, most, parent))
        for index, cut in enumerate(cuts):
            yield (one := branch(f"b{index}", cut[0], cut[-1], own, index, draw(st.sampled_from([None, "timeout"]))))
            if deep and draw(st.booleans()):
                yield from fan_out(one, cut[0], cut[-1], deep - 1)
                continue
            for start, end in pairwise(cut):
                if end > start and (make := draw(st.sampled_from([wait, attempt, None]))):
                    yield make(start, end, one)

    return list(fan_out(None, 0, draw(st.integers(0, 10_000)), draw(st.integers(0, 2))))


def rectangles_of(svg):
    """Read each bar of an SVG: the kind, the left and the right end of its rectangles."""
    bars = ET.fromstring(svg).findall(f"{SVG}g[@class='bar']")  # noqa: S314 - it is our own
    return [
        [(it.get("class"), float(it.get("x")), float(it.get("x")) + float(it.get("width"))) for it in bar.iter(RECT)]
        for bar in bars
    ]


def branches_of(spans):
    """Give the branches that no fan-out lies in, in the order of their rows, each with what lies in it."""
    inside = {}
    for one in spans:
        inside.setdefault(one.parent_id, []).append(one)

    def innermost(one):
        fans = [child for child in inside.get(one.span_id, []) if child.name == "fan"]
        if not fans:
            yield one, inside.get(one.span_id, [])
        for fan in fans:
            for child in inside[fan.span_id]:
                yield from innermost(child)

    return [found for one in inside[spans[0].span_id] for found in innermost(one)]


@settings(max_examples=60)
@given(trees())
def test_the_picture_agrees_with_the_spans(spans):
    """Overlap, gaps and order: read back from the SVG, each rectangle is where its span was, and none is missing."""
    timeline = Timeline.of_spans(spans, max_rows=500)
    drawing = layout(timeline.bars, max_rows=500)
    zero = min(bar.start for bar in timeline.bars)
    whole = max(bar.end for bar in timeline.bars) - zero

    def x(time):
        return drawing.left + ((time / SECOND - zero) / whole * (drawing.right - drawing.left) if whole else 0.0)

    def near(ends):
        return [pytest.approx(pair, abs=0.01) for pair in sorted(ends)]

    rows = [row for row in rectangles_of(timeline.svg()) if all(kind != "group" for kind, _, _ in row)]
    for row, (one, inside) in zip(rows, branches_of(spans), strict=True):
        drawn = {wanted: [(left, right) for kind, left, right in row if kind == wanted] for wanted in ("queued", "run")}
        waits = [(x(it.start), x(it.end)) for it in inside if it.name == "wait for permit"]
        attempts = [(x(it.start), max(x(it.end), x(it.start) + THINNEST)) for it in inside if it.name == "chat small"]
        assert drawn["queued"] == near(waits)
        assert not attempts or drawn["run"] == near(attempts)
        assert min(left for _, left, _ in row) == pytest.approx(x(one.start), abs=0.01)
        assert x(one.end) - 0.01 <= max(right for _, _, right in row) <= x(one.end) + THINNEST + 0.01
        assert any(kind == "failed" for kind, _, _ in row) == bool(one.error)
