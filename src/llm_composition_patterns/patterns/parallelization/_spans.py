"""The spans of a fan-out and of its branches.

Branches are children of the fan-out; those of a giant one, and the items of a batch, are roots of traces of their own,
linked to it.
"""

from __future__ import annotations

import sys
from array import array
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Link

from ...outcome import Failure, Outcome, Success
from ...runs import usage_attributes
from ...tracing import Spans, listening, names, spelled
from ...usage import NO_USAGE
from ._branch import Branch
from ._buffer import Sink
from ._held_back import HeldBack

if TYPE_CHECKING:
    from ._fan_out import FanOut

SHOWN_INPUTS = 100
"""A fan-out over more inputs than these shows their number only: each branch shows its own."""


class FanOutSpans:
    """Writes the span of one fan-out and those of its branches.

    Attributes:
        span: The fan-out's span.
        context: The caller's context with that span current, to be copied for each branch.
    """

    def __init__(self, spans: Spans, fan_out: FanOut[Any, Any]) -> None:
        self._spans = spans
        self._ambient = spans.ambient()
        self._parent = otel_context.get_current()
        self.span = spans.start(fan_out.settings.name, "CHAIN", {**self._ambient, **_inputs(spans, fan_out)})
        self._around = trace.set_span_in_context(self.span, self._parent)
        self.context: Context = copy_context()
        self.context.run(otel_context.attach, self._around)
        self._keyed = fan_out.source.keys is not None
        self._elapsed = array("d")
        self._slowest: tuple[float, str] = (-1.0, "")
        self._usage = NO_USAGE
        self._not_recorded = 0
        self._first_item = self._first_item_of(fan_out)
        if self._first_item < sys.maxsize:
            written = self.span.get_span_context()
            self._outside = trace.set_span_in_context(trace.INVALID_SPAN, self._parent)
            self._links = (Link(written, {}),)
            self._span_id = trace.format_span_id(written.span_id)

    def _first_item_of(self, fan_out: FanOut[Any, Any]) -> int:
        """The index of the first branch that is a trace of its own."""
        above, total = self._spans.item_traces_above, fan_out.source.total
        # Whoever has sampled the fan-out out has meant its branches too.
        if above is None or not self.span.is_recording():
            return sys.maxsize
        if fan_out.settings.items:
            return 0
        if total is None:
            return above
        return 0 if total > above else sys.maxsize

    @classmethod
    def open(cls, fan_out: FanOut[Any, Any]) -> FanOutSpans | None:
        """Start the fan-out's span, or give None when nobody listens."""
        spans = listening()
        return None if spans is None else cls(spans, fan_out)

    @property
    def trace_id(self) -> str:
        """The trace that the fan-out's span is in."""
        return trace.format_trace_id(self.span.get_span_context().trace_id)

    def admission(self, sink: Sink) -> Sink:
        """What says whether another branch may start: the sink, and the queue of spans where that is waited for."""
        return sink if self._spans.backpressure is None else HeldBack(sink, self._spans.backpressure)

    def start(self, branch: Branch, context: Context, began: float) -> None:
        """Start a branch's span and make it current in the branch's context."""
        # All that is known by now goes in at once, and what most branches come to: an attribute set later costs more.
        attributes = self._spans.input(branch.input)
        attributes[names.INDEX] = branch.index
        attributes[names.START_OFFSET_SECONDS] = branch.started - began
        attributes[names.OUTCOME] = "success"
        if self._keyed:
            attributes[names.KEY] = self._spans.key(branch.key)
        if self._ambient:
            attributes.update(self._ambient)
        if branch.index < self._first_item:
            span = self._spans.start(branch.name, "CHAIN", attributes, parent=self._around)
        else:
            attributes[names.FAN_OUT_SPAN_ID] = self._span_id  # not every viewer shows links
            span = self._spans.start(branch.name, "CHAIN", attributes, parent=self._outside, links=self._links)
            if self._spans.item_sampling is not None:
                branch.item = self._spans.item_sampling.begin(span)
        branch.span = span
        context.run(otel_context.attach, trace.set_span_in_context(span, self._around))

    def end(self, branch: Branch, outcome: Outcome[Any]) -> None:
        """End a branch's span with what became of it."""
        elapsed = outcome.elapsed
        self._elapsed.append(elapsed)
        if elapsed > self._slowest[0]:
            self._slowest = elapsed, branch.name
        if outcome.usage is not NO_USAGE:
            self._usage = self._usage + outcome.usage
        if (span := branch.span) is None:
            self._not_recorded += 1
            return
        if span.is_recording():
            # One by one: for so few attributes, that costs half of setting them together.
            if type(outcome) is Failure:
                self._spans.fail(span, outcome.error)
                span.set_attribute(names.OUTCOME, "failure")
                span.set_attribute(names.FAILURE_KIND, outcome.kind)
            else:
                self._spans.show_output(span, cast(Success[Any], outcome).value)
            if outcome.attempts:
                span.set_attribute(names.ATTEMPTS, outcome.attempts)
            if outcome.queued:
                span.set_attribute(names.QUEUED_SECONDS, outcome.queued)
        else:
            self._not_recorded += 1
        span.end()
        if branch.item is not None:
            self._not_recorded += branch.item.sampled_out

    def close(self, fan_out: FanOut[Any, Any], error: BaseException | None) -> None:
        """End the fan-out's span with what became of its branches."""
        if self.span.is_recording():
            self.span.set_attributes({**self._summary(fan_out), **usage_attributes(self._usage)})
            if error is not None:
                self._spans.fail(self.span, error)
        self.span.end()

    def _summary(self, fan_out: FanOut[Any, Any]) -> dict[str, Any]:
        wall = fan_out.clock() - fan_out.began
        ordered = sorted(self._elapsed)
        total = sum(ordered)
        return {
            names.BRANCHES: fan_out.started,
            names.BRANCHES_OK: fan_out.done - fan_out.failed - fan_out.cancelled,
            names.BRANCHES_FAILED: fan_out.failed,
            names.BRANCHES_CANCELLED: fan_out.cancelled,
            names.WALL_SECONDS: wall,
            names.BRANCH_SECONDS_SUM: total,
            names.SPEED_UP: total / wall if wall > 0 else 1.0,
            names.BRANCH_SECONDS_P50: percentile(ordered, 50),
            names.BRANCH_SECONDS_P95: percentile(ordered, 95),
            names.SLOWEST_BRANCH: spelled(self._slowest[1]),
            names.PEAK_CONCURRENCY: fan_out.peak,
            **self._sampled(fan_out.started),
        }

    def _sampled(self, started: int) -> dict[str, int]:
        if started <= self._first_item:
            return {}
        return {names.BRANCHES_RECORDED: started - self._not_recorded, names.BRANCHES_SAMPLED_OUT: self._not_recorded}


def _inputs(spans: Spans, fan_out: FanOut[Any, Any]) -> dict[str, Any]:
    total = fan_out.source.total
    if total is None:
        return {}
    if total > SHOWN_INPUTS or fan_out.source.shown is None:
        return spans.input({"inputs": total})
    return spans.input(fan_out.source.shown)


def percentile(ordered: list[float], percent: int) -> float:
    """The nearest-rank percentile of values in order: the least that so many per cent of them do not exceed."""
    rank = -(-percent * len(ordered) // 100)
    return ordered[rank - 1] if ordered else 0.0
