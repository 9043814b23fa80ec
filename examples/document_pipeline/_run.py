"""`run` and `retry`: a folder of PDFs, read as a durable batch."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from llm_composition_patterns import (
    BatchError,
    BatchReport,
    ConfigurationError,
    ConnectedModel,
    connect,
    run_batch,
    setup_tracing,
)
from llm_composition_patterns.batch import read_status
from llm_composition_patterns.console import (
    FAILED,
    INTERRUPTED,
    OK,
    SOME_FAILED,
    TERMINATED,
    check_writable,
    chosen_model,
    counted,
    drawn_into,
    is_simulated,
    kinds_line,
    load_env_file,
    print_json,
    run_command,
    say,
    usage_line,
)

from ._embed import chosen, full_name
from ._export import Summary, export, summarize
from ._folder import Document, documents, pdf_files
from ._pipeline import Job, Pipeline, as_it_is, opened, read_document
from ._progress import shown
from ._rehearsal import rehearsed
from ._summary import run_record, show, summary_record

STEP: Final = "document_pipeline"
_CALL: Final = 60.0
_LISTED: Final = 20


def run(arguments: argparse.Namespace) -> int:
    """Run the command; the exit code."""
    load_env_file()
    check_installed(arguments.converter)
    found = documents(pdf_files(arguments.files))
    if arguments.output is not None:
        check_writable(arguments.output)
    embedder = chosen(arguments.embedder)
    name = chosen_model(arguments)
    say(f"embeddings: {full_name(embedder)}")
    with setup_tracing(to=arguments.trace) as tracing, drawn_into(arguments.timeline):
        command = _Run(arguments, found, name, embedder)
        return run_command(command.read, tracing=tracing, stopping="", show=command.shown)


def check_installed(converter: str = "pypdfium2") -> None:
    """Refuse to begin without what reads PDFs.

    Raises:
        ConfigurationError: It is not installed.
    """
    missing = [name for name in (converter, "numpy") if find_spec(name) is None]
    if missing == ["docling"]:
        raise ConfigurationError("--converter docling needs docling: pip install docling, which brings PyTorch")
    if missing:
        raise ConfigurationError(f"this needs {' and '.join(missing)}: pip install -e '.[documents]'")


def cores() -> int:
    """How many cores this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Run:
    """One run of the command."""

    def __init__(self, arguments: argparse.Namespace, found: Sequence[Document], model: str, embedder: str) -> None:
        self._arguments = arguments
        self._documents = found
        self._model = model
        self._embedder = embedder
        self._workers = {"converters": arguments.workers or cores(), "embedders": arguments.embedders or cores()}
        self._built: dict[str, int] = {}
        self._report: BatchReport | None = None
        self._summary = Summary()
        self._counts: Mapping[str, int] = {}
        self._waiting: Mapping[str, int] = {}
        self._written = True

    async def read(self) -> int:
        """Read what is left; what is finished is exported whatever ended it."""
        async with AsyncExitStack() as stack:
            model = await stack.enter_async_context(self._connected())
            pipeline = await stack.enter_async_context(
                opened(
                    model,
                    self._job(model),
                    choice=self._embedder,
                    workers=self._workers["converters"],
                    embedders=self._workers["embedders"],
                )
            )
            try:
                self._report = await self._batch(pipeline, model)
            except BatchError:
                raise  # the store is not this batch's, or cannot be used any more
            except BaseException:
                await self._finish(pipeline)
                raise
            await self._finish(pipeline)
        return self._code(self._report)

    async def _batch(self, pipeline: Pipeline, model: ConnectedModel) -> BatchReport:
        arguments = self._arguments
        with shown([model]) as progress:
            return await run_batch(
                read_document,
                self._documents,
                store=arguments.store,
                key=lambda document: document.key,
                resource=lambda: as_it_is(pipeline),
                step_name=STEP,
                version=pipeline.job.version,
                max_concurrency=arguments.at_once,
                budget=arguments.budget,
                retry=("failed", "abandoned") if arguments.retry else (),
                force=arguments.force,
                handle_signals=True,
                name="read documents",
                progress=progress,
            )

    async def _finish(self, pipeline: Pipeline) -> None:
        arguments = self._arguments
        self._built = {what: len(names) for what, names in pipeline.built.items()}
        names = {document.key: document.names for document in self._documents}
        try:
            if arguments.output is not None:
                self._summary = await export(arguments.store, arguments.output, names)
        except (OSError, ConfigurationError) as error:
            say(
                f"not all was written into {arguments.output}: {error}. Nothing is lost: the command `export` writes it"
            )
            self._written = False
        if arguments.output is None or not self._written:
            self._summary = await summarize(arguments.store)
        status = await asyncio.to_thread(read_status, arguments.store)
        self._counts, self._waiting = status.counts, status.waiting

    def _connected(self) -> ConnectedModel:
        arguments = self._arguments
        scenario = rehearsed(arguments.seed) if self._model.startswith("simulated:") else None
        return connect(self._model, concurrency=arguments.max_concurrency or "auto", timeout=_CALL, scenario=scenario)

    def _job(self, model: ConnectedModel) -> Job:
        seed = self._arguments.seed
        return Job(
            model=model.name,
            simulated=is_simulated(model.name),
            embedder=full_name(self._embedder),
            converter=self._arguments.converter,
            settings={"temperature": 0.0, **({} if seed is None else {"seed": seed})},
            timeout=self._arguments.timeout,
        )

    def _code(self, report: BatchReport) -> int:
        if report.interrupted is not None:
            say(
                f"stopped by {report.interrupted}: what is finished is kept, and the same command goes on with the rest"
            )
            return INTERRUPTED if report.interrupted == "SIGINT" else TERMINATED
        counts = report.counts
        if sum(counts.get(state, 0) for state in ("failed", "pending", "abandoned")):
            return SOME_FAILED if counts.get("succeeded") else FAILED
        return OK

    def shown(self, ended: int) -> int:
        """Show what there is; the exit code, where the run ended with the code `ended`."""
        summary, report, arguments = self._summary, self._report, self._arguments
        kept = summary.done + summary.reported
        if report is None and not kept:
            return ended
        for key, reason in list(summary.reasons.items())[:_LISTED]:
            say(f"quarantined: {self._place(key, reason)}{reason}")
        if len(summary.reasons) > _LISTED:
            say(f"quarantined: {len(summary.reasons) - _LISTED} more; the command `status --json` lists all")
        self._say_of_run(report)
        if arguments.json:
            record = {**summary_record(summary, self._counts), **run_record(report, self._built, self._workers)}
            print_json({**record, "model": self._model})
        else:
            show(summary, self._counts)
        if arguments.output is not None and self._written:
            say(f"written into {arguments.output}: {Path('manifest.jsonl')} lists every file")
        lost = ended == OK and not self._written
        return SOME_FAILED if lost or (ended == FAILED and kept) else ended

    def _place(self, key: str, reason: str) -> str:
        """Where the document is, if the reason does not say it."""
        files = next((document.names for document in self._documents if document.key == key), ())
        return "" if not files or files[0] in reason else f"{files[0]}: "

    def _say_of_run(self, report: BatchReport | None) -> None:
        if pending := self._counts.get("pending"):
            why = f" ({kinds_line(self._waiting)})" if self._waiting else ""
            say(f"{pending} documents wait for another run{why}: the same command goes on with them")
        if report is None:
            return
        if report.possibly_repeated:
            say(f"possibly paid twice, because a run died: {', '.join(report.possibly_repeated[:_LISTED])}")
        say(f"this run: {report.executed:,} documents in {report.elapsed:.1f} s, {usage_line(report.usage)}")
        for what, number in self._built.items():
            workers = counted(self._workers[what], "worker process", "worker processes")
            say(f"{what} built: {number}, for {workers} and {counted(report.executed, 'document')}")
