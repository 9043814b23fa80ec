"""Setting tracing up: where spans go, from when, and until when."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from opentelemetry import trace
from opentelemetry.trace import ProxyTracerProvider

from . import _spans
from ._backpressure import Backpressure
from ._phoenix_server import PhoenixServer, server_of
from ._span_limits import check_span_limits
from ._spans import ITEM_TRACES_ABOVE
from ._statistics import TracingStatistics
from ._target import AUTO, FILE, OFF, OTLP, PHOENIX, Target, resolve

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


def setup_tracing(
    to: str = "auto",
    *,
    endpoint: str | None = None,
    project: str | None = None,
    hide_inputs: bool | None = None,
    hide_outputs: bool | None = None,
    backpressure: bool = False,
    item_traces_above: int | None = ITEM_TRACES_ABOVE,
    sample_items: float = 1.0,
) -> Tracing:
    """Send the spans of this package somewhere, from now until `shutdown`.

    Spans are exported in batches by a thread of its own, never on the event loop. A process that ends hands over what
    is left: where nothing was ever accepted that takes less than a second, where the collector is only slow up to 30.
    One line on stderr says where spans go, as soon as they do; one says how many were lost, if any were.

    The OpenTelemetry, OpenInference and Phoenix environment variables are honored; `docs/tracing.md` lists them. If
    the application has no tracer provider, this one becomes the global provider; else it is used for the spans of
    this package alone. A second call replaces the first, whose spans are handed over before it returns.

    Use it around the event loop, because leaving it waits for the spans to be sent:

    ```python
    with setup_tracing("phoenix"):
        asyncio.run(main())
    ```

    Args:
        to: `"phoenix"` (the server that `endpoint` or the environment names, else http://localhost:6006),
            `"console"` (a line on stderr for each span), `"file:PATH"` (OTLP as JSON, a request a line, appended),
            `"off"` (no spans of this package at all), or `"auto"` (the server that `endpoint` or the environment
            names; without one, nothing changes).
        endpoint: The address of the server, with or without `/v1/traces`.
        project: The project's name in Phoenix; default `PHOENIX_PROJECT`, else `llm-composition-patterns`.
        hide_inputs: Whether inputs are masked, also where errors and metadata quote them; default
            `OPENINFERENCE_HIDE_INPUTS`.
        hide_outputs: The same for outputs; default `OPENINFERENCE_HIDE_OUTPUTS`.
        backpressure: Whether new branches of fan-outs wait while the queue of spans is nearly full, so that a
            collector slower than the program slows it down instead of losing spans. Branches that run go on. A
            collector that takes nothing for a minute is waited for no longer.
        item_traces_above: A fan-out with more branches than these has each of them as a trace of its own, linked to
            the fan-out's span, because no viewer shows thousands of branches in one trace; None for never.
        sample_items: How many of such traces are kept, from 0 to 1. Those with a failure in them always are: their
            spans, 1,000 at most, are held back until the branch has ended.

    Raises:
        ConfigurationError: `to`, the endpoint or a variable cannot work, or the file cannot be written.
        TypeError: `to` or the endpoint is no text.
        ValueError: A number is out of its range.
    """
    global _current  # noqa: PLW0603 - there is one tracing in a process
    target = resolve(to, endpoint, os.environ)
    settings = _Settings(
        hide_inputs,
        hide_outputs,
        backpressure=backpressure,
        item_traces_above=item_traces_above,
        sample_items=sample_items,
    )
    pipeline = _Pipeline(target, project, settings) if target.kind != OFF else None
    if _current is not None:
        _current.shutdown()
    _current = Tracing(target, pipeline)
    if pipeline is not None:
        pipeline.install()
        atexit.register(_current.shutdown)
    elif to != AUTO:
        _spans.mute()
    return _current


class Tracing:
    """Tracing that was set up: its counts, its end, and where to look. Made by `setup_tracing`.

    Attributes:
        to: Where spans go: `phoenix` (or any other server that takes OTLP), `console`, `file:PATH` or `off`.
        endpoint: The address that spans are posted to, or None.
    """

    def __init__(self, target: Target, pipeline: _Pipeline | None) -> None:
        self.to: str = {OTLP: PHOENIX, FILE: f"file:{target.path}"}.get(target.kind, target.kind)
        self.endpoint: str | None = target.shown if target.kind == OTLP else None
        self._pipeline = pipeline
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def statistics(self) -> TracingStatistics:
        """How many spans were created, exported and lost so far, and how many wait."""
        return self._pipeline.batches.statistics() if self._pipeline else TracingStatistics()

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until the spans that ended by now have been sent.

        Args:
            timeout: How long to wait at most, in seconds.

        Returns:
            False if they are not settled in time, or any was lost since the last flush; at once when nothing answers
            there.
        """
        return self._pipeline.batches.flush(timeout) if self._pipeline else True

    def shutdown(self, timeout: float = 30.0) -> None:
        """Send what is left and stop: spans go nowhere afterwards. Runs by itself when the process ends.

        Args:
            timeout: How long it may take at most, in seconds; less than a second where nothing was ever accepted.
        """
        global _current  # noqa: PLW0603 - as above
        if self._ended:
            return
        self._ended = True
        if _current is self:
            _current = None
            _spans.install(None)
        if self._pipeline is not None:
            atexit.unregister(self.shutdown)
            self._pipeline.shutdown(timeout)

    @property
    def phoenix(self) -> PhoenixServer | None:
        """The Phoenix that spans go to, to ask for more than that; None where no server is known for one."""
        return None if self._pipeline is None else self._pipeline.phoenix

    def trace_url(self, trace_id: str) -> str | None:
        """The address at which a person sees a trace; None where that is not known, or no span ever arrived.

        Args:
            trace_id: 32 hexadecimal digits.
        """
        if self._pipeline is None or (self._ended and not self.statistics().exported):
            return None
        return self._pipeline.trace_url(trace_id)


@dataclass(frozen=True, slots=True)
class _Settings:
    """What is written, and how."""

    hide_inputs: bool | None
    hide_outputs: bool | None
    backpressure: bool
    item_traces_above: int | None
    sample_items: float

    def __post_init__(self) -> None:
        above, share = self.item_traces_above, self.sample_items
        if above is not None and not (isinstance(above, int) and above >= 0):
            raise ValueError(f"item_traces_above must be a whole number, 0 or more, or None for never; not {above!r}")
        if not (isinstance(share, int | float) and 0 <= share <= 1):
            raise ValueError(f"sample_items must be a share from 0 (failures alone) to 1 (all), not {share!r}")


class _Pipeline:
    """What one tracing is made of: a provider, whose spans are queued, exported by a thread, and told about."""

    def __init__(self, target: Target, project: str | None, settings: _Settings) -> None:
        check_span_limits(os.environ)  # before the SDK is imported

        from openinference.instrumentation import TraceConfig  # noqa: PLC0415 - only where there is tracing

        from ._batches import Batches  # noqa: PLC0415
        from ._item_traces import ItemSampling  # noqa: PLC0415
        from ._provider import make_exporter, make_provider  # noqa: PLC0415

        self._target = target
        self._exporter = make_exporter(target)
        self._provider = make_provider(project)
        gate = Backpressure() if settings.backpressure else None
        self.batches: Batches = Batches(self._exporter, on_first_delivery=self._tell_where, backpressure=gate)
        self._sampling = ItemSampling(self.batches, settings.sample_items) if settings.sample_items < 1 else None
        self._entrance = self._sampling or self.batches
        self._provider.add_span_processor(self._entrance)
        self._spans = _spans.Spans(
            self._provider.get_tracer(_spans.SCOPE),
            TraceConfig(hide_inputs=settings.hide_inputs, hide_outputs=settings.hide_outputs),
            backpressure=gate,
            item_traces_above=settings.item_traces_above,
            item_sampling=self._sampling,
        )

    def install(self) -> None:
        """Write spans from now on."""
        global _global  # noqa: PLW0603 - OpenTelemetry's own is set once for ever
        _spans.install(self._spans)
        provider = trace.get_tracer_provider()
        if isinstance(provider, ProxyTracerProvider):
            trace.set_tracer_provider(self._provider)
            _global = self._provider
        elif provider is _global:  # what an earlier call left: the application's own spans go on
            provider.add_span_processor(self._entrance)

    def shutdown(self, timeout: float) -> None:
        """Stop, and tell of what was lost."""
        if trace.get_tracer_provider() is self._provider:
            _spans.ignore(self._provider)
        if self._sampling is not None:
            self._sampling.release()
        self.batches.shutdown(timeout, on_long_wait=lambda queued: self._tell_of_wait(queued, timeout))
        self._provider.shutdown()
        self._tell_of_loss()

    @property
    def phoenix(self) -> PhoenixServer | None:
        known = self._target.phoenix or getattr(self._exporter, "phoenix", False)
        return server_of(self._target) if known else None

    def trace_url(self, trace_id: str) -> str | None:
        server = self.phoenix
        return None if server is None else f"{server.url}/redirects/traces/{trace_id}"

    def _tell_where(self) -> None:
        from ._provider import project_of  # noqa: PLC0415

        project = f" (project {project_of(self._provider)})" if self._target.kind == OTLP else ""
        say(f"spans go to {self._target.shown}{project}")

    def _tell_of_wait(self, queued: int, timeout: float) -> None:
        say(f"sending {queued:,} spans to {self._target.shown}, for {timeout:.0f} s at most")

    def _tell_of_loss(self) -> None:
        counts = self.batches.statistics()
        if counts.lost:
            reasons = "; ".join(reason for reason, _ in self.batches.reasons.most_common(2))
            where = self._target.shown
            say(f"{counts.lost:,} of {counts.created:,} spans were lost on their way to {where}: {reasons}")


def say(text: str) -> None:
    """Write one line on stderr, if there is one."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"tracing: {text}\n")
        sys.stderr.flush()


_current: Tracing | None = None
_global: TracerProvider | None = None
