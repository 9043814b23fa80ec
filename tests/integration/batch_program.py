"""A batch as a program, whose process tests start, stop and kill."""

import asyncio
import json
import os
import sys
from pathlib import Path

from llm_composition_patterns import run_batch
from llm_composition_patterns.errors import LLMCompositionError

LEDGER = Path("ledger")


async def work(item: int) -> str:
    """Say in a file that it was started, and take some time."""
    with LEDGER.open("a") as ledger:  # noqa: ASYNC230 - it is short
        ledger.write(f"{item}\n")
    await asyncio.sleep(float(os.environ.get("SECONDS_AN_ITEM", "0.01")))
    return f"result of {item}"


async def main() -> int:
    """One run of so many items."""
    store, items = sys.argv[1:3]
    settings = json.loads(os.environ.get("SETTINGS", "{}"))
    try:
        report = await run_batch(work, range(int(items)), store=store, key=str, handle_signals=True, **settings)
    except LLMCompositionError as error:
        print(error)  # noqa: T201
        return 1
    told = {"counts": report.counts, "executed": report.executed, "interrupted": report.interrupted}
    print(json.dumps({**told, "repeated": report.possibly_repeated}))  # noqa: T201
    return 0 if report.interrupted is None else 130 if report.interrupted == "SIGINT" else 143


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
