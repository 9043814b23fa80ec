"""`make chaos`: a batch whose process is killed again and again, and a server that counts what it was asked.

The server is the witness: it writes down every item that it is asked for, in a process that nobody kills. So whether
anything was lost, or paid twice, is not judged by the store's own word.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

from aiohttp import ClientSession, web

import llm_composition_patterns
from llm_composition_patterns import run_batch

SOURCES = Path(llm_composition_patterns.__file__).parents[1]
WIDTH = 32
ANSWERS_AFTER = 0.02


# --- the batch, in a process of its own


@asynccontextmanager
async def session() -> AsyncIterator[ClientSession]:
    """What the step asks the server with."""
    async with ClientSession(sys.argv[1]) as opened:
        yield opened


async def ask(session: ClientSession, item: int) -> str:
    """A call that costs money."""
    async with session.post(f"/{item}") as response:
        return await response.text()


async def batch(store: str, items: int) -> int:
    """One run; its report on stdout."""
    report = await run_batch(
        ask,
        range(items),
        store=store,
        key=str,
        resource=session,
        max_concurrency=WIDTH,
        max_attempts=1000,
        handle_signals=True,
    )
    told = {"counts": report.counts, "repeated": report.possibly_repeated, "executed": report.executed}
    print(json.dumps(told), flush=True)  # noqa: T201
    return {None: 0, "SIGINT": 130, "SIGTERM": 143}[report.interrupted]


# --- the witness


@dataclass
class Found:
    """What came of it all.

    Attributes:
        lost: Items that were never asked for, or did not succeed.
        finished_again: Items that were asked for after they had been recorded as finished.
        repeated: Calls beyond one for each item.
        unreported: Items that were asked for more than once, and are not in `possibly_repeated`.
        most: What `repeated` may come to: what was in flight at each kill.
        codes: The exit codes of the runs.
    """

    lost: int = 0
    finished_again: int = 0
    repeated: int = 0
    unreported: int = 0
    most: int = 0
    codes: list[int] = field(default_factory=list)

    def holds(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.finished_again or self.unreported) and self.repeated <= self.most


class Witness:
    """A server that answers every item, and writes down that it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._more = asyncio.Condition()

    async def answer(self, request: web.Request) -> web.Response:
        """One call."""
        self.asked.append(request.match_info["item"])
        async with self._more:
            self._more.notify_all()
        await asyncio.sleep(ANSWERS_AFTER)
        return web.Response(text=f"answer to {request.match_info['item']}")

    async def has(self, calls: int) -> None:
        """Wait until there were so many."""
        async with self._more:
            await self._more.wait_for(lambda: len(self.asked) >= calls)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Its address."""
        app = web.Application()
        app.router.add_post("/{item}", self.answer)
        runner = web.AppRunner(app, handler_cancellation=True)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def rehearse(store: Path, *, items: int, signals: list[int], seed: int) -> Found:
    """Run a batch to its end, and send its process these signals on the way."""
    chosen = random.Random(seed)
    found, witness = Found(), Witness()
    found.most = signals.count(signal.SIGKILL) * WIDTH
    async with witness.serving() as url:
        line = [sys.executable, __file__, url, str(store), str(items)]
        environ = {**os.environ, "PYTHONPATH": str(SOURCES)}
        for number in signals:
            finished, before = _finished(store), len(witness.asked)
            process = await asyncio.create_subprocess_exec(*line, env=environ, stdout=asyncio.subprocess.PIPE)
            some = chosen.randrange(1, max(2, (items - len(finished)) * 2 // (len(signals) + 1)))
            arrived = asyncio.ensure_future(witness.has(before + some))
            ended = asyncio.ensure_future(process.wait())
            await asyncio.wait((arrived, ended), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(chosen.uniform(0, 0.04))
            if process.returncode is None:
                process.send_signal(number)
            arrived.cancel()
            await process.communicate()
            found.codes.append(await ended)
            found.finished_again += len(finished & set(witness.asked[before:]))
        finished, before = _finished(store), len(witness.asked)
        process = await asyncio.create_subprocess_exec(*line, env=environ, stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        found.codes.append(process.returncode or 0)
        found.finished_again += len(finished & set(witness.asked[before:]))
    report = json.loads(out)
    calls = Counter(witness.asked)
    found.lost = items - min(report["counts"]["succeeded"], len(calls))
    found.repeated = calls.total() - len(calls)
    found.unreported = len({item for item, count in calls.items() if count > 1} - set(report["repeated"]))
    return found


def _finished(store: Path) -> set[str]:
    """What the store says is done; it is asked only while no run is there."""
    if not store.exists():
        return set()
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'items'").fetchone():
            return set()  # killed before it had begun
        return {key for (key,) in connection.execute("SELECT key FROM items WHERE state = 'succeeded'")}


def main() -> int:
    """Both rehearsals, as JSON; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--drains", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    wanted = parser.parse_args()
    held = True
    for name, signals in (("kill -9", [signal.SIGKILL] * wanted.kills), ("SIGTERM", [signal.SIGTERM] * wanted.drains)):
        with tempfile.TemporaryDirectory() as directory:
            store = Path(directory) / "batch.db"
            found = asyncio.run(rehearse(store, items=wanted.items, signals=signals, seed=wanted.seed))
        held &= found.holds()
        print(json.dumps({"signal": name, "items": wanted.items, "seed": wanted.seed, **asdict(found)}))  # noqa: T201
    return 0 if held else 1


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1].startswith("http"):
        sys.exit(asyncio.run(batch(sys.argv[2], int(sys.argv[3]))))
    sys.exit(main())
