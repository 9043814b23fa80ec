"""A batch as a program that takes one shard of it, as the jobs of a matrix do."""

import argparse
import asyncio
import os
import sys

from llm_composition_patterns import run_batch
from llm_composition_patterns.batch import Shard


async def work(item: int) -> str:
    """Fail for the items that are asked to."""
    if str(item) in os.environ.get("BAD", "").split():
        raise ValueError(f"{item} is bad")
    return f"result of {item}"


async def main() -> int:
    """One run of a share of so many items."""
    parser = argparse.ArgumentParser()
    parser.add_argument("items", type=int)
    parser.add_argument("--shard", type=Shard.parse, required=True)
    parser.add_argument("--store", required=True)
    arguments = parser.parse_args()
    if str(arguments.shard) in os.environ.get("BROKEN", "").split():
        return 2
    items = (item for item in range(arguments.items) if arguments.shard.keeps(str(item)))
    report = await run_batch(work, items, store=arguments.store, key=str)
    return 3 if report.counts.get("failed") else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
