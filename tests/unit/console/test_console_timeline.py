"""The timeline as text: exact lines for given bars."""

# ruff: noqa: RUF001  # the multiplication sign is the mark of a failed branch

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from llm_composition_patterns.console import Bar, bars, duration, text_of, timeline
from llm_composition_patterns.console._timeline import ASCII, FINE, _ticks
from llm_composition_patterns.outcome import Failure, Success
from llm_composition_patterns.timeline import Part, shown


def branch(name, start, queued, elapsed, state="ok", depth=0):
    runs = start + queued
    return Bar(name, start, runs + elapsed, state, depth, (Part("queued", start, runs),) if queued else ())


LANGUAGES = [
    branch("spanish", 0.0, 0.0, 2.0),
    branch("french", 0.0, 1.0, 2.5),
    branch("german", 0.5, 0.5, 1.0, "rate_limit"),
    branch("japanese", 0.0, 0.0, 4.0, "timeout"),
]
NESTED = [
    Bar("product 5", 0.0, 3.0, role="group"),
    branch("spanish", 0.0, 0.0, 3.0, depth=1),
    branch("french", 1.0, 1.0, 1.0, depth=1),
    Bar("product 6", 1.0, 3.0, "error", role="group"),
    branch("spanish", 1.0, 0.0, 2.0, "error", 1),
]


def drawn(bars, **settings):
    return [text_of(line) for line in timeline(bars, **settings)]


def test_branches_are_drawn_over_time():
    """Waiting, running and failed have marks of their own; times, states and sums stand beside and below."""
    assert drawn(LANGUAGES, width=70) == [
        "         │0 s       │1 s       │2 s      │3 s",
        "spanish  █████████████████████▌┊         ┊           2.00 s ok",
        "french   ░░░░░░░░░░░██████████████████████████▋      2.50 s ok",
        "german   ┊    ░░░░░░×××××××××××┊         ┊           1.00 s rate_limit",
        "japanese ××××××××××××××××××××××××××××××××××××××××××× 4.00 s timeout",
        "░ waiting for a permit · █ running · × failed",
        "4 branches (2 ok, 1 rate_limit, 1 timeout) · makespan 4.00 s",
        "sum of branch times 9.50 s · speed-up 2.4×",
    ]


def test_without_its_styles_a_failed_bar_still_differs():
    """The colors say nothing that the marks do not."""
    styles = {style for line in timeline(LANGUAGES, width=70) for text, style in line if FINE.failed * 2 in text}
    assert styles == {"red"}


def test_groups_are_indented_and_only_branches_are_added_up():
    """The time of a group is the time of its branches, and is not counted twice."""
    assert drawn(NESTED, width=60) == [
        "          │0 s        │1 s         │2 s",
        "product 5 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 3.00 s ok",
        "  spanish █████████████████████████████████████ 3.00 s ok",
        "  french  ┊           ░░░░░░░░░░░░░████████████ 1.00 s ok",
        "product 6 ┊           ━━━━━━━━━━━━━━━━━━━━━━━━× 2.00 s error",
        "  spanish ┊           ××××××××××××××××××××××××× 2.00 s error",
        "░ waiting for a permit · █ running · × failed",
        "3 branches (2 ok, 1 error) · makespan 3.00 s",
        "sum of branch times 6.00 s · speed-up 2.0×",
    ]


def test_a_terminal_without_such_characters_gets_plain_ones():
    """Everything that is drawn can be drawn in ASCII."""
    lines = drawn(LANGUAGES, width=70, marks=ASCII)
    assert lines[1:4] == [
        "spanish  ######################                      2.00 s ok",
        "french   ...........###########################      2.50 s ok",
        "german        ......xxxxxxxxxxx                      1.00 s rate_limit",
    ]
    assert all(line.isascii() for line in lines)


def test_a_narrow_terminal_loses_the_states_first():
    """A failed branch then has only its mark."""
    assert drawn(LANGUAGES, width=30)[:4] == [
        "         │0 s",
        "spanish  ██████       2.00 s",
        "french   ░░░███████▌  2.50 s",
        "german   ┊ ░×××       1.00 s ×",
    ]


