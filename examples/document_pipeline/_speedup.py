"""`speedup`: the same code at 1, 2 and 4 worker processes, over the same files; and with what it was before.

What was before is a converter, and an embedder, that is built again for each file. It runs at the most workers that
the cores are good for, so that the two differ by that alone.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from llm_composition_patterns import in_processes, parallelize
from llm_composition_patterns.console import OK, print_json, run_command, say, terminal

from ._chunks import cut
from ._embed import Embedder, chosen, embed, full_name
from ._extract import Converter, extract
from ._invented import dense
from ._pdf import write_pdf
from ._pipeline import BATCH
from ._run import check_installed, cores


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run.

    Attributes:
        what: What ran.
        workers: In how many processes.
        seconds: From the start of the first process to the end of the last.
        speedup: How many times faster than with one worker.
        built: How many converters or embedders were built.
        done: Files or batches.
    """

    what: str
    workers: int
    seconds: float
    speedup: float
    built: int
    done: int


def run(arguments: argparse.Namespace) -> int:
    """Measure; the exit code."""
    check_installed()
    choice = chosen(arguments.embedder)
    found: list[Measured] = []
    with TemporaryDirectory() as directory:
        files = _written(Path(directory), arguments.files, arguments.pages)
        batches = [(texts,) for texts in _batches(arguments.chunks)]
        say(f"{arguments.files} files of {arguments.pages} pages, on {cores()} cores")
        say(f"{arguments.chunks} chunks in batches of {BATCH}, by {full_name(choice)}")
        code = run_command(lambda: _measured(arguments.workers, files, batches, choice, found), stopping="")
    if arguments.json:
        print_json({"cores": cores(), "embedder": full_name(choice), "measured": [asdict(one) for one in found]})
    else:
        _show(found)
    return code


def extract_afresh(path: str, key: str) -> Any:
    """The same as `extract`, with a converter of its own: what the original did for each file."""
    return extract(Converter(), path, key)


def embed_afresh(choice: str, texts: Sequence[str]) -> Any:
    """The same as `embed`, with an embedder of its own."""
    return embed(Embedder(choice), texts)


async def _measured(
    workers: Sequence[int],
    files: Sequence[tuple[Any, ...]],
    batches: Sequence[tuple[Any, ...]],
    choice: str,
    found: list[Measured],
) -> int:
    again = min(cores(), max(workers))
    found += await _table("extract", extract, extract_afresh, Converter, files, workers, again)
    made, afresh = partial(Embedder, choice), partial(embed_afresh, choice)
    found += await _table("embed", embed, afresh, made, batches, workers, again)
    return OK


async def _table(
    what: str,
    shared: Callable[..., Any],
    afresh: Callable[..., Any],
    resource: Callable[[], Any],
    calls: Sequence[tuple[Any, ...]],
    workers: Sequence[int],
    again: int,
) -> list[Measured]:
    rows: list[Measured] = []
    for number in workers:
        seconds, built = await _timed(in_processes(shared, workers=number, resource=resource), calls)
        slowest = rows[0].seconds if rows else seconds
        rows.append(_row(what, number, seconds, slowest, built, len(calls)))
        say(f"{what}, {number} workers: {seconds:.2f} s, {built} built")
    seconds, built = await _timed(in_processes(afresh, workers=again), calls)
    return [*rows, _row(f"{what}, built for each call", again, seconds, rows[0].seconds, built, len(calls))]


def _row(what: str, workers: int, seconds: float, alone: float, built: int, done: int) -> Measured:
    speedup = round(alone / seconds, 2)
    return Measured(what=what, workers=workers, seconds=round(seconds, 3), speedup=speedup, built=built, done=done)


async def _timed(step: Any, calls: Sequence[tuple[Any, ...]]) -> tuple[float, int]:
    """How long all calls take, start and end of the processes included, and how many resources were built."""
    started = time.perf_counter()
    async with step:
        made = await parallelize(lambda call: step(*call), calls, name="measured")
    elapsed = time.perf_counter() - started
    return elapsed, len({getattr(one, "converter", None) or one[0].embedder for one in made})


def _written(directory: Path, files: int, pages: int) -> list[tuple[str, str]]:
    """Files of dense pages in two columns, and their hashes."""
    written = []
    for number in range(files):
        path = directory / f"{number}.pdf"
        path.write_bytes(write_pdf(dense(pages, seed=number)))
        written.append((str(path), hashlib.sha256(path.read_bytes()).hexdigest()))
    return written


def _batches(chunks: int) -> list[list[str]]:
    chance = random.Random("chunks")  # noqa: S311 - no secret
    texts: list[str] = []
    while len(texts) < chunks:
        data = write_pdf(dense(20, seed=chance.randrange(10**6)))
        texts += [chunk.text for chunk in cut(Converter().pages(data))]
    return [texts[start : min(start + BATCH, chunks)] for start in range(0, chunks, BATCH)]


def _show(found: Sequence[Measured]) -> None:
    console = terminal(stderr=False)
    console.print(f"{'':<32} {'workers':>8} {'seconds':>8} {'speed-up':>9} {'built':>6} {'calls':>6}")
    for one in found:
        console.print(
            f"{one.what:<32} {one.workers:>8} {one.seconds:>8.2f} {one.speedup:>8.2f}x {one.built:>6} {one.done:>6}"
        )
