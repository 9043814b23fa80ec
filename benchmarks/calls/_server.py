"""The server that every client calls: one fixed chat completion after 50 ms, and nothing else. It prints its port."""

from __future__ import annotations

import asyncio
import json
import sys

LATENCY = 0.050

ANSWER = {"name": "Silla de madera", "description": "Una silla cómoda de madera de haya.", "fits_outdoors": False}
"""What the model says, as `Product` in `_ours.py` wants it."""


async def serve() -> None:
    """Answer until standard input ends, with the parent process at the latest."""
    from aiohttp import web

    body = json.dumps(_completion()).encode()

    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        await asyncio.sleep(LATENCY)
        return web.Response(body=body, content_type="application/json")

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


def _completion() -> dict[str, object]:
    message = {"role": "assistant", "content": json.dumps(ANSWER, ensure_ascii=False)}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_750_000_000,
        "model": "openai/gpt-oss-20b",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 60, "completion_tokens": 30, "total_tokens": 90},
    }


if __name__ == "__main__":
    asyncio.run(serve())
