"""Item traces: the branches of a giant fan-out as traces of their own, each linked to the fan-out's span.

A viewer cannot show a trace of thousands of branches, but it can list thousands of traces. What is to be seen of them
may be a sample, and no failure may be missing in it. So the trace of an item that the sample leaves out is held back
until its root ends: a span with the status ERROR anywhere in it, or more spans than can be held back, and it is kept
after all, with the item that its fan-out lies in, if it lies in one. Whoever ends a span in the item, in whatever
thread, meets that decision here, because it goes by the trace.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import StatusCode

if TYPE_CHECKING:
    from opentelemetry.trace import Span

HELD_BACK = 1_000
REMEMBERED = 10_000
_RANDOM_BITS = 1 << 64


class Item:
    """An item trace that the sample leaves out, unless something in it is worth keeping.

    Args:
        root: The id of its root.
        around: The trace of the span that its root is linked to; None where there is none.

    Attributes:
        around: As given.
        sampled_out: Whether it was left out in the end.
    """

    __slots__ = ("_lock", "_root", "_spans", "around", "sampled_out")

    def __init__(self, root: int, around: int | None) -> None:
        self._root = root
        self.around: int | None = around
        self._spans: list[ReadableSpan] | None = []
        # It can be taken twice by one thread: a garbage collection inside it may end a span.
        self._lock = threading.RLock()
        self.sampled_out: bool = False

    def take(self, span: ReadableSpan, span_id: int) -> list[ReadableSpan]:
        """Hold a span back, or give what there is to export now."""
        with self._lock:
            if self._spans is None:
                return [] if self.sampled_out else [span]
            self._spans.append(span)
            if span.status.status_code is StatusCode.ERROR or len(self._spans) > HELD_BACK:
                return self.keep()
            if span_id == self._root:
                self._spans, self.sampled_out = None, True
            return []

    def keep(self) -> list[ReadableSpan]:
        """Decide to keep it; what was held back."""
        with self._lock:
            held, self._spans = self._spans or [], None
            return held

    @property
    def decided(self) -> bool:
        """Whether nothing is held back any more."""
        return self._spans is None


class ItemSampling(SpanProcessor):
    """Passes spans on to another processor, but for the items that are sampled out.

    Args:
        onward: Where spans go.
        share: How many of the items without a failure are kept, from 0 to 1.
    """

    def __init__(self, onward: SpanProcessor, share: float) -> None:
        self._onward = onward
        self._bound = round(share * _RANDOM_BITS)
        self._undecided: dict[int, Item] = {}
        self._sampled_out: dict[int, None] = {}  # the latest, for spans that end after their root
        if hasattr(os, "register_at_fork"):
            after_fork = weakref.WeakMethod(self._after_fork)
            os.register_at_fork(after_in_child=lambda: (method := after_fork()) and method())

    def _after_fork(self) -> None:
        self._undecided = {}  # what the parent holds back is the parent's to export

    def begin(self, root: Span) -> Item | None:
        """Decide on the trace of an item whose root has just started; None if it is kept in any case."""
        context = root.get_span_context()
        if not root.is_recording() or context.trace_id % _RANDOM_BITS < self._bound:
            return None
        around = next((link.context.trace_id for link in getattr(root, "links", ())), None)
        item = self._undecided[context.trace_id] = Item(context.span_id, around)
        return item

    def on_end(self, span: ReadableSpan) -> None:
        """Pass a finished span on, or hold it back."""
        context = span.get_span_context()
        item = self._undecided.get(context.trace_id) if context else None
        if context is None or item is None:
            if context is None or context.trace_id not in self._sampled_out:
                self._onward.on_end(span)
            return
        for kept in item.take(span, context.span_id):
            self._onward.on_end(kept)
        if item.decided:
            self._forget(context.trace_id, item)
            if not item.sampled_out:
                self._keep(item.around)

    def release(self) -> None:
        """Keep the items that are undecided: their roots will end too late."""
        for trace_id in list(self._undecided):
            self._keep(trace_id)

    def shutdown(self) -> None:
        """End with the processor behind it."""
        self.release()
        self._onward.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the processor behind it; what is held back stays so."""
        return self._onward.force_flush(timeout_millis)

    def _keep(self, trace_id: int | None) -> None:
        """Keep an item that is undecided, and those around it."""
        while trace_id is not None and (item := self._undecided.get(trace_id)) is not None:
            for kept in item.keep():
                self._onward.on_end(kept)
            self._forget(trace_id, item)
            trace_id = item.around

    def _forget(self, trace_id: int, item: Item) -> None:
        if item.sampled_out:
            self._sampled_out[trace_id] = None
            if len(self._sampled_out) > REMEMBERED:
                self._sampled_out.pop(next(iter(self._sampled_out), 0), None)
        self._undecided.pop(trace_id, None)