def test_a_very_narrow_terminal_loses_the_bars():
    """Names, times and marks are left."""
    assert drawn(LANGUAGES, width=20) == [
        "spanish  2.00 s",
        "french   2.50 s",
        "german   1.00 s ×",
        "japanese 4.00 s ×",
        "4 branches (2 ok, 1…",
        "makespan 4.00 s",
        "sum of branch times…",
        "speed-up 2.4×",
    ]


def test_no_bars_are_no_lines():
    """There is nothing to draw of nothing."""
    assert timeline([], width=80) == []


def test_a_branch_that_took_no_time_is_seen():
    """It has the thinnest bar, and there is no speed-up to speak of."""
    assert drawn([branch("one", 0.0, 0.0, 0.0)], width=40) == [
        "    │0 s",
        "one ▏                             0 s ok",
        "█ running",
        "1 branch · makespan 0 s",
        "sum of branch times 0 s",
    ]


def test_long_and_wide_names_are_cut_to_their_column():
    """A wide character takes two cells, and what could steer the terminal is gone."""
    lines = drawn([branch("翻译成西班牙语的很长很长的名字", 0, 0, 1), branch("a\x1b[31m\nb", 0, 0, 1)], width=40)
    assert lines[1].startswith("翻译成西班牙语… ")
    assert lines[2].startswith("a?[31m b        ")


def test_of_many_bars_the_failed_and_the_longest_are_drawn():
    """They stay in their order, below what all of them did, and a line says how many were left out."""
    many = [branch(f"b{n}", 0.0, 0.0, float(n), "error" if n == 1 else "ok") for n in range(10)]
    lines = drawn(many, width=60, max_rows=3)
    assert [line.split()[0] for line in lines[3:7]] == ["b1", "b8", "b9", "…"]
    assert lines[6] == "… 7 more; shown are the failed and the longest"
    assert lines[8].startswith("10 branches (9 ok, 1 error)")


def test_all_branches_are_counted_where_not_each_has_a_row():
    """What ran, waited and failed at each time is drawn against its own most, which stands beside it."""
    many = [branch(f"b{n}", 0.0, float(n), 2.0, "timeout" if n == 7 else "ok") for n in range(8)]
    assert drawn(many, width=70, max_rows=2)[1:4] == [
        "running at once ▄▄▄▄███████████████████████████████▄▄▄▄ 2 at most",
        "waiting at once █████▇▇▇▇▆▆▆▆▆▅▅▅▅▄▄▄▄▃▃▃▃▃▂▂▂▂         7 at most",
        "failed                                                █ 1 in all",
    ]


def test_failures_leave_room_for_the_slow_ones():
    """Of many failed branches three quarters of the rows show some, so that the longest are seen, too."""
    many = [branch(f"b{n}", 0.0, 0.0, float(n), "error" if n < 90 else "ok") for n in range(100)]
    assert shown(many, 8) == [84, 85, 86, 87, 88, 89, 98, 99]


def test_attempts_are_drawn_where_they_were():
    """A failed attempt, the pause after it, the retry and a hedge have marks of their own; the legend names them."""
    parts = (
        Part("queued", 0.0, 1.0),
        Part("failed", 1.0, 2.0),
        Part("retry", 3.0, 4.0),
        Part("hedge", 4.0, 6.0),
    )
    assert drawn([Bar("one", 0.0, 6.0, parts=parts)], width=43) == [
        "    │0 s      │2 s     │4 s",
        "one ░░░░░×××××────▓▓▓▓▓≡≡≡≡≡≡≡≡≡≡ 5.00 s ok",
        "░ waiting for a permit · █ running",
        "▓ retry · ≡ hedge · ─ between attempts",
        "× failed",
        "1 branch · makespan 6.00 s",
        "sum of branch times 5.00 s · speed-up 0.8×",
    ]


