"""Keeping spans as they end, beside wherever else they go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..errors import ConfigurationError
from . import _spans

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_recorders: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
"""One for each provider: the SDK never takes a processor away again."""


@contextmanager
def recording() -> Iterator[list[ReadableSpan]]:
    """Keep the spans that end inside the `with` block, in the order of their ends.

    They go wherever they would go without it, too. Where tracing is not set up, they are written for this list alone.

    Raises:
        ConfigurationError: The application's tracer provider is none of OpenTelemetry's SDK.
    """
    spans: list[ReadableSpan] = []
    listening = _spans.listening()
    if listening is not None:
        recorder = _recorder_of(getattr(listening.tracer, "span_processor", None))
        recorder.sinks = (*recorder.sinks, spans)
        try:
            yield spans
        finally:
            recorder.sinks = tuple(sink for sink in recorder.sinks if sink is not spans)
        return
    before, muted = _spans.installed()
    own = _private(spans)
    _spans.install(own)
    try:
        yield spans
    finally:
        if _spans.installed()[0] is own:
            _spans.install(before)
            if muted:
                _spans.mute()


def _recorder_of(processor: Any) -> Any:
    """Find the recorder that hears what a provider's processor hears."""
    if not hasattr(processor, "add_span_processor"):
        raise ConfigurationError(
            "spans cannot be recorded: the tracer provider of this application is none of OpenTelemetry's SDK"
        )
    if (recorder := _recorders.get(processor)) is None:
        from ._recorder import Recorder  # noqa: PLC0415 - needs the SDK

        recorder = _recorders[processor] = Recorder()
        processor.add_span_processor(recorder)
    return recorder


def _private(spans: list[ReadableSpan]) -> _spans.Spans:
    """Write spans for `spans` alone."""
    from openinference.instrumentation import TraceConfig  # noqa: PLC0415 - costs 0.1 s

    from ._provider import make_provider  # noqa: PLC0415 - needs the SDK
    from ._recorder import Recorder  # noqa: PLC0415 - as above

    provider = make_provider(None)
    provider.add_span_processor(Recorder(spans))
    return _spans.Spans(provider.get_tracer(_spans.SCOPE), TraceConfig())
