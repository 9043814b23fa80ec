"""What a limiter does, in one line, and below a bar while a job runs."""

import io
import sys
from dataclasses import replace

import pytest

from llm_composition_patterns.console import limit_line, live_progress
from llm_composition_patterns.console._live import limit_lines
from llm_composition_patterns.limits import Limiter
from llm_composition_patterns.runs import Progress

IDLE = Limiter(max=16).statistics()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "x:y: 0 of 16 in flight"),
        (
            {"in_flight": 16, "waiting": 1200, "waiting_by_reason": {"concurrency": 1200}},
            "x:y: 16 of 16 in flight · 1,200 waiting",
        ),
        (
            {"waiting": 3, "waiting_by_reason": {"tokens": 2, "concurrency": 1}, "tokens_per_minute": 6000.4},
            "x:y: 0 of 16 in flight · 3 waiting for the rate of tokens · 6,000 tokens/min",
        ),
        (
            {"waiting": 2, "waiting_by_reason": {"requests": 2}, "held_for": 53.7},
            "x:y: 0 of 16 in flight · 2 waiting for the rate of requests, 54 s more",
        ),
        (
            {"refused": 2, "requests_per_minute": 30.0, "paused_for": 12.3},
            "x:y: 0 of 16 in flight · 30 requests/min · 2 refused · asked to wait 12 s",
        ),
        (
            {"waiting": 1, "waiting_by_reason": {"outage": 1}, "outage_for": 4.0},
            "x:y: 0 of 16 in flight · 1 waiting for the provider to come back · failing for 4 s",
        ),
    ],
)
def test_a_line_tells_what_is_in_flight_and_what_holds_others(changes, line):
    """Only what is the case is said."""
    assert limit_line("x:y", replace(IDLE, **changes)) == line


class Model:
    """A model that is open or not."""

    name = "x:y"

    def __init__(self, *, is_open: bool) -> None:
        self._is_open = is_open

    def statistics(self):
        """As `ConnectedModel` has them."""
        return IDLE if self._is_open else None


def test_only_open_models_have_a_line():
    """Before it is opened and after it is closed there is nothing to tell."""
    assert limit_lines([Model(is_open=True), Model(is_open=False)]) == ["x:y: 0 of 16 in flight"]


def test_nothing_is_shown_where_nobody_looks():
    """Off a terminal `parallelize` is told to show no progress."""
    with live_progress("products", []) as progress:
        assert progress is False


def test_bar_and_limits_are_on_a_terminal_while_it_runs(monkeypatch):
    """How far it has come, what failed, and the line of each model."""
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with live_progress("products", [Model(is_open=True)]) as show:
        show(Progress(total=4, started=3, done=2, succeeded=1, failed=1, in_flight=1, elapsed=0.5))
    text = screen.getvalue()
    assert "2/4" in text
    assert "1 failed" in text
    assert "x:y: 0 of 16 in flight" in text
