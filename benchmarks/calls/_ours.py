"""`connect` and `ask` under `parallelize`: limiter, accounting, branches; then validation, then traces."""

from __future__ import annotations

import asyncio
from typing import Any

from .._contest import Figures
from ._in_flight import KEY, MODEL, PROMPT, measured


def text(base_url: str, calls: int, in_flight: int) -> Figures:
    return asyncio.run(_asking(base_url, calls, in_flight, output=str))


def validated(base_url: str, calls: int, in_flight: int) -> Figures:
    return asyncio.run(_asking(base_url, calls, in_flight, output=_product()))


def text_traced(base_url: str, calls: int, in_flight: int) -> Figures:
    _trace()
    return text(base_url, calls, in_flight)


def validated_traced(base_url: str, calls: int, in_flight: int) -> Figures:
    _trace()
    return validated(base_url, calls, in_flight)


async def _asking(base_url: str, calls: int, in_flight: int, *, output: type[Any]) -> Figures:
    from llm_composition_patterns import Limiter, Success, ask, connect, parallelize, track

    limiter = Limiter(fixed=in_flight)  # the others do not look for their limit either
    async with connect(f"groq:{MODEL}", base_url=base_url, api_key=KEY, concurrency=limiter) as model:

        async def question(_: int) -> object:
            return await ask(model, PROMPT, output=output)

        async def run(calls: int) -> int:
            async with track("benchmark") as tracked:
                outcomes = await parallelize(question, range(calls), max_concurrency=in_flight, on_error="collect")
            if tracked.usage.calls != calls:
                raise RuntimeError(f"{tracked.usage.calls} of {calls} calls were accounted")
            return len([outcome for outcome in outcomes if isinstance(outcome, Success)])

        return await measured(run, calls, in_flight)


def _product() -> type[Any]:
    from pydantic import BaseModel

    class Product(BaseModel):
        name: str
        description: str
        fits_outdoors: bool

    return Product


def _trace() -> None:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(InMemorySpanExporter()))
    trace.set_tracer_provider(provider)
