"""What a call costs in a real Phoenix, beside what its own result says."""

import asyncio
import time

import pytest
from aiohttp import web

from llm_composition_patterns import connect, track
from llm_composition_patterns.cli import main
from llm_composition_patterns.tracing import PhoenixServer, setup_tracing

pytestmark = [pytest.mark.phoenix, pytest.mark.timeout(240)]

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "openai/gpt-oss-20b",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hola."}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 1234,
        "completion_tokens": 567,
        "total_tokens": 1801,
        "prompt_tokens_details": {"cached_tokens": 234},
    },
}
COSTS = "query ($id: ID!) { node(id: $id) { ... on Span { costSummary { total { cost } } } } }"
PRICES_ARE_READ_WITHIN = 20.0
"""Phoenix looks for new prices every five seconds."""


async def answer(_: web.Request) -> web.Response:
    """What a provider says, with cached tokens."""
    return web.json_response(ANSWER)


async def priced_call(environ: pytest.MonkeyPatch) -> tuple[float, str]:
    """The cost and the trace of one call through the groq SDK."""
    application = web.Application()
    application.router.add_post("/openai/v1/chat/completions", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    environ.setenv("GROQ_BASE_URL", f"http://127.0.0.1:{runner.addresses[0][1]}")
    environ.setenv("GROQ_API_KEY", "gsk-test")
    try:
        async with connect("groq:openai/gpt-oss-20b") as model, track("priced") as tracked:
            completion = await model.complete("Translate: hello.")
    finally:
        await runner.cleanup()
    assert completion.cost is not None
    return float(completion.cost), tracked.trace_id


def cost_in(phoenix, trace_id: str) -> float | None:
    """What Phoenix says that the trace's call costs."""
    spans = phoenix.spans(trace_id, "prices", at_least=2)
    [call] = [span for span in spans if span["name"].startswith("chat ")]
    summary = PhoenixServer(url=phoenix.url).query(COSTS, id=call["id"])["node"]["costSummary"]
    return summary["total"]["cost"]


def test_phoenix_shows_the_cost_that_the_result_says(phoenix, monkeypatch):
    """Prompt, its cached part and answer each at their price, without anything set by hand."""
    until = time.monotonic() + PRICES_ARE_READ_WITHIN
    shown = None
    while shown is None and time.monotonic() < until:
        with setup_tracing("phoenix", endpoint=phoenix.url, project="prices") as made:
            cost, trace_id = asyncio.run(priced_call(monkeypatch))
            assert made.flush(20)
        shown = cost_in(phoenix, trace_id)
    assert cost == pytest.approx(0.000253875)
    assert shown == pytest.approx(cost)


def test_a_phoenix_that_runs_is_told_too_and_twice_changes_nothing(phoenix, capsys):
    """The command finds it running and registers there; each model is in it once."""
    port = phoenix.url.rpartition(":")[2]
    for _ in range(2):
        assert main(["phoenix", "--port", port, "--prices", "vllm:our-model"]) == 0
    assert "prices registered: vllm:our-model, groq:openai/gpt-oss-20b" in capsys.readouterr().err
    found = PhoenixServer(url=phoenix.url).query("{ generativeModels(first: 9999) { edges { node { name kind } } } }")
    names = [edge["node"]["name"] for edge in found["generativeModels"]["edges"] if edge["node"]["kind"] == "CUSTOM"]
    assert names.count("vllm:our-model") == names.count("groq:openai/gpt-oss-20b") == 1
