"""Making the parts of the SDK that tracing stands on."""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401 - see `make_provider`
import os
import random
from collections.abc import Mapping

from openinference.semconv.resource import ResourceAttributes
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.version import __version__

from ._batches import Exporter
from ._phoenix import DEFAULT_PROJECT, named_project
from ._shown import spelled
from ._span_limits import ATTRIBUTE_COUNTS
from ._target import CONSOLE, FILE, Target

MAX_ATTRIBUTES = 10_000


def make_provider(project: str | None) -> TracerProvider:
    """A tracer provider that ends with `Tracing.shutdown`, not with hooks of its own.

    In a forked child the SDK's provider starts threads by an executor, whose module must have been imported before
    the provider was made: its lock is held during the fork, and is renewed in the order of imports.
    """
    # A conversation has several attributes a message: the SDK's 128 would push the first ones out.
    limits = (
        SpanLimits() if any(map(os.environ.get, ATTRIBUTE_COUNTS)) else SpanLimits(max_span_attributes=MAX_ATTRIBUTES)
    )
    return TracerProvider(
        resource=_resource(project, os.environ), shutdown_on_exit=False, id_generator=_Ids(), span_limits=limits
    )


def make_exporter(target: Target) -> Exporter:
    """The exporter for where spans go."""
    if target.kind == CONSOLE:
        from ._console import ConsoleExporter  # noqa: PLC0415 - one of three

        return ConsoleExporter()
    if target.kind == FILE:
        from ._file import FileExporter  # noqa: PLC0415 - one of three

        return FileExporter(target.path)
    from ._otlp import OtlpExporter  # noqa: PLC0415 - one of three

    return OtlpExporter(target.endpoint, target.headers)


def project_of(provider: TracerProvider) -> str:
    """The name of the project that the spans of a provider belong to."""
    return str(provider.resource.attributes.get(ResourceAttributes.PROJECT_NAME, ""))


def _resource(project: str | None, environ: Mapping[str, str]) -> Resource:
    # Not `Resource.create`: it waits for threads, and this may be called on an event loop.
    said = OTELResourceDetector().detect().attributes
    named = project or named_project(environ)
    attributes = {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": __version__,
        SERVICE_NAME: DEFAULT_PROJECT,
        ResourceAttributes.PROJECT_NAME: DEFAULT_PROJECT,
        **said,
        **({ResourceAttributes.PROJECT_NAME: named} if named else {}),
    }
    # A variable that is no UTF-8 has halves of characters in it, and the resource is sent with every span.
    return Resource({key: spelled(value) if isinstance(value, str) else value for key, value in attributes.items()})


_random = random.Random()  # noqa: S311 - ids are no secrets
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


class _Ids(IdGenerator):
    """Random ids that an application's `random.seed` does not repeat: two runs must not write into one trace."""

    def generate_span_id(self) -> int:
        return _random.getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        return _random.getrandbits(128) or 1

    def is_trace_id_random(self) -> bool:
        return True
