"""`plan`: what a batch comes to, by arithmetic, and what holds it up."""

from decimal import Decimal

import pytest

from llm_composition_patterns.batch.planning import RUNNERS, STRATEGIES, Case, Rates, Runner, Workload, plan
from llm_composition_patterns.simulation import Price

PRICE = Price(input=Decimal("0.10"), output=Decimal("0.40"))


def case(*, workers=10, jobs=1, rates=None, runner=None, budget=None, **work):
    workload = Workload(**{"items": 100, "seconds_per_item": 36.0, "price": PRICE, **work})
    return Case(
        workload=workload, workers=workers, jobs=jobs, rates=rates or Rates(), runner=runner or Runner(), budget=budget
    )


def test_workers_set_the_pace_where_nothing_else_does():
    """Ten items each, one after the other, and the half of one with which the last ones end apart."""
    planned = plan(case())
    assert planned.seconds == 10 * 36 + 36 / 2 * (1 - 10 / 100)
    assert planned.binds == ("workers",)
    assert planned.done == 100
    assert planned.left == 0


def test_a_paper_costs_what_the_original_paid():
    """5,000 tokens in and 2,000 out: $0.0013 each, however many work on them."""
    assert plan(case()).cost == Decimal("0.13")
    assert plan(case(workers=50, jobs=2)).cost == Decimal("0.13")


def test_requests_a_minute_bind():
    """A minute's worth is there at once; the rest comes at the limit's pace."""
    planned = plan(case(items=120, workers=100, rates=Rates(requests_per_minute=20)))
    assert planned.binds == ("requests a minute",)
    assert planned.seconds >= 5 * 60


def test_tokens_a_minute_bind():
    """7,000 tokens an item, at 35,000 a minute: five of them."""
    planned = plan(case(workers=100, rates=Rates(requests_per_minute=1000, tokens_per_minute=35_000)))
    assert planned.binds == ("tokens a minute",)
    assert planned.items_per_hour == pytest.approx(300, rel=0.1)


def test_requests_a_day_bind():
    """A free plan's fifty a day: the second fifty take a day."""
    planned = plan(case(rates=Rates(requests_per_day=50)))
    assert planned.binds == ("requests a day",)
    assert planned.seconds == pytest.approx(86_400, rel=0.01)


def test_the_budget_ends_it():
    """What it pays for is done, the rest is left."""
    planned = plan(case(budget=Decimal("0.065")))
    assert planned.binds == ("workers", "budget")
    assert (planned.done, planned.left) == (50, 50)
    assert planned.cost == Decimal("0.065")


def test_the_job_time_limit_ends_jobs():
    """They are started again, and what they were at work on is begun again."""
    planned = plan(case(seconds_per_item=3600.0, runner=RUNNERS["free"]))
    assert planned.binds == ("workers", "job time limit")
    assert planned.sessions == 2
    assert planned.cut_off == 10


def test_more_jobs_than_may_run_at_once_wait():
    """Thirty jobs where twenty may run are two waves."""
    alone, waves = plan(case(items=3000)), plan(case(items=3000, jobs=30, runner=RUNNERS["free"]))
    assert waves.binds == ("workers", "concurrent jobs")
    assert waves.seconds == pytest.approx(alone.seconds * 2 / 30, rel=0.1)


def test_runner_minutes_are_counted_for_all_jobs():
    """Ten jobs of five hours are 3,000 minutes, and a free month has 2,000."""
    planned = plan(case(items=5000, seconds_per_item=360.0, jobs=10, runner=RUNNERS["free"]))
    assert planned.binds == ("workers", "runner minutes")
    assert planned.runner_minutes == pytest.approx(3000, rel=0.02)


def test_failures_take_time_and_cost_nothing():
    """An attempt of ten fails and is made again: a tenth more time, and the same money."""
    plain, failing = plan(case(items=1000)), plan(case(items=1000, failure_rate=0.1))
    assert failing.seconds == pytest.approx(plain.seconds / 0.9, rel=0.001)
    assert failing.cost == plain.cost
    assert failing.retries == 111


def test_the_limiter_needs_time_to_let_many_calls_through():
    """Of 100 workers 84 wait for the first latency and 52 for the second."""
    few, many = plan(case(items=1600, workers=16)), plan(case(items=10_000, workers=100))
    assert many.seconds - few.seconds == pytest.approx((0.84 + 0.52) * 36)


def test_an_item_that_no_job_can_finish_is_refused():
    """It would be begun again for ever."""
    with pytest.raises(ValueError, match="none would ever be finished: give a smaller seconds_per_item"):
        case(seconds_per_item=20_000.0, runner=RUNNERS["free"])


@pytest.mark.parametrize("wrong", [{"items": 0}, {"seconds_per_item": float("inf")}, {"calls_per_item": 0}])
def test_numbers_out_of_range_are_refused(wrong):
    """By their names."""
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be a number above 0"):
        case(**wrong)


def test_a_share_of_failures_above_a_half_is_refused():
    """Nothing would be got done."""
    with pytest.raises(ValueError, match=r"failure_rate is a share from 0 to 0\.5, not 3"):
        case(failure_rate=3)


def test_calls_without_a_token_each_are_refused():
    """An item of ten calls has at least ten tokens each way."""
    with pytest.raises(ValueError, match="10 calls need a token each"):
        case(calls_per_item=10, output_tokens=9)


@pytest.mark.parametrize(
    ("strategy", "hours", "binds"),
    [
        ("current", 345.3, ("workers", "job time limit", "runner minutes")),
        ("parallel", 70.2, ("workers", "job time limit", "runner minutes")),
        ("ultra", 14.4, ("workers", "job time limit", "runner minutes")),
        ("extreme", 3.8, ("workers", "runner minutes")),
    ],
)
def test_no_strategy_of_the_original_fits_into_a_free_month(strategy, hours, binds):
    """Three of them do not even fit into the time of a job."""
    chosen = next(each for each in STRATEGIES if each.name == strategy)
    planned = plan(
        case(
            items=34_237,
            seconds_per_item=chosen.seconds_per_item,
            jobs=chosen.jobs,
            workers=chosen.workers,
            runner=RUNNERS["free"],
        )
    )
    assert round(planned.seconds / 3600, 1) == hours
    assert planned.binds == binds
