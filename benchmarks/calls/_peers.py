"""Clients that a user would pick instead, as their documentation shows them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from .._contest import Figures
from ._in_flight import KEY, MODEL, PROMPT, at_once, measured

if TYPE_CHECKING:
    from groq import AsyncGroq


def aiohttp_alone(base_url: str, calls: int, in_flight: int) -> Figures:
    """The floor: a bare HTTP client."""
    import aiohttp

    body = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}]}

    async def main() -> Figures:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=in_flight)) as session:

            async def call(_: int) -> object:
                async with session.post(f"{base_url}/openai/v1/chat/completions", json=body) as response:
                    return (await response.json())["choices"][0]["message"]["content"]

            return await _measured(call, calls, in_flight)

    return asyncio.run(main())


def groq_as_shipped(base_url: str, calls: int, in_flight: int) -> Figures:
    import groq

    async def main() -> Figures:
        async with groq.AsyncGroq(api_key=KEY, base_url=base_url) as client:
            return await _measured(_completing(client), calls, in_flight)

    return asyncio.run(main())


def groq_over_aiohttp(base_url: str, calls: int, in_flight: int) -> Figures:
    async def main() -> Figures:
        async with _groq_over_aiohttp(base_url) as client:
            return await _measured(_completing(client), calls, in_flight)

    return asyncio.run(main())


def groq_own_parsing(base_url: str, calls: int, in_flight: int) -> Figures:
    """What the SDK's transport costs without its models of answers: the floor of whoever goes through it."""
    import httpx

    async def main() -> Figures:
        async with _groq_over_aiohttp(base_url) as client:
            body = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}]}

            async def call(_: int) -> object:
                response = await client.post("/openai/v1/chat/completions", cast_to=httpx.Response, body=body)
                return json.loads(response.content)["choices"][0]["message"]["content"]

            return await _measured(call, calls, in_flight)

    return asyncio.run(main())


def openai_as_shipped(base_url: str, calls: int, in_flight: int) -> Figures:
    import openai

    async def main() -> Figures:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{base_url}/openai/v1") as client:
            return await _measured(_completing(client), calls, in_flight)

    return asyncio.run(main())


def langchain_groq(base_url: str, calls: int, in_flight: int) -> Figures:
    from langchain_groq import ChatGroq
    from pydantic import SecretStr

    async def main() -> Figures:
        model = ChatGroq(model=MODEL, api_key=SecretStr(KEY), base_url=base_url)

        async def call(_: int) -> object:
            return (await model.ainvoke(PROMPT)).content

        return await _measured(call, calls, in_flight)

    return asyncio.run(main())


def pydantic_ai(base_url: str, calls: int, in_flight: int) -> Figures:
    from pydantic_ai import Agent
    from pydantic_ai.models.groq import GroqModel
    from pydantic_ai.providers.groq import GroqProvider

    async def main() -> Figures:
        agent = Agent(GroqModel(MODEL, provider=GroqProvider(api_key=KEY, base_url=base_url)))

        async def call(_: int) -> object:
            return (await agent.run(PROMPT)).output

        return await _measured(call, calls, in_flight)

    return asyncio.run(main())


def _groq_over_aiohttp(base_url: str) -> AsyncGroq:
    import groq
    import httpx

    limits = httpx.Limits(max_connections=1000, max_keepalive_connections=1000)
    return groq.AsyncGroq(api_key=KEY, base_url=base_url, http_client=groq.DefaultAioHttpClient(limits=limits))


def _completing(client: Any) -> Callable[[int], Awaitable[object]]:
    async def call(_: int) -> object:
        completion = await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": PROMPT}])
        return completion.choices[0].message.content

    return call


async def _measured(call: Callable[[int], Awaitable[object]], calls: int, in_flight: int) -> Figures:
    return await measured(lambda number: at_once(call, number, in_flight), calls, in_flight)
