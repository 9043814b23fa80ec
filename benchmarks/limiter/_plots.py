"""The pictures of `docs/limiter.md`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from examples.drawing import drawing, line, text
from llm_composition_patterns.simulation import Change

from . import _svg
from ._backends import TUNED, Backend
from ._connected import connected, learning
from ._events import naive
from ._job import Job
from ._oracle import oracle

_SEED: Final = 1
_SHOWN: Final = ((5, "b", "square"), (50, "c", "triangle"), (200, "d", "diamond"))
_ROW: Final = 27
_NAMES: Final = 300
_TOP: Final = 116
_WIDTH: Final = 880


def draw_all(directory: Path, *, report: Callable[[str], object]) -> None:
    """Draw every picture into the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    pictures: dict[str, Callable[[], str]] = {
        "limiter-cap.svg": cap,
        "limiter-ollama.svg": ollama,
        "limiter-drop.svg": drop,
        "limiter-throughput.svg": throughput,
    }
    for name, picture in pictures.items():
        report(f"drawing {directory / name}")
        (directory / name).write_text(picture(), encoding="utf-8")


def cap() -> str:
    """A cloud that refuses beyond a number."""
    backend = _named("at most 40 at once")
    limits, refused, _ = _traced(backend)
    chart = _svg.TimeChart(title="A cloud that takes 40 calls at once, and refuses more", seconds=40, most=50)
    chart.steps([(0.0, 40.0)], "b dashed", "40: the cap", label_at=40)
    chart.steps(limits, "a", "the limit", label_at=limits[-1][1] - 4)
    chart.crosses([(when, limit) for when, limit in refused if when <= chart.seconds], "d")
    return chart.svg(f"calls in flight allowed; each cross is a call refused with 429, {len(refused)} in all")


def ollama() -> str:
    """A local server with slots and a queue."""
    backend = _named("Ollama, 4 slots")
    limits, _, _ = _traced(backend)
    chart = _svg.TimeChart(title="An Ollama with 4 slots and a queue", seconds=120, most=_most(limits))
    chart.steps([(0.0, 4.0)], "b dashed", "4: the slots", label_at=4)
    chart.steps(limits, "a", "the limit", label_at=_at(limits, chart.seconds) + 1)
    return chart.svg("calls in flight allowed; what is beyond the slots waits in the server's queue and gains nothing")


def drop() -> str:
    """A vLLM that loses two thirds of its capacity for a while."""
    backend = _named("capacity falls to a third")
    limits, _, job = _traced(backend)
    seconds = job.makespan
    chart = _svg.TimeChart(
        title="A vLLM that loses two thirds of its capacity for 30 s", seconds=seconds, most=_most(limits)
    )
    knee = backend.scenario.capacity.knee if backend.scenario.capacity and backend.scenario.capacity.knee else 0
    changes: Sequence[Change] = backend.scenario.capacity.changes if backend.scenario.capacity else ()
    true = [(0.0, float(knee)), *((change.at, knee * change.factor) for change in changes)]
    chart.steps(true, "b dashed", "the knee", label_at=true[-1][1] - 4)
    chart.steps(limits, "a", "the limit", label_at=_at(limits, seconds) + 4)
    return chart.svg(
        "calls in flight allowed; the knee is the number beyond which more calls only slow each other down"
    )


def _most(limits: _svg.Points) -> float:
    return 1.08 * max(limit for _, limit in limits)


def _named(beginning: str) -> Backend:
    return next(backend for backend in TUNED if backend.name.startswith(beginning))


def _at(limits: _svg.Points, seconds: float) -> float:
    return [limit for when, limit in limits if when <= seconds][-1]


def _traced(backend: Backend) -> tuple[list[tuple[float, float]], list[tuple[float, float]], Job]:
    """The limit over time, from a cold start, and each refusal with the limit after it."""
    limiter = learning(backend)
    limits = [(0.0, float(limiter.statistics().limit))]
    refused: list[tuple[float, float]] = []

    def each(now: float, job: Job) -> None:
        limit = float(limiter.statistics().limit)
        if limit != limits[-1][1]:
            limits.append((now, limit))
        if job.refused > len(refused):
            refused.append((now, limit))

    job = connected(backend, _SEED, limiter, each=each)
    return limits, refused, job


def throughput() -> str:
    """Every backend: throughput and latency with the limiter and with fixed numbers, beside the oracle's."""
    title = "No number fits every provider"
    height = _TOP + _ROW * len(TUNED) + 16
    parts = [text(16, 26, title, kind="title"), *_legend()]
    for panel in (_SHARE, _WAIT):
        parts += panel.axis(height)
    for index, backend in enumerate(TUNED):
        y = _TOP + _ROW * (index + 0.5)
        parts += [text(_NAMES - 14, y + 4, backend.name, anchor="end")]
        parts += [line(panel.left, y, panel.left + panel.width, y, "grid") for panel in (_SHARE, _WAIT)]
        parts += _row(backend, y)
    return drawing(_WIDTH, height, title, parts)


def _row(backend: Backend, y: float) -> Iterator[str]:
    best = oracle(backend, _SEED)
    jobs = [("circle", "a", connected(backend, _SEED, learning(backend)))]
    jobs += [(shape, color, naive(backend, _SEED, number)) for number, color, shape in _SHOWN]
    for shape, color, job in jobs:
        yield _mark(shape, _SHARE.x(job.throughput / best.throughput), y, color)
        yield _mark(shape, _WAIT.x(job.latency() / best.latency), y, color)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """One of the columns of points."""

    title: str
    left: float
    width: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def x(self, value: float) -> float:
        """Where a value is; beyond the ends it stands at them."""
        low, high = self.ticks[0], self.ticks[-1]
        value = min(max(value, low), high)
        share = math.log(value / low) / math.log(high / low) if self.logarithmic else (value - low) / (high - low)
        return self.left + self.width * share

    def axis(self, height: float) -> Iterator[str]:
        """The title, and a line for each tick."""
        yield text(self.left, _TOP - 34, self.title, kind="small")
        for tick in self.ticks:
            yield line(self.x(tick), _TOP - 6, self.x(tick), height - 14, "grid")
            yield text(self.x(tick), _TOP - 12, f"{tick:g}", anchor="middle", kind="small")


_SHARE: Final = _Panel(
    title="throughput, as a share of the oracle's", left=_NAMES, width=250, ticks=(0, 0.25, 0.5, 0.75, 1, 1.25)
)
_WAIT: Final = _Panel(
    title="p99 of a call's time, in times of the oracle's",
    left=_NAMES + 300,
    width=250,
    ticks=(0.1, 1, 10, 100),
    logarithmic=True,
)


def _legend() -> Iterator[str]:
    shown = [("auto", "circle", "a"), *((f"fixed {number}", shape, color) for number, color, shape in _SHOWN)]
    for index, (label, shape, color) in enumerate(shown):
        x = _NAMES + 105 * index
        yield _mark(shape, x + 6, 48, color)
        yield text(x + 18, 52, label, kind=color)


def _mark(shape: str, x: float, y: float, color: str) -> str:
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" class="{color}"/>'
    corners = {
        "square": ((-5, -5), (5, -5), (5, 5), (-5, 5)),
        "triangle": ((0, -6), (6, 5), (-6, 5)),
        "diamond": ((0, -7), (7, 0), (0, 7), (-7, 0)),
    }[shape]
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return f'<polygon points="{points}" class="hollow {color}"/>'
