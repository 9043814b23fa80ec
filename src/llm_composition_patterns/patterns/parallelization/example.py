"""Translates products of a catalog into several languages at once.

    python -m llm_composition_patterns.patterns.parallelization.example --product 5 --languages spanish french

Each product is a fan-out over its languages, and each language a branch: one call, checked afterwards. README.md beside
this file says when to use the pattern, what is printed and traced, and what happens when a part fails.
"""

from __future__ import annotations

import argparse
import json
import os
import reprlib
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, nullcontext
from datetime import UTC, datetime
from pathlib import Path

from ...console import (
    FAILED,
    OK,
    SIMULATED,
    SOME_FAILED,
    USAGE,
    Bar,
    add_common_flags,
    bars,
    check_writable,
    chosen_model,
    command_parser,
    directory,
    drawn_into,
    ending_well,
    full_name,
    is_simulated,
    leave,
    live_progress,
    load_env_file,
    on_command_line,
    print_json,
    print_timeline,
    run_command,
    say,
    terminal,
    write_atomically,
)
from ...errors import ConfigurationError
from ...llm import ChatModel, ConnectedModel, connect
from ...runs import track
from ...tracing import PhoenixError, Tracing, setup_tracing
from .. import brindlehaw
from .product_translation import languages, records, report
from .product_translation.annotations import annotate
from .product_translation.languages import Language
from .product_translation.translate import FATAL, ProductResult, ShowProgress, Translator

TIMEOUT = 120.0
PRODUCT = ("1",)
RUN = "product translation"

