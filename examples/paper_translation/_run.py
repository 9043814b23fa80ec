"""`run` and `retry`: an archive, translated as a durable batch."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any, Final

from llm_composition_patterns import (
    BatchError,
    BatchReport,
    ConfigurationError,
    ConnectedModel,
    Failure,
    Price,
    Scenario,
    SqliteCache,
    connect,
    read_results,
    run_batch,
    setup_tracing,
)
from llm_composition_patterns.batch import Shard, read_status
from llm_composition_patterns.console import (
    FAILED,
    INTERRUPTED,
    OK,
    SOME_FAILED,
    TERMINATED,
    check_writable,
    chosen_model,
    drawn_into,
    is_simulated,
    kinds_line,
    load_env_file,
    print_json,
    run_command,
    say,
    usage_line,
)

from ._dry_run import dry_run
from ._export import Summary, export, summarize
from ._glossary import Glossary
from ._languages import Language, language
from ._progress import shown
from ._read import archive_files, stream_entries
from ._records import Entry
from ._summary import run_record, show, summary_record, waiting_record
from ._translator import Job, Translator, opened, translate_paper

STEP: Final = "paper_translation"
_TEMPERATURE: Final = 0.2
_CALL: Final = 60.0
_LISTED: Final = 20
_PRICE: Final = Price(input=0.03, output=0.14)
"""Of the simulated model, in US dollars a million tokens: about what a small model costs."""


def run(arguments: argparse.Namespace) -> int:
    """Run the command; the exit code."""
    load_env_file()
    files = archive_files(arguments.records)
    spoken, wanted = language(arguments.source), language(arguments.target)
    glossary = Glossary() if arguments.glossary is None else Glossary.read(arguments.glossary)
    if arguments.dry_run:
        return dry_run(files, arguments.shard, arguments.limit, as_json=arguments.json)
    if arguments.output is not None:
        check_writable(arguments.output)
    name = chosen_model(arguments)
    with setup_tracing(to=arguments.trace, backpressure=True) as tracing, drawn_into(arguments.timeline):
        command = _Run(arguments, files, name, (spoken, wanted), glossary)
        return run_command(command.translate, tracing=tracing, stopping="", show=command.shown)


class _Run:
    """One run of the command."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        files: Sequence[Path],
        model: str,
        languages: tuple[Language, Language],
        glossary: Glossary,
    ) -> None:
        self._arguments = arguments
        self._files = files
        self._model = model
        self._languages = languages
        self._glossary = glossary
        self._report: BatchReport | None = None
        self._summary = Summary()
        self._failed: list[Failure] = []
        self._waiting: Mapping[str, int] = {}
        self._written = True

    async def translate(self) -> int:
        """Translate what is left; what is finished is exported whatever ended it."""
        arguments = self._arguments
        async with AsyncExitStack() as stack:
            model = await stack.enter_async_context(self._connected())
            cache = None
            if arguments.cache is not None:
                cache = await stack.enter_async_context(SqliteCache(arguments.cache))
            translator = Translator(model, self._job(model), cache)
            progress = stack.enter_context(shown([model]))
            try:
                self._report = await self._batch(translator, progress)
            except BatchError:
                raise  # the store is not this batch's, or cannot be used any more
            except BaseException:
                await self._finish()
                raise
            await self._finish()
        return self._code(self._report)

    async def _batch(self, translator: Translator, progress: Any) -> BatchReport:
        arguments = self._arguments
        async with aclosing(selected(self._files, arguments.shard, arguments.limit)) as entries:
            return await run_batch(
                translate_paper,
                entries,
                store=arguments.store,
                key=lambda entry: entry.key,
                resource=lambda: opened(translator),
                step_name=STEP,
                version=translator.job.version,
                max_concurrency=arguments.workers,
                budget=arguments.budget,
                retry=("failed", "abandoned") if arguments.retry else (),
                force=arguments.force,
                handle_signals=True,
                name="translate papers",
                progress=progress,
            )

    async def _finish(self) -> None:
        arguments = self._arguments
        try:
            if arguments.output is not None:
                self._summary = await export(arguments.store, arguments.output, arguments.formats)
        except (OSError, ConfigurationError) as error:
            say(
                f"not all was written into {arguments.output}: {error}. Nothing is lost: the command `export` writes it"
            )
            self._written = False
        if arguments.output is None or not self._written:
            self._summary = await summarize(arguments.store)
        self._waiting = (await asyncio.to_thread(read_status, arguments.store)).waiting
        if self._summary.failed:
            async for outcome in read_results(arguments.store):
                if isinstance(outcome, Failure) and len(self._failed) < _LISTED:
                    self._failed.append(outcome)

    def _connected(self) -> ConnectedModel:
        arguments = self._arguments
        simulated = self._model.startswith("simulated:")
        scenario = Scenario(seed=arguments.seed or 0, price=_PRICE) if simulated else None
        return connect(self._model, concurrency=arguments.max_concurrency or "auto", timeout=_CALL, scenario=scenario)

    def _job(self, model: ConnectedModel) -> Job:
        seed = self._arguments.seed
        spoken, wanted = self._languages
        return Job(
            spoken=spoken,
            wanted=wanted,
            model=model.name,
            simulated=is_simulated(model.name),
            glossary=self._glossary,
            settings={"temperature": _TEMPERATURE, **({} if seed is None else {"seed": seed})},
            timeout=self._arguments.timeout,
        )

    def _code(self, report: BatchReport) -> int:
        if report.interrupted is not None:
            say(
                f"stopped by {report.interrupted}: what is finished is kept, and the same command goes on with the rest"
            )
            return INTERRUPTED if report.interrupted == "SIGINT" else TERMINATED
        counts = report.counts
        left = sum(counts.get(state, 0) for state in ("failed", "pending", "abandoned"))
        if left or (self._arguments.strict and self._summary.flagged):
            return SOME_FAILED if counts.get("succeeded") else FAILED
        return OK

    def shown(self, ended: int) -> int:
        """Show what there is; the exit code, where the run ended with the code `ended`."""
        summary, report, waiting, arguments = self._summary, self._report, self._waiting, self._arguments
        if report is None and not summary.translated:
            return ended
        for failure in self._failed:
            say(f"failed: {failure.key}: {failure.kind}: {failure.error}")
        if summary.failed > len(self._failed):
            say(f"failed: {summary.failed - len(self._failed)} more; the command `failed` lists all")
        if waiting:
            told = f"{sum(waiting.values()):,} papers wait for another run ({kinds_line(waiting)})"
            say(f"{told}: the same command goes on with them")
        if report is not None and report.possibly_repeated:
            say(f"possibly paid twice, because a run died: {', '.join(report.possibly_repeated[:_LISTED])}")
        if arguments.json:
            print_json(
                {**summary_record(summary), **waiting_record(waiting), **run_record(report), "model": self._model}
            )
        else:
            show(summary, waiting)
            if report is not None:
                say(f"this run: {report.executed:,} papers in {report.elapsed:.1f} s, {usage_line(report.usage)}")
            if arguments.output is not None and self._written:
                say(f"written into {arguments.output}: {summary.done} in done, {summary.flagged} in flagged")
        lost = ended == OK and not self._written
        return SOME_FAILED if lost or (ended == FAILED and summary.translated) else ended


async def selected(files: Sequence[Path], shard: Shard | None, limit: int | None) -> AsyncGenerator[Entry]:
    """The entries of a share of the archive, or the first of them."""
    given = 0
    async with aclosing(stream_entries(files)) as entries:
        async for entry in entries:
            if limit is not None and given >= limit:
                return
            if shard is None or shard.keeps(entry.key):
                given += 1
                yield entry
