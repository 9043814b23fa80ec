"""The timeline as text: exact lines for given bars."""

# ruff: noqa: RUF001  # the multiplication sign is the mark of a failed branch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from llm_composition_patterns.console import Bar, bars, duration, text_of, timeline
from llm_composition_patterns.console._timeline import ASCII, FINE, _ticks
from llm_composition_patterns.outcome import Failure, Success
from llm_composition_patterns.timeline import shown

LANGUAGES = [
    Bar("spanish", 0.0, 0.0, 2.0),
    Bar("french", 0.0, 1.0, 2.5),
    Bar("german", 0.5, 0.5, 1.0, "rate_limit"),
    Bar("japanese", 0.0, 0.0, 4.0, "timeout"),
]
NESTED = [
    Bar("product 5", 0.0, 0.0, 3.0),
    Bar("spanish", 0.0, 0.0, 3.0, depth=1),
    Bar("french", 1.0, 1.0, 1.0, depth=1),
    Bar("product 6", 1.0, 0.0, 2.0, "error"),
    Bar("spanish", 1.0, 0.0, 2.0, "error", 1),
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
        "product 6 ┊           ××××××××××××××××××××××××× 2.00 s error",
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
    assert drawn([Bar("one", 0.0, 0.0, 0.0)], width=40) == [
        "    │0 s",
        "one ▏                             0 s ok",
        "█ running",
        "1 branch · makespan 0 s",
        "sum of branch times 0 s",
    ]


def test_long_and_wide_names_are_cut_to_their_column():
    """A wide character takes two cells, and what could steer the terminal is gone."""
    lines = drawn([Bar("翻译成西班牙语的很长很长的名字", 0, 0, 1), Bar("a\x1b[31m\nb", 0, 0, 1)], width=40)
    assert lines[1].startswith("翻译成西班牙语… ")
    assert lines[2].startswith("a?[31m b        ")


def test_of_many_bars_the_failed_and_the_longest_are_drawn():
    """They stay in their order, and a line says how many were left out."""
    many = [Bar(f"b{n}", 0.0, 0.0, float(n), "error" if n == 1 else "ok") for n in range(10)]
    lines = drawn(many, width=60, max_rows=3)
    assert [line.split()[0] for line in lines[1:5]] == ["b1", "b8", "b9", "…"]
    assert lines[4] == "… 7 more; shown are the failed and the longest"
    assert lines[6].startswith("10 branches (9 ok, 1 error)")


def test_a_bar_is_drawn_with_what_it_belongs_to():
    """A branch without its group would not say whose it is."""
    family = [Bar("group", 0, 0, 9), Bar("a", 0, 0, 1, depth=1), Bar("b", 0, 0, 2, depth=1), Bar("alone", 0, 0, 1.5)]
    assert shown(family, 3) == [0, 2, 3]


@given(
    st.lists(
        st.builds(
            Bar,
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
        Bar("spanish", 11.0, 0.5, 2.0, "ok", 1),
        Bar("french", 11.5, 0.0, 3.0, "timeout", 1),
    ]
