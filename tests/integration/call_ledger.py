"""A simulated server as a process of its own that keeps a ledger: `call_ledger.py HOST DIRECTORY`.

Its address is in the file `url`; when it is ended, the times at which calls came are in the file `ledger`, as JSON.
"""

import asyncio
import json
import signal
import sys
import time
from math import inf
from pathlib import Path

from llm_composition_patterns.simulation import Scenario, serve


async def main() -> None:
    host, directory = sys.argv[1], Path(sys.argv[2])
    came: list[tuple[float, str]] = []

    def answer(request):
        came.append((time.monotonic(), request["messages"][-1]["content"]))
        return "word"

    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    scenario = Scenario(answer=answer, time_to_first_token=0.1, tokens_per_second=inf, spread=0)
    async with serve(scenario, host=host) as server:
        (directory / "url").write_text(server.url)
        await ended.wait()
    (directory / "ledger").write_text(json.dumps(came))


if __name__ == "__main__":
    asyncio.run(main())
