"""What the limiter finds by itself: beside an oracle and fixed numbers, in its promises, and over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from .._contest import Bar, Contest, Entry, Figure, Figures, Summary
from . import _backend_run, _http, _promises
from ._backends import HELD_OUT, SEEDS, TUNED, Backend

_OUTAGES: Final = "three outages of 5 s, 2,000 calls"
_NESTED: Final = "three deep, 60 calls of 1 s, 2 in flight"
_FAIR: Final = "20 calls beside 1,000, 10 in flight"
_CONTROLLER: Final = "the limiter alone"
_HIDDEN: Final = "hidden limit of 40/s, 2,000 calls"
_SLOTS: Final = "4 slots of 50 ms, 1,000 calls"
_OUTAGE: Final = "an outage of 20 s, 800 calls of 1 s"


def backends() -> Contest:
    """The limiter on every backend, in virtual time."""
    tuned, held_out = _summaries("tuned on", TUNED), _summaries("held out", HELD_OUT)
    return Contest(
        name="limiter",
        title="The limiter beside the best fixed number: throughput as a share of the oracle's",
        figures=_backend_run.FIGURES,
        entries=tuple(
            Entry(name=backend.name, contestant=_backend_run.measure, settings={"name": backend.name, "seeds": SEEDS})
            for backend in (*TUNED, *HELD_OUT)
        ),
        summaries=(*tuned, *held_out),
        bars=(*_bars(*tuned), *_bars(*held_out)),
        rounds=1,
        quick={"seeds": SEEDS[:1]},
        side_by_side=2,
    )


def _summaries(which: str, rows: Sequence[Backend]) -> tuple[Summary, Summary]:
    def summary(word: str, made: Callable[[Sequence[Figures]], Figures]) -> Summary:
        return Summary(name=f"{len(rows)} {which}: {word}", of=tuple(backend.name for backend in rows), made=made)

    return summary("mean", _backend_run.mean), summary("worst", _backend_run.worst)


def _bars(mean: Summary, worst: Summary) -> tuple[Bar, ...]:
    return (
        Bar(entry=mean.name, figure="cold", least=0.97),
        Bar(entry=worst.name, figure="least", least=0.93),
        Bar(entry=mean.name, figure="warm", least=0.98),
        Bar(entry=mean.name, figure="429s ratio", most=1 / 40),
        Bar(entry=mean.name, figure="p99", most=1.6),
        Bar(entry=mean.name, figure="lost", most=0.0),
    )


def promises() -> Contest:
    """What it promises beside throughput, in virtual time; and what it costs."""
    return Contest(
        name="limiter-promises",
        title="The limiter: outages, nesting, fairness, CPU",
        figures=(
            Figure("failed", "failed requests", 0),
            Figure("lost", "calls lost", 0),
            Figure("seconds", "s", 3),
            Figure("slower", "x alone", 2),
            Figure("cpu", "us CPU a call", 1),
        ),
        entries=(
            Entry(name=_OUTAGES, contestant=_promises.outages, settings={"seeds": SEEDS}),
            Entry(
                name=f"{_OUTAGES}, fixed 50",
                contestant=_promises.outages_by_hand,
                settings={"seeds": SEEDS, "workers": 50},
            ),
            Entry(name=_NESTED, contestant=_promises.nested),
            Entry(name=_FAIR, contestant=_promises.fairness),
            Entry(name=_CONTROLLER, contestant=_promises.controller, settings={"calls": 20_000}),
        ),
        bars=(
            Bar(entry=_OUTAGES, figure="failed", most=45),
            Bar(entry=_OUTAGES, figure="lost", most=0),
            Bar(entry=_NESTED, figure="seconds", least=30.0, most=30.0),
            Bar(entry=_FAIR, figure="slower", most=2.5),
            Bar(entry=_CONTROLLER, figure="cpu", most=30),
        ),
        rounds=3,
    )


def over_http() -> Contest:
    """Over real HTTP with the official SDK, in real time."""

    def entry(name: str, contestant: Callable[..., Figures], calls: int, fixed: int | None = None) -> Entry:
        given = {"calls": calls, "fixed": fixed}
        return Entry(name=name if fixed is None else f"{name}, fixed {fixed}", contestant=contestant, settings=given)

    return Contest(
        name="limiter-http",
        title="The limiter over real HTTP: the groq SDK against `llm-patterns simulate`",
        figures=(
            Figure("rejected", "rejected", 4),
            Figure("of the limit", "of the limit", 3),
            Figure("rate", "calls/s", 1),
            Figure("p99", "p99, ms", 0),
            Figure("failed", "failed requests", 0),
            Figure("storm", "sent in the second after, of the limit", 2),
            Figure("lost", "calls lost", 0),
        ),
        entries=(
            entry(_HIDDEN, _http.hidden_limit, 2_000),
            entry(_HIDDEN, _http.hidden_limit, 2_000, 50),
            entry(_SLOTS, _http.slots, 1_000),
            *(entry(_SLOTS, _http.slots, 1_000, number) for number in (4, 5, 10, 50, 200)),
            entry(_OUTAGE, _http.outage, 800),
        ),
        bars=(
            Bar(entry=_HIDDEN, figure="rejected", most=0.03, whole=True),
            Bar(entry=_HIDDEN, figure="of the limit", least=0.93, whole=True),
            *(
                Bar(entry=_SLOTS, figure="rate", least=0.97, of=f"{_SLOTS}, fixed {number}", whole=True)
                for number in (4, 5, 10, 50, 200)
            ),
            Bar(entry=_SLOTS, figure="p99", most=0.15, of=f"{_SLOTS}, fixed 200", whole=True),
            Bar(entry=_OUTAGE, figure="lost", most=0),
            Bar(entry=_OUTAGE, figure="storm", most=1.0),
        ),
        rounds=1,
        quick={"calls": 300},
        shows=("groq", "aiohttp"),
    )


def draw(directory: Path, *, report: Callable[[str], object]) -> None:
    """Draw the pictures of `docs/limiter.md`."""
    from ._plots import draw_all

    draw_all(directory, report=report)
