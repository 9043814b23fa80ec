"""Traces in a real Phoenix, read back from it and looked at in a real browser."""

import asyncio
import re
from pathlib import Path

import pytest

from llm_composition_patterns import tracing
from llm_composition_patterns.tracing import setup_tracing

pytestmark = [pytest.mark.phoenix, pytest.mark.timeout(240)]

TREE = {
    "translate_product_5": None,
    "translate_to_spanish": "translate_product_5",
    "translate_to_french": "translate_product_5",
    "chat simulated/small": "translate_to_french",
}


async def translate() -> str | None:
    """Write the spans that a translation writes."""
    with tracing.span("translate_product_5", input={"product_id": 5}) as product:
        for language in ("spanish", "french"):
            with tracing.span(f"translate_to_{language}", input=language) as branch:
                attempt = tracing.listening().masking.start_span(
                    "chat simulated/small",
                    attributes={
                        "openinference.span.kind": "LLM",
                        "llm.model_name": "simulated/small",
                        "llm.provider": "simulated",
                        "llm.token_count.prompt": 321,
                        "llm.token_count.completion": 123,
                        "llm.token_count.total": 444,
                        "llm.input_messages.0.message.role": "user",
                        "llm.input_messages.0.message.content": f"Translate into {language}.",
                    },
                )
                await asyncio.sleep(0.2)
                attempt.end()
                branch.output({"language": language})
        return product.trace_id


def test_a_trace_is_in_phoenix_as_it_was_written(phoenix):
    """Every span arrives, in its project, with its parent, kind and attributes."""
    with setup_tracing("phoenix", endpoint=phoenix.url, project="read-back") as made:
        trace_id = asyncio.run(translate())
    found = phoenix.spans(trace_id, "read-back", at_least=5)
    assert len(found) == 5
    assert made.statistics().exported == 5
    by_id = {span["context"]["span_id"]: span["name"] for span in found}
    parents = {span["name"]: by_id.get(span["parent_id"]) for span in found}
    assert parents.keys() == TREE.keys()
    assert parents["translate_to_french"] == "translate_product_5"
    assert parents["translate_product_5"] is None
    chat = next(span for span in found if span["name"].startswith("chat"))
    assert chat["span_kind"] == "LLM"
    assert chat["attributes"]["llm.token_count.total"] == 444
    product = next(span for span in found if span["name"] == "translate_product_5")
    assert product["attributes"]["input.value"] == '{"product_id":5}'


def test_a_phoenix_is_recognized_by_its_answer(phoenix, monkeypatch):
    """Named as any collector, it is known for a Phoenix as soon as it has answered."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", phoenix.url)
    with setup_tracing() as made:
        assert made.trace_url("abc") is None
        with tracing.span("s"):
            pass
        assert made.flush(20)
        assert made.trace_url("abc") == f"{phoenix.url}/redirects/traces/abc"


@pytest.mark.browser
def test_the_address_of_a_trace_shows_it(phoenix, open_trace, tmp_path: Path):
    """Opened in a browser, the address leads to the trace: names, tokens and durations are on the page."""
    with setup_tracing("phoenix", endpoint=phoenix.url, project="in-the-browser") as made:
        trace_id = asyncio.run(translate())
        assert made.flush(20)
        address = made.trace_url(trace_id)
    phoenix.spans(trace_id, "in-the-browser", at_least=5)
    picture = tmp_path / "trace.png"
    with open_trace(address, *TREE, "444", re.compile(r"^2\d\dms$"), picture=picture) as page:
        assert f"/traces/{trace_id}" in page.url
    assert picture.stat().st_size > 10_000
