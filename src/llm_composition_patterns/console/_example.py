"""The command of a pattern's example: one input given as arguments, or a conversation on a terminal."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Unpack
from uuid import uuid4

from ..errors import (
    AuthenticationFailed,
    ConfigurationError,
    InsufficientCredit,
    LLMCompositionError,
    UnknownModel,
)
from ..llm import ChatModel, Completion, ConnectedModel, Message, ModelSettings, connect
from ..outcome import Failure, Outcome
from ..printable import printable
from ..runs import Budget, track
from ..simulation import AnswerRule, Scenario
from ..steps import Step, with_timeout
from ..timeline import bars
from ..tracing import Tracing, setup_tracing
from ..usage import Usage
from ._codes import OK, SOME_FAILED
from ._drawn import drawn_into
from ._env_file import load_env_file
from ._flags import add_common_flags, command_parser
from ._model import chosen_model, is_simulated
from ._print_timeline import print_timeline
from ._prompt import typed_lines
from ._prose import prose
from ._providers import on_command_line
from ._run import ending_well, run_command
from ._terminal import print_json, say, terminal
from ._usage import usage_line, usage_record

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..runs import Tracked

B = TypeVar("B")
TIMEOUT = 60.0
LEAST = Decimal("1e-9")
FATAL = (AuthenticationFailed, InsufficientCredit, UnknownModel)
"""What no other input would be spared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example(Generic[B]):
    """What a pattern's example does; the rest is the same for all of them.

    Attributes:
        name: What its root span is called.
        description: What it does for its user, in one line.
        commands: Command lines for the help, one each line, with `{prog}` for the command's own name.
        asks_for: What it takes, such as `question`.
        build: Builds the step from a model and the conversation so far, which grows. It is called before the event loop
            runs, so it may read files.
        show: What is printed of a result; a text is made safe to print.
        record: What `--json` says of it, as JSON types.
        says: What the conversation remembers of it.
        outcomes: The branches to draw as a timeline, if it has any. Those that failed are listed, and make the exit
            code 3; those that were cancelled were not needed.
        offline: How the simulated model answers it.
    """

    name: str
    description: str
    commands: str
    asks_for: str
    build: Callable[[ChatModel, list[Message]], Step[str, B]]
    show: Callable[[B], Sequence[RenderableType]]
    record: Callable[[B], Any]
    says: Callable[[B], str] = str
    outcomes: Callable[[B], Sequence[Outcome[Any]]] = lambda _: ()
    offline: AnswerRule | None = None


