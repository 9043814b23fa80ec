"""`run`: reports, classified as a durable batch."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any, Final

from llm_composition_patterns import (
    BatchError,
    BatchReport,
    ConfigurationError,
    ConnectedModel,
    ModelSettings,
    Scenario,
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
    chosen_model,
    drawn_into,
    is_simulated,
    kinds_line,
    live_progress,
    load_env_file,
    print_json,
    run_command,
    say,
    usage_line,
    usage_record,
)

from ._classifier import Classifier, Job, classify_entry, opened
from ._endpoints import Endpoints
from ._items import Item, item_files, stream_entries
from ._look import check_file, write
from ._rehearsal import rehearsed
from ._summary import Summary, read_labeled, show, summarize, summary_record

STEP: Final = "classify_report"
_ATTEMPT: Final = 60.0
_CALLS: Final = 256
"""Calls in hand: enough to keep any server that is asked busy; what is in doubt when the process dies."""

_LISTED: Final = 20


def run(arguments: argparse.Namespace) -> int:
    """Run the command; the exit code."""
    load_env_file()
    files = item_files(arguments.reports)
    labeled = read_labeled(arguments.labeled)
    check_file("--output", arguments.output, arguments.store, *files)
    name = chosen_model(arguments)
    with setup_tracing(to=arguments.trace) as tracing, drawn_into(arguments.timeline):
        command = _Run(arguments, files, labeled, name)
        return run_command(command.classify, tracing=tracing, stopping="", show=command.shown)


def call_settings(arguments: argparse.Namespace) -> ModelSettings:
    """Of each call."""
    return {"temperature": 0.0, **({} if arguments.seed is None else {"seed": arguments.seed})}


def attempt_timeout(arguments: argparse.Namespace) -> float:
    """Seconds for one attempt of a call: a minute, and more where the call may take more."""
    return max(_ATTEMPT, arguments.timeout or 0.0)


class _Run:
    """One run of the command."""

    def __init__(
        self, arguments: argparse.Namespace, files: Sequence[Path], labeled: Sequence[Item], name: str
    ) -> None:
        self._arguments = arguments
        self._files = files
        self._labeled = labeled
        self._name = name
        self._report: BatchReport | None = None
        self._summary: Summary | None = None
        self._written = True
        self._classified_before = _classified(arguments.store)

    async def classify(self) -> int:
        """Classify what is left; what is finished is summed up and written whatever ended it."""
        arguments = self._arguments
        async with AsyncExitStack() as stack:
            models = [await stack.enter_async_context(self._connected(url)) for url in arguments.endpoint]
            classifier = Classifier(Endpoints(models), self._job(models))
            progress = stack.enter_context(live_progress("reports", models))
            try:
                self._report = await self._batch(classifier, progress)
            except BatchError:
                raise  # the store is not this batch's, or cannot be used any more
            except BaseException:
                await self._finish()
                raise
        await self._finish()
        return self._code(self._report)

    async def _batch(self, classifier: Classifier, progress: Any) -> BatchReport:
        arguments = self._arguments
        async with aclosing(stream_entries(self._files)) as entries:
            return await run_batch(
                classify_entry,
                entries,
                store=arguments.store,
                key=lambda entry: entry.key,
                resource=lambda: opened(classifier),
                step_name=STEP,
                version=classifier.job.version,
                max_concurrency=_CALLS * arguments.pack,
                budget=arguments.budget,
                retry=("failed", "abandoned") if arguments.retry else (),
                force=arguments.force,
                handle_signals=True,
                name="classify reports",
                progress=progress,
            )

    async def _finish(self) -> None:
        arguments = self._arguments
        self._summary = await summarize(arguments.store, self._labeled)
        if arguments.output is None:
            return
        try:
            await asyncio.to_thread(write, arguments.store, arguments.output)
        except OSError as error:
            told = f"not written into {arguments.output}: {error.strerror}"
            say(f"{told}; nothing is lost: the command `report` writes it")
            self._written = False

    def _connected(self, url: str | None) -> ConnectedModel:
        arguments = self._arguments
        return connect(
            self._name,
            base_url=url,
            concurrency=arguments.max_concurrency or "auto",
            timeout=attempt_timeout(arguments),
            outage_timeout=arguments.patience,
            scenario=self._scenario(),
        )

    def _scenario(self) -> Scenario | None:
        if not self._name.startswith("simulated:"):
            return None
        return Scenario(seed=self._arguments.seed or 0, answer=rehearsed)

    def _job(self, models: Sequence[ConnectedModel]) -> Job:
        names = {model.name for model in models}
        if len(names) > 1:
            raise ConfigurationError(f"the servers have different models, {', '.join(sorted(names))}: name one of them")
        arguments, name = self._arguments, models[0].name
        return Job(
            model=name,
            simulated=is_simulated(name),
            pack=arguments.pack,
            settings=call_settings(arguments),
            timeout=arguments.timeout,
        )

    def _code(self, report: BatchReport) -> int:
        if report.interrupted is not None:
            say(
                f"stopped by {report.interrupted}: what is finished is kept, and the same command goes on with the rest"
            )
            return INTERRUPTED if report.interrupted == "SIGINT" else TERMINATED
        if sum(report.counts[state] for state in ("failed", "pending", "abandoned")):
            return SOME_FAILED if report.counts["succeeded"] else FAILED
        return OK

    def shown(self, ended: int) -> int:
        """Show what there is; the exit code, where the run ended with the code `ended`."""
        summary, report, arguments = self._summary, self._report, self._arguments
        if summary is None:
            return ended
        for key, why in summary.failures:
            say(f"failed: {key}: {why}")
        if (more := summary.counts["failed"] + summary.counts["abandoned"] - len(summary.failures)) > 0:
            say(f"failed: {more:,} more")
        if waiting := summary.waiting:
            told = f"{sum(waiting.values()):,} reports wait for another run ({kinds_line(waiting)})"
            say(f"{told}: the same command goes on with them")
        if summary.repeated:
            told = ", ".join(summary.repeated[:_LISTED])
            more_told = "" if len(summary.repeated) <= _LISTED else f" and {len(summary.repeated) - _LISTED:,} more"
            say(f"possibly paid twice, because a run died: {told}{more_told}")
        if arguments.json:
            print_json({**summary_record(summary), **self._record(report), "model": self._name})
        else:
            show(summary)
            if report is not None:
                new = self._classified(report)
                rate = new / report.elapsed if report.elapsed else 0.0
                say(f"this run: {new:,} reports in {report.elapsed:.1f} s, {rate:.1f}/s, {usage_line(report.usage)}")
        lost = ended == OK and not self._written
        return SOME_FAILED if lost or (ended == FAILED and summary.counts["succeeded"]) else ended

    def _classified(self, report: BatchReport) -> int:
        """What this run classified: what failed or waits is no throughput."""
        return report.counts["succeeded"] - self._classified_before

    def _record(self, report: BatchReport | None) -> dict[str, Any]:
        """What this run did, as JSON; nothing where it did not come to its end."""
        if report is None:
            return {}
        return {
            "run": {
                "classified": self._classified(report),
                "executed": report.executed,
                "seconds": round(report.elapsed, 3),
                "interrupted": report.interrupted,
                "usage": usage_record(report.usage),
            }
        }


def _classified(store: Path) -> int:
    """How many reports a store has labels of; where it is none, `run_batch` says what is to be done."""
    try:
        return read_status(store).counts["succeeded"]
    except BatchError:
        return 0
