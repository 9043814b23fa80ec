"""Probing: one step at a time, and throughput has the last word."""

import math

import pytest

from llm_composition_patterns.limits._lengths import Lengths
from llm_composition_patterns.limits._probing import Probing
from llm_composition_patterns.limits._rounds import Point

MOST = 4096


def point(load, latency):
    return Point(load, math.log(latency), variance=1e-4, lengths=Lengths())


class Server:
    """Says what a round measures at a limit, and lets the law take its steps."""

    def __init__(self, latency, level, **known):
        self.latency, self.level = latency, float(level)
        self.probing = Probing(**{"flattest": 0.0, "lowest": 1.0, **known})

    def round(self):
        step = self.probing.judge(point(int(self.level), self.latency(int(self.level))), self.level, MOST)
        if step is not None:
            self.level = step.level
        return step and step.why

    def rounds(self, number):
        return [self.round() for _ in range(number)]


def slots(number):
    return lambda load: max(1.0, load / number)


def test_a_flat_server_gets_more_and_more():
    """Every step up brings as much throughput as calls in flight."""
    server = Server(slots(1000), 100)
    assert server.rounds(3) == ["probe up"] * 3
    assert server.level == pytest.approx(100 * 1.15**3)


def test_a_step_up_that_brings_nothing_is_taken_back():
    """At the knee 1.25 times the calls take 1.25 times as long."""
    server = Server(slots(100), 100)
    assert server.rounds(2) == ["probe up", "probe up rejected"]
    assert server.level == 100


def test_a_step_up_that_makes_answers_overdue_is_taken_back():
    """And tried again after a while; a limit that was not on trial is no matter of this."""
    server = Server(slots(100), 100)
    assert server.probing.overdue() is None
    assert server.round() == "probe up"
    assert server.probing.overdue() == 100
    server.level = 100
    assert server.rounds(9) == [None] * 8 + ["probe up"]
    assert Server(lambda _: 2.0, 100).probing.overdue() is None


def test_a_rejected_probe_is_repeated_after_a_pause_that_doubles():
    """Eight rounds, then sixteen."""
    server = Server(slots(100), 100)
    told = server.rounds(40)
    assert [number for number, why in enumerate(told) if why == "probe up"] == [0, 10, 28]


def test_calls_that_queue_are_taken_back_step_by_step():
    """Down from three times the slots, as long as that costs no throughput."""
    server = Server(slots(100), 300)
    assert server.rounds(5) == ["probe down"] * 4 + [None]
    assert server.level == pytest.approx(300 * 0.8**4)


def test_a_step_down_that_costs_throughput_is_taken_back():
    """Latency is well above the flattest, yet every call in flight is worth something."""
    server = Server(lambda load: (1 + load / 100) * 2, 200)
    assert server.rounds(2) == ["probe down", "probe down rejected"]
    assert server.level == 200


def test_a_step_down_that_costs_much_leads_up_at_once():
    """A soft knee that is still ahead."""
    server = Server(lambda load: (1 + load / 100) * 2, 100)
    assert server.rounds(3) == ["probe down", "probe down rejected", "probe up"]
    assert server.level == pytest.approx(115)


def test_where_nothing_lower_was_measured_a_step_down_is_tried_first():
    """Nobody knows whether calls queue."""
    server = Server(slots(100), 100, flattest=None, lowest=math.inf)
    assert server.rounds(2) == ["probe down", "probe down rejected"]


def test_below_the_smallest_load_of_slow_start_it_goes_down_while_latency_falls():
    """Slow start began above the knee: 40 calls took 4 s, and 30 take 3."""
    server = Server(slots(10), 30, flattest=math.log(4), lowest=40)
    assert server.rounds(3) == ["probe down"] * 3


def test_below_the_smallest_load_of_slow_start_it_goes_up_where_latency_is_flat():
    """40 calls took 1 s, and so do 30: the way is up."""
    server = Server(slots(100), 30, lowest=40)
    assert server.round() == "probe up"


def test_a_probe_disturbed_by_a_fall_of_capacity_says_nothing():
    """Latency rose more than the load can have done: try again soon, with no pause that doubles."""
    server = Server(slots(100), 80)
    server.round()
    server.latency = slots(20)
    assert server.round() == "probe up rejected"
    server.latency = slots(100)
    assert server.rounds(3) == [None, None, "probe up"]


def steady(level=100.0):
    """At its knee, one round after a probe up was taken back."""
    server = Server(slots(100), level)
    server.rounds(3)
    return server.probing


