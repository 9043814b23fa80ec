"""Masking: what OpenInference's own leaves open.

A `TraceConfig` hides inputs and outputs, attribute by attribute. It does not cover what was put into the context
(metadata, prompt templates and their variables), nor messages and stacks of exceptions, nor the description of a
status, all of which may quote what is to be hidden. `MaskingTracer` covers those too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import wrapt
from openinference.instrumentation import REDACTED_VALUE, OITracer, TraceConfig
from opentelemetry.trace import Status, StatusCode

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

REDACTED = REDACTED_VALUE

_HIDING_TEXT = (
    "hide_inputs",
    "hide_outputs",
    "hide_input_messages",
    "hide_output_messages",
    "hide_input_text",
    "hide_output_text",
)
_ALSO_HIDDEN = frozenset(
    {
        "metadata",
        "llm.prompt_template.template",
        "llm.prompt_template.variables",
        "exception.message",
        "exception.stacktrace",
    }
)


def hides_text(config: TraceConfig) -> bool:
    """Whether texts that quote inputs or outputs must be hidden too."""
    return any(getattr(config, name, False) for name in _HIDING_TEXT)


def hides_anything(config: TraceConfig) -> bool:
    """Whether there is any attribute that this configuration hides or adds."""
    return any(getattr(config, field.name) is True for field in fields(config))


class Masking(TraceConfig):
    """A `TraceConfig` that covers what quotes the things it hides."""

    @classmethod
    def of(cls, config: TraceConfig) -> Masking:
        """The same settings, with more covered."""
        return cls(**{field.name: getattr(config, field.name) for field in fields(config)})

    def mask(self, key: str, value: Any, **how: Any) -> Any:
        """The value to write for `key`, or None to leave it out."""
        return REDACTED if key in _ALSO_HIDDEN else super().mask(key, value, **how)


class MaskingTracer(OITracer):
    """OpenInference's tracer, whose spans hide what exceptions say."""

    def __init__(self, wrapped: Tracer, config: TraceConfig) -> None:
        super().__init__(wrapped, config=Masking.of(config))

    def start_span(self, *args: Any, **how: Any) -> Any:
        """Start a span as OpenInference's tracer does."""
        return _MaskingSpan(super().start_span(*args, **how))


class _MaskingSpan(wrapt.ObjectProxy):  # type: ignore[type-arg]  # not for every version of it
    def add_event(self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None) -> None:
        shown = {key: REDACTED if key in _ALSO_HIDDEN else value for key, value in (attributes or {}).items()}
        self.__wrapped__.add_event(name, shown, timestamp)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,  # noqa: ARG002 - nobody knows what they quote
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002 - the signature of a span
    ) -> None:
        hidden = {"exception.message": REDACTED, "exception.stacktrace": REDACTED, "exception.escaped": str(escaped)}
        self.add_event("exception", {"exception.type": type(exception).__qualname__, **hidden}, timestamp)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        code = status if isinstance(status, StatusCode) else status.status_code
        said = description if isinstance(status, StatusCode) else status.description
        self.__wrapped__.set_status(Status(code, _hidden(said)) if code is StatusCode.ERROR else Status(code))


def _hidden(description: str | None) -> str:
    kept = description is not None and re.fullmatch(rf"\w+: {REDACTED}", description)
    return description if kept and description else REDACTED
