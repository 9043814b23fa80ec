"""The variables for the limits of a span, which the SDK reads while it is imported, and raises there and then."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ConfigurationError

ATTRIBUTE_COUNTS = ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT")

_VARIABLES = (
    *ATTRIBUTE_COUNTS,
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
)


def check_span_limits(environ: Mapping[str, str]) -> None:
    """Refuse what the SDK would refuse, in a line; empty is no limit.

    Raises:
        ConfigurationError: A variable is no whole number from 0.
    """
    for variable in _VARIABLES:
        value = environ.get(variable, "").strip()
        if value and not _is_limit(value):
            raise ConfigurationError(f"{variable} is {value!r}: set it to a whole number, 0 or more, or unset it")


def _is_limit(value: str) -> bool:
    try:
        return int(value) >= 0
    except ValueError:
        return False
