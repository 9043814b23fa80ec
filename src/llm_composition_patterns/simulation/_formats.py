"""The formats of JSON strings: how to write one, and how to know one."""

from __future__ import annotations

import re
from typing import Any

FORMATS = {
    "date-time": ("2024-01-{:02d}T12:00:00Z", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
    "date": ("2024-01-{:02d}", r"\d{4}-(0[1-9]|1[0-2])-([01][1-9]|10|2[0-8])"),
    "time": ("12:00:{:02d}Z", r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(Z|[+-]\d\d:\d\d)"),
    "duration": ("P{}D", r"P\d+D"),
    "email": ("simulated{}@example.com", r"[\w.+-]+@[\w-]+(\.[\w-]+)+"),
    "idn-email": ("simulated{}@example.com", r"[\w.+-]+@[\w-]+(\.[\w-]+)+"),
    "hostname": ("simulated{}.example.com", r"[a-z0-9]+(\.[a-z0-9]+)+"),
    "idn-hostname": ("simulated{}.example.com", r"[a-z0-9]+(\.[a-z0-9]+)+"),
    "ipv4": ("192.0.2.{}", r"192\.0\.2\.\d{1,2}"),
    "ipv6": ("2001:db8::{}", r"2001:db8::\d{1,4}"),
    "uri": ("https://example.com/simulated/{}", r"https?://[\w./?=&%-]+"),
    "uri-reference": ("/simulated/{}", r"(https?:/)?/[\w./?=&%-]+"),
    "iri": ("https://example.com/simulated/{}", r"https?://[\w./?=&%-]+"),
    "uuid": ("00000000-0000-4000-8000-0000000000{:02d}", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "json-pointer": ("/simulated/{}", r"(/[\w-]+)+"),
    "regex": ("simulated{}", r"[\w ]+"),
    "byte": ("c2ltdWxhdGVk", r"([A-Za-z0-9+/]{4})+"),
    "base64": ("c2ltdWxhdGVk", r"([A-Za-z0-9+/]{4})+"),
}
"""For each format: how to write one (the place of a number from 1 to 28), and how to know one."""


def example(name: str, number: int) -> str:
    """A string of a known format; other numbers mostly give others."""
    return FORMATS[name][0].format(1 + number % 28)


def is_of_format(text: str, name: Any) -> bool:
    """Whether `text` is plainly of the format `name`, or the format is not known."""
    return name not in FORMATS or re.fullmatch(FORMATS[name][1], text) is not None
