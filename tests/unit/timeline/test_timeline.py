"""The timeline as a picture: rectangles that agree with the outcomes, and SVG that stands alone."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns import Failure, Success, Timeline, parallelize
from llm_composition_patterns.timeline import Bar, Part, density
from llm_composition_patterns.timeline._layout import LEGEND, THINNEST, layout

SVG = "{http://www.w3.org/2000/svg}"


def outcome(name="one", started=0.0, queued=0.0, elapsed=1.0, kind=None, key=0):
    told = {"name": name, "key": key, "index": 0, "started": started, "queued": queued, "elapsed": elapsed}
    return Success("value", **told) if kind is None else Failure(ValueError("no"), kind, **told)


seconds = st.one_of(st.just(0.0), st.floats(0.001, 1000))
outcomes = st.builds(
    outcome, st.text(max_size=40), seconds, seconds, seconds, st.sampled_from([None, "timeout", "cancelled"])
)


def read(timeline):
    return ET.fromstring(timeline.svg())  # noqa: S314 - it is our own


def rows_of(timeline):
    """The rectangles of each bar in the written SVG: class, left and right."""
    root = read(timeline)
    return [
        [
            (part.get("class"), float(part.get("x")), float(part.get("x")) + float(part.get("width")))
            for part in bar.findall(f"{SVG}rect")
        ]
        for bar in root.findall(f"{SVG}g[@class='bar']")
    ]


def texts_of(timeline):
    return [text.text for text in read(timeline).iter(f"{SVG}text")]


@given(st.lists(outcomes, min_size=1, max_size=20))
def test_rectangles_agree_with_the_outcomes(branches):
    """Time maps to the horizontal by one straight line: order, overlap and gaps are those of the outcomes."""
    rows = rows_of(Timeline.of(branches))
    start = min(one.started for one in branches)
    span = max(one.started + one.queued + one.elapsed for one in branches) - start
    drawing = layout(Timeline.of(branches).bars, max_rows=40)

    def x(time):
        return drawing.left + ((time - start) / span * (drawing.right - drawing.left) if span else 0.0)

    assert len(rows) == len(branches)
    for one, row in zip(branches, rows, strict=True):
        first, run, end = one.started, one.started + one.queued, one.started + one.queued + one.elapsed
        kind = "run" if isinstance(one, Success) else "cancelled" if one.kind == "cancelled" else "failed"
        assert row[-1][0] == kind
        assert row[0][1] == pytest.approx(x(first), abs=0.01)
        assert row[-1][1] == pytest.approx(x(run), abs=0.01)
        assert row[-1][2] == pytest.approx(max(x(end), x(run) + THINNEST), abs=0.01)
        assert [part[0] for part in row[:-1]] == (["queued"] if x(run) > x(first) else [])


@given(st.lists(outcomes, min_size=2, max_size=2))
def test_what_overlapped_is_drawn_one_above_the_other(two):
    """Two bars overlap in the picture if they did in time, and not if one ended before the other began."""
    (a, b), rows = sorted(two, key=lambda one: one.started), rows_of(Timeline.of(two))
    left, right = sorted((row[0][1], row[-1][2]) for row in rows)  # of two that begin alike, the shorter first
    end = a.started + a.queued + a.elapsed
    if end > b.started:
        assert left[1] >= right[0] - 0.01
    else:
        assert left[1] <= right[0] + THINNEST + 0.01


@given(st.lists(outcomes, max_size=60), st.integers(1, 30), st.text(max_size=30))
def test_every_timeline_is_well_formed(branches, max_rows, title):
    """Whatever the names are, the SVG can be read, has a title and a description, and draws no more than asked for."""
    root = read(Timeline.of(branches, title=title, max_rows=max_rows))
    title_id, description_id = root.get("aria-labelledby").split()
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").get("id") == title_id
    assert root.find(f"{SVG}desc").get("id") == description_id
    assert len(root.findall(f"{SVG}g[@class='bar']")) == min(len(branches), max_rows)


@given(st.lists(outcomes, min_size=1, max_size=12))
def test_nothing_is_drawn_outside(branches):
    """Every bar is between the names and the notes."""
    drawing = layout(Timeline.of(branches).bars, max_rows=40)
    for row in drawing.rows:
        for part in row.rectangles:
            assert drawing.left <= part.x
            assert part.x + part.width <= drawing.right + THINNEST
            assert drawing.top <= part.y
            assert part.y + part.height <= drawing.bottom


def test_waiting_running_and_failed_differ_without_color():
    """Each has a filling of its own, a failed one a cross and its kind in words; the legend says so."""
    timeline = Timeline.of([outcome("a", queued=1.0), outcome("b", kind="timeout"), outcome("c", kind="cancelled")])
    root = read(timeline)
    parts = {part.get("class"): part.get("fill", "") for part in root.iter(f"{SVG}rect")}
    assert "-queued)" in parts["queued"]
    assert "-failed)" in parts["failed"]
    assert "-cancelled)" in parts["cancelled"]
    assert parts["run"] == ""
    bars = root.findall(f"{SVG}g[@class='bar']")
    assert [len(bar.findall(f"{SVG}path")) for bar in bars] == [0, 1, 0]
    assert {"1.00 s timeout", "1.00 s cancelled", *(LEGEND[kind] for kind in ("queued", "run", "failed"))} <= {
        *texts_of(timeline)
    }


def test_a_screen_reader_hears_what_the_picture_shows():
    """The description has the sums, the slowest branch and the failed ones."""
    root = read(Timeline.of([outcome("a", elapsed=3.0), outcome("b", kind="timeout")], title="Two"))
    assert root.find(f"{SVG}title").text == "Two"
    assert root.find(f"{SVG}desc").text == (
        "2 branches (1 ok, 1 timeout), makespan 3.00 s, sum of branch times 4.00 s, speed-up 1.3×. "  # noqa: RUF001
        "Slowest: a, 3.00 s. Failed: b (timeout)."
    )


def test_of_many_failures_the_description_lists_ten():
    """A screen reader need not hear a thousand names."""
    root = read(Timeline.of([outcome(f"b{n}", kind="error") for n in range(12)]))
    assert root.find(f"{SVG}desc").text.endswith("b9 (error) and 2 more.")


def test_names_are_texts_and_nothing_else():
    """Markup in a name, title or kind is shown as it is."""
    evil = "<script>alert('&')</script>]]>\x00\n\x1b"
    timeline = Timeline.of([outcome(evil)], title=evil)
    assert "<script" not in timeline.svg()
    assert texts_of(timeline)[0] == "<script>alert('&')</script>]]>? ?"


def test_long_names_are_cut_and_told_whole():
    """The column is no wider than 36 cells, of which a wide character takes two; the tooltip has the whole name."""
    timeline = Timeline.of([outcome("翻译" * 12), outcome("x" * 50)])
    root = read(timeline)
    clipped = [text.text for text in root.findall(f"{SVG}g[@clip-path]/{SVG}text")]
    assert clipped == ["翻译" * 8 + "翻…", "x" * 35 + "…"]
    told = [bar.find(f"{SVG}title").text for bar in root.findall(f"{SVG}g[@class='bar']")]
    assert told[1].startswith("x" * 50 + ": from 0 s on, ran 1.00 s, ok")


def test_pages_with_several_timelines_keep_them_apart():
    """Every reference of a timeline leads to itself, and two different ones share no id."""
    first, second = (Timeline.of([outcome(name, kind="error")]).svg() for name in "ab")
    ids = [set(re.findall(r'id="([^"]+)"', svg)) for svg in (first, second)]
    assert set(re.findall(r"url\(#([^)]+)\)", first)) <= ids[0]
    assert not ids[0] & ids[1]


def test_the_picture_asks_for_nothing():
    """No script, no font and no address of another server is in it."""
    svg = Timeline.of([outcome()]).svg().replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"http|<script|@import|@font-face|href", svg)


def test_of_many_branches_the_failed_and_the_longest_are_drawn():
    """A line says how many are not, and the sums are of all of them."""
    branches = [outcome(f"b{n}", elapsed=n, kind="error" if n == 1 else None) for n in range(10)]
    texts = texts_of(Timeline.of(branches, max_rows=3))
    assert "7 more; shown are the failed and the longest" in texts
    assert [text for text in texts if text in {f"b{n}" for n in range(10)}] == ["b1", "b8", "b9"]
    assert any(text.startswith("10 branches (9 ok, 1 error)") for text in texts)


def test_of_ten_thousand_branches_the_picture_stays_small():
    """It holds forty rows, and three hills: what ran, waited and failed at each time, with its most or its sum."""
    branches = [
        outcome(f"b{n}", started=n / 128, queued=2.0, kind="error" if n % 1000 == 0 else None) for n in range(10_000)
    ]
    timeline = Timeline.of(branches)
    assert len(timeline.svg()) < 50_000
    assert len(rows_of(timeline)) == 40
    hills = [path.get("class") for path in read(timeline).iter(f"{SVG}path") if "strip" in path.get("class")]
    assert hills == ["run strip", "queued strip", "failed strip"]
    assert {"running at once", "128 at most", "waiting at once", "256 at most", "10 in all"} <= {*texts_of(timeline)}


@given(st.lists(outcomes, min_size=1, max_size=8), st.integers(1, 12))
def test_the_hills_agree_with_the_outcomes(branches, bins):
    """In each stretch of time as many ran and waited at once as overlapped somewhere in it; each failure is in one."""
    counts = density(Timeline.of(branches).bars, bins)
    start = min(one.started for one in branches)
    span = max(one.started + one.queued + one.elapsed for one in branches) - start
    runs = [(one.started + one.queued, one.started + one.queued + one.elapsed) for one in branches]
    waits = [(one.started, one.started + one.queued) for one in branches]
    for hill, stretches in ((counts.running, runs), (counts.queued, waits)):
        real = [(first, last) for first, last in stretches if last > first]
        assert max(hill) == max((sum(first <= time < last for first, last in real) for time, _ in real), default=0)
        for number, height in enumerate(hill):
            left, right = start + span * number / bins, start + span * (number + 1) / bins
            assert height <= sum(first < right and last >= left for first, last in real)
    failed = [one for one in branches if isinstance(one, Failure) and one.kind != "cancelled"]
    assert sum(counts.failed) == len(failed)


def test_fan_outs_by_name_are_groups():
    """Each has a bar from its first start to its last end, and the worst state inside."""
    inner = {"es": outcome("es", 1.0, 0.5, 1.0), "fr": outcome("fr", 2.0, 0.0, 3.0, "cancelled")}
    timeline = Timeline.of({"five": inner, "six": {"deep": [outcome("x", kind="timeout")]}, "none": [], "y": outcome()})
    assert timeline.bars == (
        Bar("five", 1.0, 5.0, "cancelled", 0, role="group"),
        Bar("es", 1.0, 2.5, "ok", 1, (Part("queued", 1.0, 1.5),)),
        Bar("fr", 2.0, 5.0, "cancelled", 1),
        Bar("six", 0.0, 1.0, "timeout", 0, role="group"),
        Bar("deep", 0.0, 1.0, "timeout", 1, role="group"),
        Bar("x", 0.0, 1.0, "timeout", 2),
        Bar("y", 0.0, 1.0, "ok", 0),
    )


async def test_branches_of_one_name_are_told_apart_by_their_keys():
    """A list's by their places, a dict's by its keys."""

    async def step(value):
        return value

    outcomes = await parallelize(step, {"es": 1, "fr": 2}, on_error="collect")
    assert [bar.name for bar in Timeline.of(outcomes).bars] == ["step es", "step fr"]
    assert [bar.name for bar in Timeline.of(outcomes.values()).bars] == ["step es", "step fr"]


def test_in_a_dict_of_your_own_the_keys_are_the_names():
    """Ballots of a vote, which are all called the same, can be given the names of their judges."""
    assert [bar.name for bar in Timeline.of({"ann": outcome(key=0), "bob": outcome(key=1)}).bars] == ["ann", "bob"]


@pytest.mark.parametrize("value", [["text"], {"a": [1]}, [[outcome()]]])
def test_results_are_no_outcomes(value):
    """Whoever forgot to collect is told how."""
    with pytest.raises(TypeError, match='run the fan-out with on_error="collect"'):
        Timeline.of(value)


def test_a_timeline_has_at_least_one_row():
    """Drawing none of many would say nothing."""
    with pytest.raises(ValueError, match="at least 1"):
        Timeline.of([outcome()], max_rows=0)


def test_a_notebook_draws_it():
    """It gives a notebook its picture, and a console a line."""
    timeline = Timeline.of([outcome()], title="Mine")
    assert timeline._repr_svg_() == timeline.svg()
    assert repr(timeline).startswith("<Timeline 'Mine': 1 branch, makespan 1.00 s")
    assert repr(Timeline.of([])) == "<Timeline 'Timeline': 0 branches>"


def test_it_is_saved_whole(tmp_path):
    """The file is the picture, and nothing else is left beside it."""
    timeline = Timeline.of([outcome("\ud800")])
    timeline.save(tmp_path / "timeline.svg")
    assert (tmp_path / "timeline.svg").read_text(encoding="utf-8") == timeline.svg()
    assert len(list(tmp_path.iterdir())) == 1
