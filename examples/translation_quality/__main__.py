"""The command: `python -m examples.translation_quality`. README.md beside this file says what for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from statistics import fmean

from llm_composition_patterns import ConfigurationError, Scenario, Success, setup_tracing
from llm_composition_patterns.console import (
    FAILED,
    OK,
    SIMULATED,
    SOME_FAILED,
    command_parser,
    count,
    ending_well,
    is_simulated,
    leave,
    load_env_file,
    model_name,
    run_command,
    say,
    seconds,
    terminal,
    usage_line,
)
from llm_composition_patterns.patterns import brindlehaw
from llm_composition_patterns.tracing import PhoenixServer
from llm_composition_patterns.usage import NO_USAGE

from ._cases import Case, cases
from ._phoenix import address, write_dataset, write_experiment
from ._rehearsal import CAREFUL, HASTY, rehearsed
from ._scores import CHECKS, CHRF_PLUS, scores
from ._translation import Run, translate

EXAMPLES = """\
{prog}
{prog} --models groq:openai/gpt-oss-20b groq:openai/gpt-oss-120b --product 2 17 19 30 40 42"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    arguments = _parser().parse_args(argv)
    return ending_well(lambda: _run(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("Compare models on how well they translate the catalog, in Phoenix.", examples=EXAMPLES)
    parser.add_argument(
        "--models",
        nargs="+",
        type=model_name,
        default=[CAREFUL, HASTY],
        metavar="PROVIDER:NAME",
        help="the models to compare; default: two simulated ones",
    )
    parser.add_argument(
        "--product", nargs="+", default=[brindlehaw.ALL], metavar="ID", help="ids, or all; default: all"
    )
    parser.add_argument("--max-concurrency", type=count, metavar="N", help="most calls in flight to a model at once")
    parser.add_argument("--timeout", type=seconds, default=120.0, metavar="S", help="seconds for each translation")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    load_env_file()
    _check_installed()
    catalog = brindlehaw.load()
    everything = cases(catalog.values())
    chosen = {product.product_id for product in brindlehaw.select(catalog, arguments.product)}
    wanted = [case for case in everything if case.product.product_id in chosen]
    if any(map(is_simulated, arguments.models)):
        say(SIMULATED)
    with setup_tracing("phoenix") as tracing:
        server = tracing.phoenix
        if server is None:
            raise ConfigurationError("tracing is switched off by OTEL_SDK_DISABLED: unset it")
        server.query("{ __typename }")  # said now, before a call is paid
        runs: dict[str, list[Run]] = {}
        scenarios = {model: rehearsed(model) for model in arguments.models}
        code = run_command(lambda: _translate(arguments, scenarios, wanted, runs))
        tracing.flush()
        if runs:
            _print(runs)  # it is paid, whether or not Phoenix takes it
            _write(server, everything, runs)
    return code or _code(runs)


def _check_installed() -> None:
    try:
        import sacrebleu  # noqa: F401, PLC0415
    except ImportError:
        raise ConfigurationError("chrF++ needs sacrebleu: pip install '.[quality]'") from None


async def _translate(
    arguments: argparse.Namespace,
    scenarios: Mapping[str, Scenario | None],
    wanted: Sequence[Case],
    runs: dict[str, list[Run]],
) -> int:
    for model, scenario in scenarios.items():
        say(f"translating with {model}")
        runs[model] = await translate(
            model,
            wanted,
            scenario=scenario,
            timeout=arguments.timeout,
            max_concurrency=arguments.max_concurrency,
        )
    return OK


def _write(server: PhoenixServer, everything: Sequence[Case], runs: Mapping[str, Sequence[Run]]) -> None:
    """Put what is finished into Phoenix, and say where it is."""
    dataset = write_dataset(server, everything)
    experiments = [write_experiment(server, dataset, model, done) for model, done in runs.items()]
    print(address(server, dataset, experiments))


def _code(runs: Mapping[str, Sequence[Run]]) -> int:
    succeeded = [isinstance(run.outcome, Success) for done in runs.values() for run in done]
    return OK if all(succeeded) else SOME_FAILED if any(succeeded) else FAILED


def _print(runs: Mapping[str, Sequence[Run]]) -> None:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, padding=(0, 2), pad_edge=False)
    for column in ("model", "ok", "failed", CHRF_PLUS, "checks"):
        table.add_column(column, justify="left" if column == "model" else "right")
    for model, done in runs.items():
        table.add_row(model, *_row(done))
    terminal(stderr=False).print(table)
    for model, done in runs.items():
        say(f"{model}: {usage_line(sum((run.outcome.usage for run in done), NO_USAGE))}")


def _row(done: Sequence[Run]) -> list[str]:
    translated = [(run.case, run.outcome.value.details.texts) for run in done if isinstance(run.outcome, Success)]
    found = [score for case, texts in translated for score in scores(case, texts)]
    close = [score.score for score in found if score.name == CHRF_PLUS]
    kept = [score.score for score in found if score.name == CHECKS]
    return [
        str(len(translated)),
        str(len(done) - len(translated)),
        f"{100 * fmean(close):.1f} ({len(close)})" if close else "-",
        f"{fmean(kept):.1%}" if kept else "-",
    ]


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