def test_eight_late_answers_in_a_row_are_not_waited_out():
    """A round of slow calls is long; four times the latency is at most half the capacity."""
    probing = steady()
    steps = [probing.answered(math.log(4), 100) for _ in range(8)]
    assert steps[:7] == [None] * 7
    assert steps[7].level == pytest.approx(50)
    assert steps[7].why == "answers are late"


def test_a_few_late_answers_are_no_emergency():
    """One in time among them, and the count begins again."""
    probing = steady()
    assert [probing.answered(math.log(4), 100) for _ in range(7)] == [None] * 7
    assert probing.answered(0.0, 100) is None
    assert [probing.answered(math.log(4), 100) for _ in range(7)] == [None] * 7


def test_late_answers_during_a_probe_are_the_round_s_to_judge():
    """A higher limit may have made them late."""
    server = Server(slots(100), 100)
    assert server.round() == "probe up"
    assert [server.probing.answered(math.log(4), 125) for _ in range(20)] == [None] * 20


def test_late_answers_to_calls_of_a_probe_that_was_taken_back_are_no_emergency():
    """They say nothing of the limit that is back; the next round ends that."""
    server = Server(slots(100), 100)
    assert server.rounds(2) == ["probe up", "probe up rejected"]
    assert [server.probing.answered(math.log(4), 100) for _ in range(20)] == [None] * 20
    server.round()
    assert any(server.probing.answered(math.log(4), 100) for _ in range(8))


def test_a_small_limit_is_left_to_its_rounds():
    """They are short."""
    server = Server(slots(4), 4)
    server.rounds(3)
    assert [server.probing.answered(math.log(4), 4) for _ in range(20)] == [None] * 20


def test_after_an_emergency_the_limit_of_before_is_tried_when_latency_is_back():
    """The first round at the lower limit shows that all is well."""
    probing = steady()
    for _ in range(8):
        probing.answered(math.log(4), 100)
    step = probing.judge(point(50, 1), 50, MOST)
    assert (step.level, step.why) == (100, "latency is back")


def test_after_an_alarm_pauses_are_short_again():
    """Times are changing: what was learned of higher limits is worth less."""
    server = Server(slots(100), 100)
    server.rounds(30)
    server.latency = slots(60)
    while server.round() != "latency rose":
        pass
    server.latency = slots(100)
    told = server.rounds(24)
    assert "latency is back" in told
    assert told.count("probe up") >= 2


def test_one_slow_round_is_no_alarm():
    """The round in which capacity changed cannot be compared with."""
    server = Server(slots(100), 100)
    server.rounds(2)
    server.latency = slots(30)
    assert server.round() is None
    assert server.round() == "latency rose"
    assert server.level == 80


def test_when_latency_is_back_the_limit_of_before_is_tried():
    """Capacity fell, and came back two rounds later."""
    server = Server(slots(100), 100)
    server.rounds(2)
    server.latency = slots(30)
    server.rounds(4)
    assert server.level < 70
    server.latency = slots(100)
    assert server.round() == "latency is back"
    assert server.level == 100


def test_latency_that_falls_leads_up_at_once():
    """There is more capacity than there was."""
    server = Server(slots(100), 120)
    server.rounds(2)
    server.latency = slots(200)
    assert server.round() == "latency fell"


def test_a_limit_of_one_goes_to_two_and_back():
    """The smallest step is one call."""
    server = Server(slots(1), 1)
    assert server.rounds(2) == ["probe up", "probe up rejected"]
    assert server.level == 1


def test_at_the_most_that_is_allowed_there_is_no_step_up():
    """A cap is not probed."""
    probing = Probing(flattest=0.0, lowest=1.0)
    assert [probing.judge(point(10, 1), 10, 10) for _ in range(20)] == [None] * 20


def test_how_far_latency_is_above_the_flattest_can_be_remembered():
    """A warm start knows whether calls queue at its limit."""
    server = Server(slots(100), 150)
    server.round()
    assert server.probing.above_flat == pytest.approx(math.log(1.5))
    warm = Server(slots(100), 150, flattest=None, lowest=math.inf, above_flat=math.log(1.5))
    assert warm.round() == "probe down"
    assert Probing(above_flat=0.2).above_flat == 0.2
    assert Probing().above_flat is None


def test_a_probe_under_another_load_than_its_own_is_taken_back():
    """Nothing can be said when the load did not change."""
    probing = Probing(flattest=0.0, lowest=1.0)
    assert probing.judge(point(10, 1), 10, MOST).level == 11.5
    assert probing.judge(point(10, 1), 12.5, MOST).level == 10