def test_a_failed_attempt_is_seen_however_short_it_was():
    """It takes a cell from what follows it."""
    bar = Bar("one", 0.0, 10.0, parts=(Part("failed", 5.0, 5.0), Part("retry", 5.0, 10.0)))
    assert drawn([bar], width=41)[1] == "one ──────────────×▓▓▓▓▓▓▓▓▓▓▓▓ 10.0 s ok"


def test_a_bar_is_drawn_with_what_it_belongs_to():
    """A branch without its group would not say whose it is."""
    family = [
        Bar("group", 0, 9, role="group"),
        branch("a", 0, 0, 1, depth=1),
        branch("b", 0, 0, 2, depth=1),
        branch("alone", 0, 0, 1.5),
    ]
    assert shown(family, 3) == [0, 2, 3]


@st.composite
def bars_with_parts(draw):
    """A bar with parts anywhere inside it, some of them of no length."""
    cuts = sorted(draw(st.lists(st.floats(0, 1e6), min_size=2, max_size=12)))
    kinds = st.sampled_from(["queued", "run", "retry", "hedge", "failed", "cancelled", None])
    parts = [Part(kind, *ends) for ends in pairwise(cuts) if (kind := draw(kinds))]
    state, role = (
        draw(st.sampled_from(["ok", "error", "cancelled"])),
        draw(st.sampled_from(["branch", "group", "step"])),
    )
    return Bar("one", cuts[0], cuts[-1], state, draw(st.integers(0, 3)), tuple(parts), role)


@given(st.lists(bars_with_parts(), min_size=1, max_size=6), st.integers(20, 150), st.integers(1, 8))
def test_whatever_the_parts_are_every_line_fits(rows, width, max_rows):
    """A bar is no longer than its column, however many short parts each want a cell."""
    for line in drawn(rows, width=width, max_rows=max_rows):
        assert cell_len(line) <= width


@given(
    st.lists(
        st.builds(
            branch,
            st.text(max_size=30),
            *[st.floats(0, 1e6) for _ in range(3)],
            st.sampled_from(["ok", "timeout", "invalid_output"]),
            st.integers(0, 3),
        ),
        max_size=12,
    ),
    st.integers(20, 150),
    st.integers(1, 12),
    st.sampled_from([FINE, ASCII]),
)
def test_every_line_fits(rows, width, max_rows, marks):
    """Whatever the bars and the terminal are, no line is longer than the terminal is wide."""
    for line in drawn(rows, width=width, max_rows=max_rows, marks=marks):
        assert cell_len(line) <= width


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.0042, "4.2 ms"),
        (0.01, "0.01 s"),
        (1.234, "1.23 s"),
        (9.996, "10.0 s"),
        (99.96, "1 min 40 s"),
        (125, "2 min 05 s"),
        (5999.4, "99 min 59 s"),
        (100_000, "27 h 46 min"),
    ],
)
def test_durations_have_three_figures(seconds, text):
    """Each with the unit that suits it."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("span", "labels"),
    [
        (0.003, ["0 s", "1 ms", "2 ms"]),
        (0.5, ["0 s", "0.1 s", "0.2 s", "0.3 s", "0.4 s"]),
        (30, ["0 s", "10 s", "20 s"]),
        (400, ["0 s", "2 min", "4 min", "6 min"]),
        (40_000, ["0 s", "3 h", "6 h", "9 h"]),
        (4_000_000, ["0 s", "240 h", "480 h", "720 h", "960 h"]),
    ],
)
def test_the_scale_has_round_times(span, labels):
    """In milliseconds, seconds, minutes or hours, never closer than their labels."""
    assert list(_ticks(span, 40).values()) == labels


def test_outcomes_become_bars():
    """A success is ok, a failure says its kind, and a nested fan-out starts where its own start was."""
    outcomes = [
        Success("hola", name="spanish", started=1.0, queued=0.5, elapsed=2.0),
        Failure(ValueError("no"), kind="timeout", name="french", started=1.5, elapsed=3.0),
    ]
    assert bars(outcomes, offset=10.0, depth=1) == [
        branch("spanish", 11.0, 0.5, 2.0, "ok", 1),
        branch("french", 11.5, 0.0, 3.0, "timeout", 1),
    ]
