"""Translates an archive of titles and abstracts in virtual time: interrupted once, then to its end.

Prints one JSON object: what each run did, and what the process took.
"""

import asyncio
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

from examples.paper_translation._flags import WORKERS
from examples.paper_translation._glossary import Glossary
from examples.paper_translation._invented import invented
from examples.paper_translation._languages import language
from examples.paper_translation._read import stream_entries
from examples.paper_translation._translator import Job, Translator, opened, translate_paper
from llm_composition_patterns import Price, Scenario, connect, run_batch, virtual_time


def main() -> None:
    """Run it."""
    directory, number, share = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    archive = directory / "papers.jsonl"
    write(archive, number)
    began = time.process_time()
    runs = [virtual_time.run(translate(directory, stop)) for stop in (share, None)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"runs": runs, "cpu": time.process_time() - began, "megabytes": peak}) + "\n")


def write(archive: Path, number: int) -> None:
    """Write an archive of so many papers."""
    with archive.open("w") as file:
        file.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in invented(number, bodies=False))


async def translate(directory: Path, stop: float | None) -> dict:
    """Run the batch; with `stop`, only for so many virtual seconds."""
    if stop is not None:
        asyncio.get_running_loop().call_later(stop, os.kill, os.getpid(), signal.SIGTERM)
    scenario = Scenario(price=Price(input=0.03, output=0.14))
    async with connect("simulated:x", scenario=scenario) as model:
        job = Job(
            spoken=language("zh"),
            wanted=language("en"),
            model=model.name,
            simulated=True,
            glossary=Glossary(),
            settings={"temperature": 0.2},
        )
        report = await run_batch(
            translate_paper,
            stream_entries([directory / "papers.jsonl"]),
            store=directory / "papers.db",
            key=lambda entry: entry.key,
            resource=lambda: opened(Translator(model, job)),
            version=job.version,
            max_concurrency=WORKERS,
            handle_signals=True,
        )
    return {
        "counts": dict(report.counts),
        "executed": report.executed,
        "interrupted": report.interrupted,
        "repeated": len(report.possibly_repeated),
        "calls": report.usage.calls,
        "cost": float(report.usage.known_cost),
        "hours": report.elapsed / 3600,
    }


if __name__ == "__main__":
    main()
