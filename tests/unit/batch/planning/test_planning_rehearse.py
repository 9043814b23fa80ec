"""`rehearse`: the dispatcher and the limiter, run against a simulated provider, agree with what was planned."""

from decimal import Decimal

import pytest

from llm_composition_patterns.batch.planning import RUNNERS, STRATEGIES, Case, Rates, Runner, Workload, plan, rehearse
from llm_composition_patterns.simulation import Price
from llm_composition_patterns.testing import run_in_virtual_time

PRICE = Price(input=Decimal("0.10"), output=Decimal("0.40"))
WITHIN = 0.1
PAPERS = 34_237


def case(*, workers=10, jobs=1, rates=None, runner=None, budget=None, **work):
    workload = Workload(**{"items": 400, "seconds_per_item": 30.0, "price": PRICE, **work})
    return Case(
        workload=workload, workers=workers, jobs=jobs, rates=rates or Rates(), runner=runner or Runner(), budget=budget
    )


def both(given):
    return plan(given), run_in_virtual_time(rehearse(given))


@pytest.mark.parametrize(
    "given",
    [
        case(),
        case(workers=40, calls_per_item=3),
        case(workers=25, jobs=2, rates=Rates(requests_per_minute=30)),
        case(workers=50, rates=Rates(tokens_per_minute=150_000)),
        case(workers=50, rates=Rates(tokens_per_minute=150_000), failure_rate=0.1),
        case(budget=Decimal("0.26")),
        case(workers=2, jobs=30, runner=RUNNERS["free"]),
        case(items=200, seconds_per_item=600.0, workers=5, runner=RUNNERS["free"]),
        case(jobs=2, runner=Runner(minutes_a_month=20)),
    ],
    ids=[
        "workers",
        "calls",
        "requests",
        "tokens",
        "failures",
        "budget",
        "concurrent jobs",
        "job time",
        "runner minutes",
    ],
)
def test_both_agree_on_time_money_and_what_binds(given):
    """Within 10 %, whatever holds it up."""
    planned, rehearsed = both(given)
    assert rehearsed.seconds == pytest.approx(planned.seconds, rel=WITHIN)
    assert rehearsed.cost == pytest.approx(planned.cost, rel=Decimal("0.01"))
    assert rehearsed.done == planned.done
    assert rehearsed.binds == planned.binds


def test_failures_and_their_retries_are_rehearsed():
    """About one attempt in ten, each made again; nothing is left."""
    planned, rehearsed = both(case(failure_rate=0.1))
    assert rehearsed.done == 400
    assert rehearsed.retries == pytest.approx(planned.retries, rel=0.5)
    assert rehearsed.seconds == pytest.approx(planned.seconds, rel=WITHIN)


def test_what_was_cut_off_is_done_in_the_end():
    """A job whose time is over goes on with its store: every item is finished, and some were begun twice."""
    _, rehearsed = both(case(items=200, seconds_per_item=600.0, workers=5, runner=RUNNERS["free"]))
    assert rehearsed.done == 200
    assert rehearsed.sessions == 2
    assert rehearsed.cut_off == 5


def test_a_rehearsal_is_the_same_each_time():
    """What is drawn follows from the seed."""
    assert both(case(failure_rate=0.05)) == both(case(failure_rate=0.05))


@pytest.mark.parametrize(
    ("strategy", "part"), list(zip(STRATEGIES, (10, 10, 10, 5), strict=True)), ids=[each.name for each in STRATEGIES]
)
def test_a_part_of_each_strategy_is_as_planned(strategy, part):
    """A tenth of the papers, or a fifth where a tenth is hardly one for each worker."""
    _agree(strategy, items=PAPERS // part)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name)
def test_each_strategy_is_as_planned(strategy):
    """All 34,237 papers on the runners of the original."""
    _agree(strategy, items=PAPERS)


def _agree(strategy, *, items):
    planned, rehearsed = both(
        case(
            items=items,
            seconds_per_item=strategy.seconds_per_item,
            jobs=strategy.jobs,
            workers=strategy.workers,
            runner=RUNNERS["free"],
        )
    )
    assert rehearsed.seconds == pytest.approx(planned.seconds, rel=WITHIN)
    assert rehearsed.binds == planned.binds
    assert rehearsed.done == items
