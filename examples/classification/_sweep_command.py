"""`sweep`: what a server gives at several numbers of calls in flight. Simulated, it takes no time."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import aclosing, nullcontext
from typing import Any, Final

from llm_composition_patterns import (
    Capacity,
    ConfigurationError,
    ConnectedModel,
    Limiter,
    Scenario,
    connect,
    setup_tracing,
    track,
    virtual_time,
)
from llm_composition_patterns.console import (
    FAILED,
    OK,
    SOME_FAILED,
    chosen_model,
    drawn_into,
    ending_well,
    is_simulated,
    load_env_file,
    print_json,
    run_command,
    say,
    table,
    terminal,
    write_atomically,
)

from ._classifier import Job
from ._flags import ITEMS, ITEMS_OF_A_SERVER
from ._look import check_file
from ._plot import plot
from ._rehearsal import rehearsed
from ._run import attempt_timeout, call_settings
from ._sweep import AUTO, Measured, knee, measure

OLLAMA: Final = Scenario(
    time_to_first_token=0.3,
    tokens_per_second=60.0,
    spread=0.1,
    capacity=Capacity(slots=4, queue=512),
    answer=rehearsed,
)
"""What is swept where no server is named: like Ollama with OLLAMA_NUM_PARALLEL=4 on one graphics card."""


def sweep(arguments: argparse.Namespace) -> int:
    """Run the command; the exit code."""
    load_env_file()
    check_file("--plot", arguments.plot)
    name = chosen_model(arguments)
    in_process = name.startswith("simulated:")
    if in_process and arguments.timeline is not None:
        raise ConfigurationError("--timeline draws real time, and this sweep takes none: name a server, or draw --plot")
    items = arguments.items or (ITEMS if in_process else ITEMS_OF_A_SERVER)
    settings = list(dict.fromkeys(arguments.concurrency))
    calls = len(settings) * -(-items // arguments.pack)
    say(f"{calls:,} calls are made: {items:,} reports, {arguments.pack} in a call, at {', '.join(settings)}")
    command = _Sweep(arguments, name, settings, items)
    with setup_tracing(to=arguments.trace) as tracing, drawn_into(arguments.timeline):
        if in_process:
            say("in virtual time: what a server with 4 slots would take")
            return command.shown(ending_well(lambda: virtual_time.run(command.run())))
        return run_command(command.run, tracing=tracing, show=command.shown)


class _Sweep:
    """One run of the command."""

    def __init__(self, arguments: argparse.Namespace, name: str, settings: Sequence[str], items: int) -> None:
        self._arguments = arguments
        self._name = name
        self._settings = settings
        self._items = items
        self._job = Job(
            model=name,
            simulated=is_simulated(name),
            pack=arguments.pack,
            settings=call_settings(arguments),
            timeout=arguments.timeout,
        )
        self._found: list[Measured] = []

    async def run(self) -> int:
        """Measure; what is measured is kept whatever ends this."""
        budget = self._arguments.budget
        async with (
            nullcontext() if budget is None else track("sweep", budget=budget),
            aclosing(measure(self._settings, self._connected, self._job, items=self._items)) as rows,
        ):
            async for one in rows:
                self._found.append(one)
                say(f"{one.setting}: {one.rate:.2f} reports/s")
        return OK

    def shown(self, ended: int) -> int:
        """Show what there is; the exit code, where the run ended with the code `ended`."""
        if self._found:
            self._show(self._found, self._job)
        return _code(self._found) if ended == OK else ended

    def _connected(self, limiter: Limiter | None) -> ConnectedModel:
        arguments = self._arguments
        return connect(
            self._name,
            base_url=arguments.endpoint,
            concurrency=limiter or arguments.max_concurrency or "auto",
            timeout=attempt_timeout(arguments),
            remember=False,
            scenario=OLLAMA if self._name.startswith("simulated:") else None,
        )

    def _show(self, found: Sequence[Measured], job: Job) -> None:
        at = knee(found)
        note = " (SIMULATED)" if job.simulated else ""
        if self._arguments.json:
            print_json(
                {"model": self._name, "simulated": job.simulated, "knee": at, "rows": [_row(one) for one in found]}
            )
        else:
            console = terminal(stderr=False)
            base = next((one for one in found if one.setting == "1"), found[0])
            headings = (f"in flight{note}", "reports/s", f"x of {base.setting}", *_HEADINGS)
            console.print(table(headings, [_cells(one, base) for one in found]))
            console.print()
            for told in verdict(found, at):
                console.print(told)
        if self._arguments.plot is not None:
            title = f"{self._name}, {job.pack} in a call{note}"
            write_atomically(self._arguments.plot, plot(found, at, title))
            say(f"drawn into {self._arguments.plot}")


_HEADINGS: Final = ("p50, s", "p99, s", "seconds", "failed")


def _cells(one: Measured, base: Measured) -> tuple[str, ...]:
    shown = f"auto ({one.limit})" if one.setting == AUTO else one.setting
    faster = f"{one.rate / base.rate:.2f}" if base.rate else "-"
    told = ", ".join(f"{number} {kind}" for kind, number in one.failed.items()) or "0"
    p50, p99 = (f"{value:.2f}" if one.latencies else "-" for value in (one.p50, one.p99))
    return shown, f"{one.rate:.2f}", faster, p50, p99, f"{one.seconds:.1f}", told


def _row(one: Measured) -> dict[str, Any]:
    return {
        "setting": one.setting,
        "limit": one.limit,
        "seconds": one.seconds,
        "classified": one.classified,
        "failed": dict(one.failed),
        "rate": one.rate,
        "p50": one.p50 if one.latencies else None,
        "p99": one.p99 if one.latencies else None,
    }


def verdict(found: Sequence[Measured], at: float | None) -> list[str]:
    """What there is to learn from it."""
    if at is None:
        return ["nothing was answered"]
    told = [f"knee: {at:.1f} calls in flight keep the server busy; more of them only wait for each other"]
    fixed = [one for one in found if one.setting != AUTO and one.rate]
    for auto in (one for one in found if one.setting == AUTO and one.rate):
        told.append(f"auto came to {auto.limit}")
        if fixed:
            best, last = max(one.rate for one in fixed), fixed[-1]
            told[-1] += (
                f": {auto.rate / best:.1%} of the best fixed number's throughput, "
                f"{auto.p99 / last.p99:.1%} of the p99 at {last.setting}"
            )
    return told


def _code(found: Sequence[Measured]) -> int:
    if not any(one.classified for one in found):
        return FAILED
    return SOME_FAILED if any(one.failed for one in found) else OK