EXAMPLES = """\
{prog} --product 5 --languages spanish french
{prog} --product 1 2 3 --languages de ja pt-BR --output translations
{prog} --product all --model groq:openai/gpt-oss-20b --max-concurrency 8 --budget 0.50 --json
{prog} --language-model japanese=groq:openai/gpt-oss-120b --languages japanese german"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    arguments = _parser().parse_args(argv)
    return ending_well(lambda: _run(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("Translate products of a catalog into several languages at once.", examples=EXAMPLES)
    parser.add_argument(
        "--product", nargs="+", action="extend", metavar="ID", help="ids of products, or all; default: 1"
    )
    parser.add_argument(
        "--languages",
        nargs="+",
        action="extend",
        metavar="LANGUAGE",
        help="English names or BCP-47 tags; default: spanish french german",
    )
    parser.add_argument(
        "--language-model",
        nargs="+",
        action="extend",
        default=[],
        metavar="LANGUAGE=PROVIDER:NAME",
        help="another model for one language",
    )
    parser.add_argument(
        "--output", type=directory, metavar="DIR", help="also write translation_ID_TIME.json for each product"
    )
    parser.add_argument("--strict", action="store_true", help="findings of the checks make the exit code 3")
    parser.add_argument(
        "--annotate", action="store_true", help="write what the checks say on the spans, as Phoenix's annotations"
    )
    add_common_flags(parser)
    parser.set_defaults(timeout=TIMEOUT)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    load_env_file()
    products = brindlehaw.select(brindlehaw.load(), arguments.product or PRODUCT)
    wanted = languages.languages(arguments.languages or languages.DEFAULT)
    other = _language_models(arguments.language_model, wanted)
    if arguments.output is not None:
        check_writable(arguments.output)
    default = chosen_model(arguments) if len(other) < len(wanted) else ""
    models = {language: other.get(language, default) for language in wanted}
    for language, name in other.items():
        say(f"model for {language.name}: {name} (--language-model says so)")
    if any(is_simulated(name) for name in other.values()) and not is_simulated(default):
        say(SIMULATED)
    with setup_tracing(to=arguments.trace) as tracing, drawn_into(arguments.timeline):
        if arguments.annotate and tracing.endpoint is None:
            raise ConfigurationError("--annotate writes into Phoenix: add --trace phoenix")
        job = _Job(arguments, [ProductResult(product, wanted) for product in products], models, tracing)
        return run_command(job.translate, tracing=tracing, show=job.shown)


def _language_models(texts: Sequence[str], wanted: Sequence[Language]) -> dict[Language, str]:
    models: dict[Language, str] = {}
    for language, model in (_language_model(text, wanted) for text in texts):
        if models.setdefault(language, model) != model:
            raise ConfigurationError(
                f"--language-model names two models for {language.name}, {models[language]} and {model}: keep one"
            )
    return models


def _language_model(text: str, wanted: Sequence[Language]) -> tuple[Language, str]:
    word, equals, model = text.partition("=")
    if not equals or ":" not in model:
        raise ConfigurationError(
            f"{reprlib.repr(text)} is no language=provider:name, as japanese=groq:openai/gpt-oss-120b"
        )
    language = languages.language(word)
    if language not in wanted:
        raise ConfigurationError(f"--language-model names {language.name}, which is not among --languages")
    return language, full_name(model, os.environ)


class _Job:
    """One run of the command."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        results: Sequence[ProductResult],
        models: Mapping[Language, str],
        tracing: Tracing,
    ) -> None:
        self._arguments = arguments
        self._results = results
        self._models = dict(models)
        self._tracing = tracing
        self._timestamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S_%fZ")
        self._seconds = 0.0
        self._said = ""
        self._written: list[Path] = []
        self._unwritten: dict[int, OSError] = {}

    async def translate(self) -> int:
        """Translate everything; what is finished is kept whatever ends this."""
        arguments, named = self._arguments, dict(self._models)
        async with AsyncExitStack() as stack:
            connected = {name: await stack.enter_async_context(self._model(name)) for name in set(named.values())}
            self._name_models(connected)
            models: dict[Language, tuple[str, ChatModel]] = {
                language: (self._models[language], connected[name]) for language, name in named.items()
            }
            translator = Translator(models=models, timeout=arguments.timeout, seed=arguments.seed, keep=self._write)
            began = time.monotonic()
            try:
                with self._progress(connected.values()) as progress:
                    async with self._within_budget():
                        await translator.products(self._results, progress=progress)
            except FATAL as error:
                self._said = on_command_line(str(error))
                raise
            finally:
                self._seconds = time.monotonic() - began
        return OK

    def _within_budget(self) -> AbstractAsyncContextManager[object]:
        budget = self._arguments.budget
        return nullcontext() if budget is None else track(RUN, budget=budget)

    def _progress(self, models: Iterable[ConnectedModel]) -> AbstractContextManager[ShowProgress]:
        if self._arguments.json:
            return nullcontext(False)
        return live_progress("languages" if len(self._results) == 1 else "products", models)

    def _name_models(self, connected: Mapping[str, ConnectedModel]) -> None:
        """Call those by their real names whose servers were asked for a model."""
        for language, name in self._models.items():
            if name.endswith(":"):
                self._models[language] = connected[name].name
        for name, model in connected.items():
            if name.endswith(":"):
                say(f"model: {model.name} (the first that the server lists)")

    def has_any_translation(self) -> bool:
        """Whether anything succeeded."""
        return any(result.successes for result in self._results)

    def shown(self, ended: int) -> int:
        """Show what there is; the exit code, where the run ended with the code `ended`."""
        if ended != USAGE or self.has_any_translation():
            self.show()
        if ended not in {OK, FAILED}:
            return ended
        if self._arguments.annotate:
            self._annotate()
        if not self.has_any_translation():
            return FAILED
        strict = self._arguments.strict and report.found(self._results)
        failed = ended == FAILED or self._unwritten or report.failures(self._results)
        return SOME_FAILED if strict or failed else OK

    def show(self) -> None:
        """Print what there is: data on stdout, remarks on stderr, also where stdout takes nothing any more."""
        if not any(result.outcomes for result in self._results):
            return
        address = self._trace_address()
        try:
            if self._arguments.json:
                print_json(records.summary(self._results, self._models, trace=address))
            else:
                self._print()
        finally:
            self._say_remarks(address)

    def _say_remarks(self, address: str | None) -> None:
        for line in report.failures(self._results, said=self._said):
            say(f"failed: {line}")
        for line in report.found(self._results):
            say(f"finding: {line}")
        self._say_what_was_written()
        if address is not None:
            say(f"trace: {address}")

    def _print(self) -> None:
        console = terminal(stderr=False)
        for part in report.report(self._results, self._models, whole=self._unwritten):
            console.print(part)
        console.print()
        for line in report.totals(self._results, self._seconds):
            console.print(line)
        console.print()
        print_timeline([bar for result in self._results for bar in self._bars(result)], console=console)

    def _bars(self, result: ProductResult) -> list[Bar]:
        if len(self._results) == 1:
            return bars(result.in_order.values())
        state = next((failure.kind for failure in result.failures.values()), "ok")
        whole = Bar(result.name, result.offset, result.offset + result.seconds, state, role="group")
        return [whole, *bars(result.in_order.values(), offset=result.offset, depth=1)]

    def _model(self, name: str) -> ConnectedModel:
        limit = self._arguments.max_concurrency
        return connect(name, concurrency="auto" if limit is None else limit, timeout=min(60.0, self._arguments.timeout))

    def _write(self, result: ProductResult) -> None:
        directory = self._arguments.output
        if directory is None or not result.successes:
            return
        path = directory / f"translation_{result.product.product_id}_{self._timestamp}.json"
        record = records.record(result, self._models)
        try:
            write_atomically(path, json.dumps(record, ensure_ascii=False, indent=2) + "\n")
        except OSError as error:  # it is shown instead, and the others go on
            self._unwritten[result.product.product_id] = error
        else:
            self._written.append(path)

    def _say_what_was_written(self) -> None:
        if self._arguments.output:
            written, wanted = len(self._written), len(self._results)
            say(f"written into {self._arguments.output}: {written} of {wanted} products")
        for product, error in self._unwritten.items():
            say(f"not written: product {product}: {error.strerror}; its translations are printed above, or take --json")
        if not self._arguments.output and len(self._results) > report.MOST_SHOWN_WHOLE and not self._arguments.json:
            say("to see the translations of so many products, add --output DIR or --json")

    def _annotate(self) -> None:
        server = self._tracing.phoenix
        if server is None:
            say("no annotations written: no Phoenix took the spans")
            return
        try:
            written = annotate(server, self._results)
        except PhoenixError as error:
            say(f"no annotations written: {error}")
        else:
            say(f"annotations written: {written}")

    def _trace_address(self) -> str | None:
        trace_id = next((result.trace_id for result in self._results if result.trace_id), None)
        return None if trace_id is None else self._tracing.trace_url(trace_id)


if __name__ == "__main__":
    leave(main())
