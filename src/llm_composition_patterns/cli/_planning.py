"""What `plan` and `rehearse` share: the flags that make a batch, and the table that says what it comes to."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypedDict

from ..batch.planning import PAPERS, RUNNERS, STRATEGIES, Case, Figures, Rates, Workload
from ..console import budget, count, counted, say, seconds, table, terminal
from ..errors import ConfigurationError
from ..simulation import Fault, Price, Scenario
from ._scenario import add_scenario, read_scenario

_YOURS = "yours"
_PRICES = {"input": Decimal("0.10"), "output": Decimal("0.40")}
"""US dollars a million tokens, where nothing is said of them."""

_RATES = ("requests_per_minute", "tokens_per_minute", "requests_per_day")
_OF_PROVIDER = ("seconds_per_item", "failure_rate", *_RATES, "input_price", "output_price")
"""Flags that say what a scenario says, too."""

_AGAIN = ("rate_limit", "server_error", "server_overloaded", "drop")
"""Faults for which an attempt is made again."""

_MOST_FAILURES = 0.5
_A_MOMENT = 0.001
"""Seconds that an item takes where a scenario says that all comes at once."""

_HEADINGS = ("jobs x workers", "", "items/hour", "time", "cost", "busy", "job min")


@dataclass(frozen=True, slots=True)
class Named:
    """A batch with the name that it has in the table, and the items an hour that were once expected of it."""

    name: str
    case: Case
    expected_per_hour: int | None = None


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    _add_work(parser)
    _add_workers(parser)
    _add_provider(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else there")


def cases(arguments: argparse.Namespace) -> list[Named]:
    """The batches that the flags ask for.

    Raises:
        ConfigurationError: They do not fit together.
    """
    try:
        return _strategies(arguments) if arguments.strategies else [_yours(arguments)]
    except ValueError as error:
        raise ConfigurationError(_as_flags(str(error))) from error


def show(batches: Sequence[tuple[Named, Mapping[str, Figures]]]) -> None:
    """Print the table, and below it what holds up each batch; what else there is to say goes to stderr."""
    console = terminal(stderr=False)
    console.print(table(_HEADINGS, [row for named, figures in batches for row in _rows(named, figures)]))
    console.print("")
    for named, figures in batches:
        for line in _held_up(figures):
            console.print(f"{named.name}: {line}")
    for named, figures in batches:
        for line in _remarks(named, list(figures.values())[-1]):
            say(f"{named.name}: {line}")


def record(named: Named, figures: Mapping[str, Figures]) -> dict[str, Any]:
    """A batch and what it comes to, as JSON."""
    case = named.case
    expected = {} if named.expected_per_hour is None else {"expected_items_per_hour": named.expected_per_hour}
    return {
        "name": named.name,
        "items": case.workload.items,
        "jobs": case.jobs,
        "workers": case.workers,
        "seconds_per_item": case.workload.seconds_per_item,
        **expected,
        **{kind: _record(each) for kind, each in figures.items()},
    }


def _remarks(named: Named, figures: Figures) -> list[str]:
    """What the table has no room for, a line each."""
    lines = []
    if figures.left:
        lines.append(f"{counted(figures.left, 'item')} left for another run")
    if figures.cut_off:
        lines.append(f"{counted(figures.cut_off, 'item')} begun again, because their job's time was over")
    if figures.retries:
        lines.append(counted(figures.retries, "retry", "retries"))
    allowed = named.case.runner.minutes_a_month
    if allowed is not None and figures.runner_minutes > allowed:
        lines.append(f"{figures.runner_minutes:,} runner minutes, where a month has {allowed:,}")
    return lines


def _add_work(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what there is to do")
    group.add_argument("--items", type=count, metavar="N", help=f"how many items (with --strategies: {PAPERS:,})")
    group.add_argument(
        "--seconds-per-item", type=seconds, metavar="S", help="how long a worker takes for one; measure it on a few"
    )
    group.add_argument(
        "--calls-per-item",
        type=count,
        default=1,
        metavar="N",
        help="to the model, one after the other (default: %(default)s)",
    )
    group.add_argument(
        "--input-tokens", type=count, default=5000, metavar="N", help="of an item's prompts (default: %(default)s)"
    )
    group.add_argument(
        "--output-tokens", type=count, default=2000, metavar="N", help="of its answers (default: %(default)s)"
    )
    group.add_argument(
        "--failure-rate", type=float, metavar="X", help="share of the attempts that fail, as 0.01 (default: 0)"
    )


def _add_workers(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("who does it")
    group.add_argument("--jobs", type=count, metavar="N", help="processes, each with its share (default: 1)")
    group.add_argument("--workers", type=count, metavar="N", help="items that a job works on at once (default: 10)")
    group.add_argument(
        "--runner", choices=RUNNERS, help="the CI plan whose limits hold; default: none, with --strategies free"
    )
    group.add_argument(
        "--strategies", action="store_true", help="the four ways in which the original meant to do 34,237 papers"
    )


def _add_provider(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the provider")
    group.add_argument("--requests-per-minute", type=_rate, metavar="N", help="what it lets through, for all jobs")
    group.add_argument("--tokens-per-minute", type=_rate, metavar="N", help="the same of tokens, both ways")
    group.add_argument("--requests-per-day", type=_rate, metavar="N", help="as free plans have it")
    group.add_argument("--input-price", type=_price, metavar="USD", help="of a million tokens (default: 0.10)")
    group.add_argument("--output-price", type=_price, metavar="USD", help="of a million tokens (default: 0.40)")
    add_scenario(group)
    group.add_argument("--budget", type=budget, metavar="USD", help="what may be spent")


def _yours(arguments: argparse.Namespace) -> Named:
    needed = ("items",) if arguments.scenario is not None else ("items", "seconds_per_item")
    missing = [flag for flag in needed if getattr(arguments, flag) is None]
    if missing:
        raise ConfigurationError(
            f"give {' and '.join(_flag(name) for name in missing)}, as --items 34237 --seconds-per-item 360; or "
            "--strategies, to see four that are ready"
        )
    case = _case(
        arguments, arguments.items, arguments.seconds_per_item or 0.0, arguments.jobs or 1, arguments.workers or 10
    )
    return Named(_YOURS, case)


def _strategies(arguments: argparse.Namespace) -> list[Named]:
    given = [flag for flag in ("jobs", "workers") if getattr(arguments, flag) is not None]
    if given:
        raise ConfigurationError(f"--strategies have their own {' and '.join(given)}: leave {_flag(given[0])} out")
    return [
        Named(
            each.name,
            _case(
                arguments,
                arguments.items or PAPERS,
                arguments.seconds_per_item or each.seconds_per_item,
                each.jobs,
                each.workers,
            ),
            each.expected_per_hour,
        )
        for each in STRATEGIES
    ]


def _case(arguments: argparse.Namespace, items: int, seconds_per_item: float, jobs: int, workers: int) -> Case:
    scenario = _scenario(arguments)
    workload, rates = _given(arguments, seconds_per_item) if scenario is None else _of_scenario(arguments, scenario)
    runner = RUNNERS[arguments.runner or ("free" if arguments.strategies else "none")]
    usd = None if arguments.budget is None else Decimal(arguments.budget.usd)
    work = Workload(
        items=items,
        calls_per_item=arguments.calls_per_item,
        input_tokens=arguments.input_tokens,
        output_tokens=arguments.output_tokens,
        **workload,
    )
    return Case(workload=work, workers=workers, jobs=jobs, rates=rates, runner=runner, budget=usd, scenario=scenario)


class _Provider(TypedDict):
    seconds_per_item: float
    price: Price | None
    failure_rate: float


def _given(arguments: argparse.Namespace, seconds_per_item: float) -> tuple[_Provider, Rates]:
    """What the flags say of the provider."""
    prices = {side: getattr(arguments, f"{side}_price") for side in _PRICES}
    provider = _Provider(
        seconds_per_item=seconds_per_item,
        price=Price(**{side: _PRICES[side] if price is None else price for side, price in prices.items()}),
        failure_rate=arguments.failure_rate or 0.0,
    )
    return provider, Rates(**{name: getattr(arguments, name) for name in _RATES})


def _of_scenario(arguments: argparse.Namespace, scenario: Scenario) -> tuple[_Provider, Rates]:
    """What a scenario says of it that arithmetic can use."""
    limit, capacity = scenario.rate_limit, scenario.capacity
    writing = arguments.output_tokens / scenario.tokens_per_second
    fails = sum(fault.probability for fault in scenario.faults if fault.kind in _AGAIN and fault == _lasting(fault))
    if fails > _MOST_FAILURES:
        say(f"more than {_MOST_FAILURES:.0%} of the requests fail in this scenario: the plan reckons with no more")
    provider = _Provider(
        seconds_per_item=max(scenario.time_to_first_token * arguments.calls_per_item + writing, _A_MOMENT),
        price=scenario.price,
        failure_rate=min(fails, _MOST_FAILURES),
    )
    most = () if capacity is None else (capacity.slots, capacity.knee, capacity.at_once)
    rates = {} if limit is None else {name: getattr(limit, name) for name in (*_RATES, "tokens_per_day")}
    return provider, Rates(**rates, at_once=min((each for each in most if each is not None), default=None))


def _lasting(fault: Fault) -> Fault:
    """A fault like this one that strikes requests of all kinds, at all times."""
    return replace(fault, match="", times=None, after=0.0, until=None)


def _scenario(arguments: argparse.Namespace) -> Scenario | None:
    """The scenario that is asked for.

    Raises:
        ConfigurationError: Flags say something else of the provider.
    """
    scenario = read_scenario(arguments)
    given = [name for name in _OF_PROVIDER if getattr(arguments, name) is not None]
    if scenario is not None and given:
        raise ConfigurationError(f"--scenario says what the provider is like: leave {_flag(given[0])} out, or that")
    return scenario


def _rows(named: Named, figures: Mapping[str, Figures]) -> Iterator[Sequence[str]]:
    label = f"{named.name} {named.case.jobs} x {named.case.workers}"
    expected = named.expected_per_hour
    if expected is not None:
        hours = named.case.workload.items / expected
        yield label, "expected", f"{expected:,}", _time(hours * 3600), "", "", ""
        label = ""
    for kind, each in figures.items():
        cost, busy = f"${each.cost:,.2f}", f"{each.utilization:.0%}"
        yield label, kind, f"{each.items_per_hour:,.0f}", _time(each.seconds), cost, busy, f"{each.runner_minutes:,}"
        label = ""


def _held_up(figures: Mapping[str, Figures]) -> list[str]:
    """What holds a batch up; for each kind of figures where they differ."""
    texts = {kind: f"held up by {', '.join(each.binds)}" for kind, each in figures.items()}
    alike = len(set(texts.values())) == 1
    return [next(iter(texts.values()))] if alike else [f"{text} ({kind})" for kind, text in texts.items()]


def _record(figures: Figures) -> dict[str, Any]:
    return {
        "done": figures.done,
        "left": figures.left,
        "seconds": figures.seconds,
        "items_per_hour": figures.items_per_hour,
        "cost": float(figures.cost),
        "retries": figures.retries,
        "cut_off": figures.cut_off,
        "sessions": figures.sessions,
        "runner_minutes": figures.runner_minutes,
        "utilization": figures.utilization,
        "binds": list(figures.binds),
    }


def _time(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 2:  # noqa: PLR2004 - shorter is told in seconds
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:,.1f} h"  # noqa: PLR2004 - as above


def _price(text: str) -> Decimal:
    try:
        value = Decimal(text.removeprefix("$"))
    except ArithmeticError:
        value = Decimal(-1)
    if not (value.is_finite() and value >= 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no price; give US dollars a million tokens, as 0.10")
    return value


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 1 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no limit; give how many, at least 1, as 250000")
    return value


def _as_flags(message: str) -> str:
    """An error in the words of the command line."""
    for name in ("seconds_per_item", "failure_rate", "input_tokens", "output_tokens"):
        message = message.replace(name, _flag(name))
    return message.replace("another runner", "--runner none")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
