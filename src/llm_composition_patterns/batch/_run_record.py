"""What a run tells of itself while it runs, so that others can watch it, and what is left of it is its report.

A run that has died has told what it did until about a second before. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..limits import LimiterStatistics
from ._distribution import Distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run, as far as it has come.

    Attributes:
        run: Its number in its store, from 1.
        began: When, in seconds since 1970.
        seconds: How long it had run when it told this.
        ended: Whether it came to its end; else it runs, or died.
        ended_by: What ended it early: a signal, or the name of an error.
        workers: Items that it executes at once.
        total: Items of the batch; None while that is unknown.
        before: Items that were finished before.
        started: Items that it has begun to execute.
        done: Those of them that are over.
        failed: Those of them that did not succeed.
        busy: Seconds that its workers were at work, together: without waiting for permits.
        responses: How long the provider took for each attempt that was answered, or failed.
        unaccepted: How many of these failed, or were refused.
        limiters: What the limiters do that its calls go through.
    """

    run: int
    began: float
    seconds: float = 0.0
    ended: bool = False
    ended_by: str | None = None
    workers: int = 1
    total: int | None = None
    before: int = 0
    started: int = 0
    done: int = 0
    failed: int = 0
    busy: float = 0.0
    responses: Distribution = field(default_factory=Distribution)
    unaccepted: int = 0
    limiters: tuple[LimiterStatistics, ...] = ()

    @property
    def in_flight(self) -> int:
        """Items that it is executing; of a run that has ended, none."""
        return 0 if self.ended else self.started - self.done

    @property
    def per_second(self) -> float:
        """Items that it finishes a second, on average."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes, if it goes on like this; None where that cannot be told."""
        if self.total is None or not self.per_second:
            return None
        return max(0, self.total - self.before - self.done) / self.per_second


def write_record(record: RunRecord) -> str:
    """A record as JSON."""
    shown = {each.name: getattr(record, each.name) for each in fields(record)}
    shown["responses"] = record.responses.shown()
    shown["limiters"] = [_shown(limiter) for limiter in record.limiters]
    return json.dumps(shown, separators=(",", ":"))


def read_record(text: str) -> RunRecord:
    """The record that a text stands for."""
    shown: dict[str, Any] = json.loads(text)
    shown["responses"] = Distribution.read(shown["responses"])
    shown["limiters"] = tuple(LimiterStatistics(**limiter) for limiter in shown["limiters"])
    return RunRecord(**shown)


def further(known: RunRecord | None, found: RunRecord) -> RunRecord:
    """Of two records of one run, the one that was told later."""
    return found if known is None or (found.ended, found.seconds) > (known.ended, known.seconds) else known


def died(record: RunRecord) -> RunRecord:
    """The record of a run that does not run any more, and could not say so."""
    return record if record.ended else replace(record, ended=True, ended_by="its process died")


def _shown(limiter: LimiterStatistics) -> Mapping[str, Any]:
    shown = {each.name: getattr(limiter, each.name) for each in fields(limiter)}
    return {**shown, "waiting_by_reason": dict(limiter.waiting_by_reason)}
