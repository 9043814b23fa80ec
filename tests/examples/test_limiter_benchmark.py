"""The limiter's benchmark: its shortcut gives what the real stack gives, its oracle is one, its pictures are drawn."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from benchmarks import limiter
from benchmarks.limiter import _backend_run, _http, _plots, _promises
from benchmarks.limiter._backends import HELD_OUT, TUNED
from benchmarks.limiter._connected import connected
from benchmarks.limiter._events import knowing, naive
from benchmarks.limiter._oracle import oracle
from llm_composition_patterns import Limiter

BACKENDS = {backend.name: backend for backend in (*TUNED, *HELD_OUT)}


def named(beginning, **changes):
    return replace(next(backend for name, backend in BACKENDS.items() if name.startswith(beginning)), **changes)


@pytest.mark.parametrize("workers", [7, 60])
@pytest.mark.parametrize("name", BACKENDS)
def test_the_shortcut_gives_what_connect_gives(name, workers):
    """A fixed number of workers takes as long, is refused as often and waits as long as through `connect`."""
    backend = replace(BACKENDS[name], calls=250)
    short = naive(backend, 1, workers)
    real = connected(backend, 1, Limiter(fixed=workers), hedge=False, workers=workers, attempts=1_000)
    assert short.makespan == pytest.approx(real.makespan, rel=1e-9)
    assert sorted(short.latencies) == pytest.approx(sorted(real.latencies), rel=1e-9)
    assert (short.refused, short.failed) == (real.refused, real.failed)
    assert real.lost == 0
    assert real.answered == short.answered == 250


@pytest.mark.parametrize(
    ("beginning", "workers"), [("Ollama, 1 slot", 1), ("Ollama, 4 slots", 4), ("at most 13 at once", 13)]
)
def test_the_oracle_finds_the_capacity(beginning, workers):
    """Where a number is right, the search finds it."""
    assert oracle(named(beginning, calls=400), 1).fewest == workers


@pytest.mark.parametrize("name", BACKENDS)
def test_the_oracle_is_never_refused(name):
    """Who knows the limits and the outages sends nothing that is not answered."""
    backend = replace(BACKENDS[name], calls=400)
    job = knowing(backend, 1, oracle(backend, 1).workers)
    assert (job.refused, job.failed, job.answered) == (0, 0, 400)


def test_the_oracle_uses_a_rate_limit_up():
    """Its calls come as fast as the limit lets them, burst and all."""
    backend = named("requests a minute, told in the text", calls=900)  # 600 at once, then 10 a second
    job = knowing(backend, 1, 512)
    assert 30.0 < job.makespan < 32.0


def test_figures_of_a_backend():
    """A backend is measured with every figure of the table."""
    figures = _backend_run.measure_of(named("Ollama, 4 slots", calls=60), [1, 2])
    assert set(figures) == {figure.name for figure in _backend_run.FIGURES} - {"429s ratio"}
    assert figures["least"] <= figures["cold"]
    assert figures["fixed 5"] == pytest.approx(1.0, abs=0.01)


def test_what_beats_the_oracle_counts_as_the_oracle():
    """A mean is no place to make up for a bad backend with a lucky one; counts are summed up, factors multiplied."""
    shares = dict.fromkeys(("warm", "unhedged", *(f"fixed {number}" for number in _backend_run.FIXED)), 0.5)
    counts = {"429s": 1.0, "429s of fixed 50": 50.0, "lost": 0.0}
    rows = [
        {"cold": 1.2, "least": 1.1, "p99": 4.0, "p99 of fixed 50": 1.0, "p99 of fixed 200": 1.0, **shares, **counts},
        {"cold": 0.9, "least": 0.8, "p99": 1.0, "p99 of fixed 50": 1.0, "p99 of fixed 200": 1.0, **shares, **counts},
    ]
    mean, worst = _backend_run.mean(rows), _backend_run.worst(rows)
    assert (mean["cold"], mean["p99"], mean["429s"], mean["429s ratio"]) == (0.95, 2.0, 2.0, 0.02)
    assert (worst["cold"], worst["least"]) == (0.9, 0.8)


def test_nesting_takes_exactly_its_time():
    """60 calls of 1 s, three fan-outs deep, two in flight: 30 s of virtual time."""
    assert _promises.nested() == {"seconds": 30.0}


def test_a_small_job_is_not_behind_a_large_one():
    """20 calls beside 1,000 at a limit of 10 take at most 2.5 times as long as alone."""
    assert _promises.fairness()["slower"] <= 2.5


def test_the_limiters_cost_is_measured():
    """What it costs a call is measured; how little that must be, only the benchmark judges, on a quiet machine."""
    assert _promises.controller(200)["cpu"] > 0


@pytest.mark.parametrize("picture", [_plots.cap, _plots.ollama, _plots.drop])
def test_pictures_are_svg(picture):
    """Each is well-formed, and says in words what it shows."""
    root = ET.fromstring(picture())  # noqa: S314 - our own
    assert root.tag.endswith("svg")
    assert root.find("{http://www.w3.org/2000/svg}title").text


def test_the_scenarios_over_http_are_right():
    """The server of the HTTP contest accepts each scenario."""
    for scenario in (_http.HIDDEN_LIMIT, _http.SLOTS, _http.OUTAGE):
        with _http.serving(scenario) as url:
            assert url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    "contest", [limiter.backends(), limiter.promises(), limiter.over_http()], ids=lambda it: it.name
)
def test_contests_fit_together(contest):
    """Names are unique, and every row and figure that a bar or a summary refers to exists."""
    entries = [entry.name for entry in contest.entries]
    rows = {*entries, *(summary.name for summary in contest.summaries)}
    assert len(rows) == len(entries) + len(contest.summaries)
    assert {name for summary in contest.summaries for name in summary.of} <= set(entries)
    assert {bar.entry for bar in contest.bars} | {bar.of for bar in contest.bars if bar.of} <= rows
    assert {bar.figure for bar in contest.bars} <= {figure.name for figure in contest.figures}
