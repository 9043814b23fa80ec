"""What a fan-out costs: a step that returns at once, 100 at a time."""

from __future__ import annotations

from collections.abc import Callable

from .._contest import Bar, Contest, Entry, Figure, Figures
from . import _by_hand, _ours, _peers, _traced
from ._step import AT_ONCE

_GATHER = "gather + Semaphore"
_GATHER_SUSPENDING = "gather + Semaphore, one suspension a step"
_GATHER_TRACED = "gather + Semaphore + OpenTelemetry, 4 attributes"
_LANGCHAIN = "LangChain abatch"
_LANGCHAIN_TRACED = "LangChain abatch + OpenInference"
_OPENINFERENCE = ("langchain-core", "openinference-instrumentation-langchain")
_AIOMETER = "aiometer.amap"
_OURS = "parallelize"
_OURS_TIMED = "parallelize, a timeout for every branch"
_OURS_TRACED = "parallelize, traced"
_OURS_STREAMED = "stream_outcomes, ordered, from a generator"


def contest(*, small: int = 10_000, large: int = 100_000, traced: int = 20_000, streamed: int = 1_000_000) -> Contest:
    """The contest, over so many items."""
    return Contest(
        name="fan-out",
        title=f"Fan-out: a step that returns at once, {AT_ONCE} at a time",
        figures=(
            Figure("us", "us CPU an item", 2),
            Figure("mb", "peak MB", 0),
            Figure("growth", "MB above a small run", 1),
        ),
        entries=(
            *_at(small),
            _entry(_LANGCHAIN, _peers.langchain, small, _GATHER, needs=("langchain-core",)),
            *_at(large),
            _entry(_OURS_STREAMED, _ours.streaming, streamed),
            *_traced_at(small),
            *_traced_at(traced),
            *_traced_at(large),
            _entry(_LANGCHAIN_TRACED, _traced.langchain, traced, _GATHER_TRACED, needs=_OPENINFERENCE),
        ),
        bars=_bars(small, large, traced, streamed),
        shows=("opentelemetry-sdk",),
    )


def _at(items: int) -> tuple[Entry, ...]:
    return (
        _entry("serial await", _by_hand.serial, items, _GATHER),
        _entry(_GATHER, _by_hand.gather, items),
        _entry("TaskGroup + Semaphore", _by_hand.task_group, items, _GATHER),
        _entry(_AIOMETER, _peers.aiometer, items, _GATHER, needs=("aiometer",)),
        _entry("aiostream map", _peers.aiostream, items, _GATHER, needs=("aiostream",)),
        _entry("anyio + CapacityLimiter", _peers.anyio, items, _GATHER, needs=("anyio",)),
        _entry(_OURS, _ours.collecting, items, _GATHER),
        _entry(_OURS_TIMED, _ours.with_timeouts, items, _GATHER),
        _entry(_GATHER_SUSPENDING, _by_hand.gather_suspending, items),
        _entry(f"{_OURS}, one suspension a step", _ours.suspending_steps, items, _GATHER_SUSPENDING),
    )


def _traced_at(items: int) -> tuple[Entry, ...]:
    return (
        _entry(_GATHER_TRACED, _traced.gather, items),
        _entry(_OURS_TRACED, _traced.ours, items, _GATHER_TRACED),
    )


def _bars(small: int, large: int, traced: int, streamed: int) -> tuple[Bar, ...]:
    return (
        _bar(_OURS, large, most=0.5, of=_GATHER),
        _bar(_OURS, large, most=1 / 10, of=_AIOMETER),
        _bar(_OURS, small, most=1 / 50, of=_LANGCHAIN),
        _bar(_OURS_TIMED, large, most=1.0, of=_GATHER),
        *(_bar(_OURS_TRACED, items, most=0.8, of=_GATHER_TRACED) for items in (small, traced, large)),
        _bar(_OURS_TRACED, traced, most=1 / 15, of=_LANGCHAIN_TRACED),
        Bar(entry=_of(_OURS_STREAMED, streamed), figure="us", most=4.0),
        Bar(entry=_of(_OURS_STREAMED, streamed), figure="growth", most=8.0),
    )


def _entry(
    name: str,
    contestant: Callable[[int], Figures],
    items: int,
    against: str | None = None,
    *,
    needs: tuple[str, ...] = (),
) -> Entry:
    return Entry(
        name=_of(name, items),
        contestant=contestant,
        settings={"items": items},
        needs=needs,
        against=against and _of(against, items),
    )


def _bar(entry: str, items: int, *, most: float, of: str) -> Bar:
    return Bar(entry=_of(entry, items), figure="us", most=most, of=_of(of, items))


def _of(name: str, items: int) -> str:
    return f"{name}, {items:,} items"
