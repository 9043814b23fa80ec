"""Fan-outs with a span for every branch, all through the same SDK, processor and exporter in memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .._contest import Figures
from .._measure import fan_out
from ._step import AT_ONCE, step

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


def _provider() -> TracerProvider:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    return provider


def gather(items: int) -> Figures:
    tracer = _provider().get_tracer("by hand")

    async def run(items: int) -> int:
        permits = asyncio.Semaphore(AT_ONCE)

        async def one(item: int) -> int:
            async with permits:
                with tracer.start_as_current_span("step") as span:
                    span.set_attribute("index", item)
                    span.set_attribute("input.value", str(item))
                    result = await step(item)
                    span.set_attribute("output.value", str(result))
                    span.set_attribute("outcome", "success")
                    return result

        with tracer.start_as_current_span("fan-out"):
            return len(await asyncio.gather(*(one(item) for item in range(items))))

    return fan_out(run, items)


def langchain(items: int) -> Figures:
    from langchain_core.runnables import RunnableLambda
    from openinference.instrumentation.langchain import LangChainInstrumentor

    LangChainInstrumentor().instrument(tracer_provider=_provider())

    async def run(items: int) -> int:
        return len(await RunnableLambda(step).abatch(list(range(items)), config={"max_concurrency": AT_ONCE}))

    return fan_out(run, items)


def ours(items: int) -> Figures:
    from opentelemetry import trace

    from llm_composition_patterns import parallelize

    trace.set_tracer_provider(_provider())

    async def run(items: int) -> int:
        return len(await parallelize(step, range(items), max_concurrency=AT_ONCE, on_error="collect"))

    return fan_out(run, items)
