"""`speedup`: the same code at 1, 2 and 4 worker processes, over the same files; and with what it was before.

What was before is a converter, or an embedder, that is built again for each file. It runs in as many processes as there
are cores, so that the two differ by that alone. A loop that only counts is measured with them: more than the cores give
it at that time, nothing can gain. All take turns, so that what else the machine does meets all alike; of several turns
the best one counts.
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
from typing import Any, Final

from llm_composition_patterns import in_processes, parallelize
from llm_composition_patterns.console import OK, print_json, run_command, say, terminal

from ._chunks import cut
from ._embed import Embedded, Embedder, chosen, embed, full_name
from ._extract import Converter, Extracted, extract
from ._invented import dense
from ._pdf import write_pdf
from ._pipeline import BATCH
from ._run import check_installed, cores

_NUMBERS: Final = 6_000_000
_PAGES_AT_ONCE: Final = 20

Calls = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """What one row is of.

    Attributes:
        what: The kind of work; the first contest of it is of one process, which the others are compared with.
        function: What does it.
        calls: The arguments of each call.
        workers: In how many processes.
        resource: Builds what each process has; None where each call builds its own.
        note: What is different.
    """

    what: str
    function: Callable[..., Any]
    calls: Calls
    workers: int
    resource: Callable[[], Any] | None = None
    note: str = ""

    async def timed(self) -> tuple[float, int]:
        """How long it takes, start and end of the processes included, and how many resources were built."""
        started = time.perf_counter()
        if self.resource is None:
            step = in_processes(self.function, workers=self.workers)
        else:
            step = in_processes(self.function, workers=self.workers, resource=self.resource)
        async with step:
            made = await parallelize(lambda call: step(*call), self.calls, name=self.what)
        return time.perf_counter() - started, len({_builder(one) for one in made} - {""})


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came of a contest.

    Attributes:
        what: The kind of work, and what is different.
        workers: In how many processes.
        seconds: The best of all turns.
        speedup: How many times faster than one process.
        built: How many converters or embedders were built.
        calls: How many calls there were.
    """

    what: str
    workers: int
    seconds: float
    speedup: float
    built: int
    calls: int


def run(arguments: argparse.Namespace) -> int:
    """Measure; the exit code."""
    check_installed()
    choice = chosen(arguments.embedder)
    found: list[Measured] = []
    with TemporaryDirectory() as directory:
        files = _files(Path(directory), arguments.files, arguments.pages)
        rows = contests(arguments.workers, files, _batches(arguments.chunks), choice)
        say(f"{arguments.files} files of {arguments.pages} pages; {arguments.chunks} chunks by {full_name(choice)}")
        code = run_command(lambda: _measured(rows, arguments.turns, found), stopping="")
    if arguments.json:
        print_json({"cores": cores(), "embedder": full_name(choice), "measured": [asdict(one) for one in found]})
    else:
        _show(found)
    return code


def extract_afresh(path: str, key: str) -> Extracted:
    """The same as `extract`, with a converter of its own: what the original did for each file."""
    return extract(Converter(), path, key)


def embed_afresh(choice: str, texts: Sequence[str]) -> list[Embedded]:
    """The same as `embed`, with an embedder of its own."""
    return embed(Embedder(choice), texts)


def count_up(numbers: int) -> int:
    """Keep a core busy, and nothing else."""
    total = 0
    for number in range(numbers):
        total += number
    return total


def contests(workers: Sequence[int], files: Calls, batches: Calls, choice: str) -> list[Contest]:
    """The rows of each kind of work: one process first, which the others are compared with."""
    workers = sorted({1, *workers})
    most, made, afresh = min(cores(), workers[-1]), partial(Embedder, choice), partial(embed_afresh, choice)
    counts = [(_NUMBERS,)] * len(files)
    rows = [
        *(Contest(what="read", function=extract, calls=files, workers=n, resource=Converter) for n in workers),
        Contest(what="read", function=extract_afresh, calls=files, workers=most, note=", built for each file"),
        *(Contest(what="embed", function=embed, calls=batches, workers=n, resource=made) for n in workers),
        Contest(what="embed", function=afresh, calls=batches, workers=most, note=", built for each batch"),
    ]
    return [*rows, *(Contest(what="count", function=count_up, calls=counts, workers=n) for n in workers)]


async def _measured(contests: Sequence[Contest], turns: int, found: list[Measured]) -> int:
    best = [(float("inf"), 0)] * len(contests)
    for turn in range(1, turns + 1):
        for place, contest in enumerate(contests):
            best[place] = min(best[place], await contest.timed())
        say(f"turn {turn} of {turns}")
    for contest, (seconds, built) in zip(contests, best, strict=True):
        first = next(known for other, (known, _) in zip(contests, best, strict=True) if other.what == contest.what)
        found.append(_row(contest, seconds, first, built))
    return OK


def _row(contest: Contest, seconds: float, first: float, built: int) -> Measured:
    return Measured(
        what=contest.what + contest.note,
        workers=contest.workers,
        seconds=round(seconds, 3),
        speedup=round(first / seconds, 2),
        built=built,
        calls=len(contest.calls),
    )


def _builder(made: object) -> str:
    if isinstance(made, Extracted):
        return made.converter
    return str(made[0].embedder) if isinstance(made, list) else ""


def _files(directory: Path, files: int, pages: int) -> list[tuple[str, str]]:
    """Files of dense pages in two columns, and their hashes."""
    written = []
    for number in range(files):
        path = directory / f"{number}.pdf"
        path.write_bytes(write_pdf(dense(pages, seed=number)))
        written.append((str(path), hashlib.sha256(path.read_bytes()).hexdigest()))
    return written


def _batches(chunks: int) -> list[tuple[list[str]]]:
    chance = random.Random("chunks")  # noqa: S311 - no secret
    converter = Converter()
    texts: list[str] = []
    while len(texts) < chunks:
        data = write_pdf(dense(_PAGES_AT_ONCE, seed=chance.randrange(10**6)))
        texts += [chunk.text for chunk in cut(converter.pages(data))]
    return [(texts[start : min(start + BATCH, chunks)],) for start in range(0, chunks, BATCH)]


def _show(found: Sequence[Measured]) -> None:
    console = terminal(stderr=False)
    console.print(f"{'':<24} {'processes':>9} {'seconds':>8} {'speed-up':>9} {'built':>6} {'calls':>6}")
    for one in found:
        console.print(
            f"{one.what:<24} {one.workers:>9} {one.seconds:>8.2f} {one.speedup:>8.2f}x {one.built:>6} {one.calls:>6}"
        )