def run_example(example: Example[Any], argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    arguments = _parser(example).parse_args(argv)
    return ending_well(lambda: _run(example, arguments))


def _parser(example: Example[Any]) -> argparse.ArgumentParser:
    parser = command_parser(example.description, examples=example.commands)
    wanted = example.asks_for
    parser.add_argument(
        wanted,
        nargs="*",
        metavar=wanted.upper(),
        help=f"the {wanted}; without one, a conversation on a terminal, else what stdin holds",
    )
    add_common_flags(parser, timed="the whole of an answer")
    parser.set_defaults(timeout=TIMEOUT)
    return parser


def _run(example: Example[Any], arguments: argparse.Namespace) -> int:
    load_env_file()
    text = _given(example, arguments)
    name = chosen_model(arguments)
    with setup_tracing(to=arguments.trace) as tracing, drawn_into(arguments.timeline):
        session = _Session(example, arguments, name, tracing)
        return run_command(lambda: session.run(text), tracing=tracing, stopping="")


def _given(example: Example[Any], arguments: argparse.Namespace) -> str | None:
    """The one input, from the arguments or from stdin; None for a conversation."""
    text = " ".join(getattr(arguments, example.asks_for)).strip()
    if text:
        return text
    if sys.stdin is not None and sys.stdin.isatty():
        if arguments.json:
            raise ConfigurationError(f"--json is for one {example.asks_for}: give it as an argument, or on stdin")
        return None
    text = sys.stdin.read().strip() if sys.stdin is not None else ""
    if not text:
        raise ConfigurationError(f"there is no {example.asks_for}: give it as an argument, or on stdin")
    return text


class _Session(Generic[B]):
    """One run of the command."""

    def __init__(self, example: Example[B], arguments: argparse.Namespace, model: str, tracing: Tracing) -> None:
        self._example = example
        self._arguments = arguments
        self._name = model
        self._tracing = tracing
        # What blocks is done before the event loop runs: importing rich here, reading files in `build`.
        self._console = terminal(stderr=False)
        self._history: list[Message] = []
        self._model = self._connected()
        seed = arguments.seed
        step = example.build(self._model if seed is None else _Seeded(self._model, seed), self._history)
        self._step = with_timeout(step, arguments.timeout)
        self._budget: Budget | None = arguments.budget

    async def run(self, text: str | None) -> int:
        async with self._model:
            if self._name.endswith(":"):
                self._name = self._model.name
                say(f"model: {self._name} (the first that the server lists)")
            if text is not None:
                return await self._answer(text)
            with _one_session():
                await self._converse()
        return OK

    def _connected(self) -> ConnectedModel:
        limit, timeout = self._arguments.max_concurrency, min(60.0, self._arguments.timeout)
        scenario = Scenario(answer=self._example.offline) if self._name.startswith("simulated:") else None
        return connect(self._name, concurrency=limit or "auto", timeout=timeout, scenario=scenario)

    async def _converse(self) -> None:
        say(f"type a {self._example.asks_for}; Ctrl-D ends")
        lines: AsyncIterator[str] = typed_lines()
        async for line in lines:
            try:
                await self._answer(line)
            except FATAL:
                raise
            except LLMCompositionError as error:
                say(f"error: {on_command_line(str(error))}")

    async def _answer(self, text: str) -> int:
        clock = asyncio.get_running_loop().time
        began = clock()
        async with track(self._example.name, budget=self._budget, input=text) as tracked:
            try:
                value = await self._step(text)
                tracked.output(self._example.says(value))
            finally:
                self._budget = _left(self._budget, tracked.usage)
        seconds = clock() - began
        self._history.append({"role": "user", "content": text})
        self._history.append({"role": "assistant", "content": self._example.says(value)})
        self._show(value, tracked, seconds)
        failures = self._failures(value)
        for failure in failures:
            say(f"failed: {failure.name}: {failure.kind}: {on_command_line(str(failure.error))}")
        return SOME_FAILED if failures else OK

    def _show(self, value: B, tracked: Tracked, seconds: float) -> None:
        address = self._tracing.trace_url(tracked.trace_id) if tracked.trace_id else None
        if self._arguments.json:
            print_json(self._json(value, tracked, seconds, address))
            return
        console = self._console
        for part in self._example.show(value):
            console.print(prose(part) if isinstance(part, str) else part)
        console.print()
        note = ", SIMULATED" if is_simulated(self._name) else ""
        console.print(printable(f"{seconds:.2f} s, {usage_line(tracked.usage)}{note}"))
        if outcomes := self._example.outcomes(value):
            console.print()
            print_timeline(bars(outcomes), console=console)
        if address is not None:
            say(f"trace: {address}")

    def _failures(self, value: B) -> list[Failure]:
        outcomes = self._example.outcomes(value)
        return [one for one in outcomes if isinstance(one, Failure) and one.kind != "cancelled"]

    def _json(self, value: B, tracked: Tracked, seconds: float, address: str | None) -> dict[str, Any]:
        return {
            "result": self._example.record(value),
            "failures": [
                {"name": one.name, "kind": one.kind, "error": str(one.error)} for one in self._failures(value)
            ],
            "seconds": round(seconds, 3),
            "usage": usage_record(tracked.usage),
            "model": self._name,
            "simulated": is_simulated(self._name),
            "trace": address,
        }


class _Seeded:
    """A model whose calls all have the same seed."""

    price: None = None  # what it costs is known of the model inside

    def __init__(self, model: ChatModel, seed: int) -> None:
        self._model = model
        self._seed = seed

    async def complete(self, messages: str | Sequence[Message], /, **settings: Unpack[ModelSettings]) -> Completion:
        settings["seed"] = self._seed
        return await self._model.complete(messages, **settings)


def _left(budget: Budget | None, used: Usage) -> Budget | None:
    """What the next turn of a conversation may cost: the least there is where nothing is left, which pays for none."""
    if budget is None or budget.usd is None:
        return budget
    return Budget(usd=max(LEAST, Decimal(budget.usd) - used.known_cost))


def _one_session() -> AbstractContextManager[object]:
    """The turns of one conversation are one session in Phoenix."""
    from openinference.instrumentation import using_session  # noqa: PLC0415 - costs 0.1 s

    return using_session(uuid4().hex)
