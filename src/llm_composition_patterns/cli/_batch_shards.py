"""`llm-patterns batch shards`: the jobs of a matrix, rehearsed as processes of this machine."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..batch import Shard, StoreStatus, merge_stores
from ..console import FAILED, OK, SOME_FAILED, check_writable, count, run_command, say
from ..patterns.parallelization import parallelize

MORE: Final = """\
COMMAND is run once for each shard, with --shard K/N and --store FILE added at its end, as the jobs of a CI matrix would
run it. Their stores, and what they printed, are in INTO.shards; a shard that is run again goes on with its store.
Ctrl-C stops them as SIGTERM does, and nothing is merged: the same command goes on.

The exit code is 0 when each shard's was, 3 when some items or shards failed, 1 when nothing succeeded.

examples:
  {prog} papers.db --jobs 20 -- python -m examples.paper_translation run papers.jsonl
  {prog} papers.db --jobs 20 --at-once 4 -- python -m examples.paper_translation run papers.jsonl --workers 100"""
_STOPPING: Final = "stopping: shards finish what runs (once more to end at once)"
_REFUSED: Final = 127


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the action's flags."""
    parser.add_argument("into", type=Path, metavar="INTO", help="the store that has everything afterwards")
    parser.add_argument("--jobs", type=count, required=True, metavar="N", help="how many shards there are")
    parser.add_argument(
        "--at-once", type=count, metavar="N", help="how many run at the same time; default: one for each processor"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else there")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="what takes --shard and --store, after --")


def run(arguments: argparse.Namespace, show: Callable[[StoreStatus], None]) -> int:
    """Run the shards and merge them; gives the exit code."""
    directory = check_writable(Path(f"{arguments.into}.shards"))
    stores = {Shard(number, arguments.jobs): directory / f"{number}.db" for number in range(1, arguments.jobs + 1)}

    async def run_shard(shard: Shard) -> int:
        return await _run_shard(arguments.command, shard, stores[shard])

    async def main() -> int:
        codes = await parallelize(
            run_shard,
            [*stores],
            name="shards",
            branch_name=str,
            max_concurrency=arguments.at_once or os.cpu_count() or 1,
        )
        return await asyncio.to_thread(_merged, arguments.into, [*stores.values()], codes, show)

    return run_command(main, stopping=_STOPPING)


async def _run_shard(command: list[str], shard: Shard, store: Path) -> int:
    """Run the command for one shard; its exit code. What it prints goes into a file."""
    log = await asyncio.to_thread(store.with_suffix(".log").open, "w")
    with log:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                *("--shard", str(shard), "--store", str(store)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C reaches it once, from us
            )
        except OSError as error:
            say(f"shard {shard} cannot be run: {command[0]}: {error.strerror}")
            return _REFUSED
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            raise
    if code != OK:
        say(f"shard {shard} ended with code {code}: {log.name}")
    return code


def _merged(into: Path, stores: list[Path], codes: list[int], show: Callable[[StoreStatus], None]) -> int:
    there = [store for store in stores if store.exists()]
    if not there:
        say("no shard has made a store: see what they said, or try the command by itself with --shard 1/2")
        return FAILED
    status = merge_stores(into, there)
    show(status)
    if not any(codes):
        return OK
    return SOME_FAILED if status.counts["succeeded"] else FAILED
