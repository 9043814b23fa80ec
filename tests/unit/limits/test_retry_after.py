"""When a provider wants to be called again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.limits import retry_after

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Mon, 21 Sep 2026 14:13:30 GMT"}, 10),
        ({"retry-after": "Mon, 21 Sep 2026 14:12:30 GMT"}, 0),
        ({"retry-after": "Mon, 21 Sep 2026 14:12:10 GMT"}, None),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, None),
        ({"x-ratelimit-reset": "1000000001"}, None),
        ({"x-ratelimit-reset": "1790000025000"}, 25),
        ({"x-ratelimit-reset": "1790000025"}, 25),
        ({"x-ratelimit-reset": "25"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1e300"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "7\x1f"}, 7),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, None),
    ],
)
def test_every_dialect_of_retry_after_is_read(headers, seconds):
    """Seconds, milliseconds, dates, epochs; nonsense is ignored."""
    found = retry_after(headers, now=NOW)
    assert found == seconds


@given(st.text(max_size=40), st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset"]))
def test_any_header_can_be_read(text, name):
    """Nothing raises, and what comes out can be waited for."""
    found = retry_after({name: text}, now=NOW)
    assert found is None or 0 <= found <= 7 * 24 * 3600
