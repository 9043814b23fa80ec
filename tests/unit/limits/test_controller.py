"""The controller: which law holds a call, and which law learns from its end."""

import pytest

from llm_composition_patterns.limits import Accepted, Answered, Failed, Overdue, Reading, Refusal, Throttled
from llm_composition_patterns.limits._breaker import Breaker
from llm_composition_patterns.limits._controller import Change, Controller, Hold
from llm_composition_patterns.limits._fixed_controller import FixedController
from llm_composition_patterns.limits._pacer import Pacer
from llm_composition_patterns.limits._pause import Pause

HEADERS = (Reading(unit="requests", limit=100.0, remaining=60.0, reset=20.0),)


class Law:
    """A law that notes what it hears."""

    def __init__(self, limit):
        self.limit = limit
        self.why = "start"
        self.heard = []

    def sent(self, _now, *, in_flight):
        self.heard.append(("sent", in_flight))
        return len(self.heard)

    def succeeded(self, _flight, _now, *, output_tokens, waiting, lag):
        self.heard.append(("succeeded", output_tokens, waiting, lag))

    def left(self, _flight, _now):
        self.heard.append("left")

    def refused(self, _now, *, in_flight):
        self.heard.append(("refused", in_flight))
        self.limit, self.why = in_flight - 1, f"refused at {in_flight}"

    def overdue(self, _now, *, answered):
        self.heard.append(("overdue", answered))

    def set_cap(self, cap):
        self.limit = cap

    def remembered(self):
        return {"limit": float(self.limit)}


def controller(limit=100, **per_minute):
    requests = Pacer("requests", per_minute=per_minute.get("requests"))
    tokens = Pacer("tokens", per_minute=per_minute.get("tokens"))
    return Controller(Law(limit), requests, tokens, Pause(), Breaker())


def end(laws, flight, now, ending, **said):
    return list(laws.ended(flight, now, ending, **{"waiting": 0, "lag": 0.0, "jitter": 0.0, **said}))


def test_the_number_in_flight_holds_until_another_ends():
    """Nobody can say when that will be."""
    laws = controller(limit=2)
    flights = [laws.sent(0.0, 0.0) for _ in range(2)]
    assert laws.hold(0.0, 0.0) == Hold("concurrency", None)
    end(laws, flights[0], 1.0, Accepted())
    assert laws.hold(1.0, 0.0) is not None
    laws.freed()
    assert laws.hold(1.0, 0.0) is None


def test_a_pacer_holds_until_the_next_call_fits():
    """Sixty requests a minute are one a second; six hundred tokens are ten."""
    laws = controller(requests=60)
    laws.sent(0.0, 0.0)
    assert laws.hold(0.0, 0.0) == Hold("requests", 1.0)
    laws = controller(tokens=600)
    laws.sent(0.0, 10.0)
    assert laws.hold(0.0, 5.0) == Hold("tokens", 0.5)


@pytest.mark.parametrize("absurd", [-1.0, float("nan"), float("inf"), 1e300, 1e9])
def test_an_absurd_usage_is_not_believed(absurd):
    """Neither the average nor the pacer hears of it, and nothing raises."""
    laws = controller()
    for tokens in (100.0, absurd, 100.0):
        end(laws, laws.sent(0.0, 100.0), 1.0, Accepted(tokens=tokens))
    assert laws.average_tokens == 100.0
    assert laws.tokens.wait(1.0, 100.0) == 0.0


def test_more_tokens_than_the_provider_gives_are_not_believed():
    """Nobody used 60,001 where 60,000 a minute are all there is; 60,000 somebody may have."""
    laws = controller()
    shown = Reading(unit="tokens", limit=60_000.0, remaining=59_900.0, reset=0.1)
    end(laws, laws.sent(0.0, 100.0), 1.0, Accepted(tokens=100.0, readings=(shown,)))
    end(laws, laws.sent(1.0, 100.0), 2.0, Accepted(tokens=60_001.0))
    assert laws.average_tokens == 100.0
    end(laws, laws.sent(2.0, 100.0), 3.0, Accepted(tokens=60_000.0))
    assert laws.average_tokens == 30_050.0


def test_calls_may_become_much_larger():
    """Ten tokens so far, then 90,000: long texts exist."""
    laws = controller()
    for tokens in (10.0, 90_000.0):
        end(laws, laws.sent(0.0, 10.0), 1.0, Accepted(tokens=tokens))
    assert laws.average_tokens == 45_005.0


def test_a_wish_for_days_is_not_kept_when_a_later_call_is_accepted():
    """Ten minutes later one call is sent to see; its acceptance ends the pause for everybody."""
    laws = controller()
    end(laws, laws.sent(0.0, 0.0), 1.0, Throttled(Refusal(retry_after=600_000.0)))
    assert laws.hold(1.0, 0.0) == Hold("retry_after", 601.0)
    assert laws.hold(601.0, 0.0) is None
    probe = laws.sent(601.0, 0.0)
    assert laws.hold(601.0, 0.0) == Hold("retry_after", 1201.0)
    end(laws, probe, 602.0, Accepted())
    assert (laws.hold(602.0, 0.0), laws.is_closed(602.0)) == (None, False)


def test_an_absurd_output_is_told_to_no_law():
    """Latencies are compared by the output's length: not by such a one."""
    laws = controller()
    for output in (50, 10**400, -1):
        end(laws, laws.sent(0.0, 0.0), 1.0, Accepted(output_tokens=output))
    assert [heard[1] for heard in laws.law.heard if heard[0] == "succeeded"] == [50, None, None]


def test_a_refusal_brings_a_pause_as_long_as_it_says():
    """With the jitter that is given in; and it does not lower the number in flight."""
    laws = controller()
    changes = end(laws, laws.sent(0.0, 0.0), 1.0, Throttled(Refusal(retry_after=10.0)), jitter=1.0)
    assert laws.hold(1.0, 0.0) == Hold("retry_after", 11.5)
    assert changes == [Change("pause", 10.5)]
    assert laws.is_closed(1.0)
    assert laws.law.heard == [("sent", 1), "left"]


def test_a_refusal_without_a_rate_is_a_cap_on_calls_in_flight():
    """The law hears how many were in flight when the call was sent."""
    laws = controller()
    laws.sent(0.0, 0.0)
    refused = laws.sent(0.0, 0.0)
    laws.sent(0.0, 0.0)
    changes = end(laws, refused, 1.0, Throttled(Refusal()))
    assert laws.law.heard[-1] == ("refused", 2)
    assert changes == [Change("limit", 1, "refused at 2")]
    assert laws.hold(1.0, 0.0) == Hold("concurrency")


@pytest.mark.parametrize("refusal", [Refusal(daily=True), Refusal(too_large=True)])
def test_a_refusal_for_the_day_or_of_one_request_is_no_cap(refusal):
    """It says nothing of how many may be in flight."""
    laws = controller()
    assert end(laws, laws.sent(0.0, 0.0), 1.0, Throttled(refusal)) == []
    assert laws.law.heard[-1] == "left"


def test_an_outage_is_seen_between_answers_to_calls_from_before():
    """Its failures are those of calls that were sent one after another."""
    laws = controller()
    old, new = ([laws.sent(now, 0.0) for _ in range(3)] for now in (0.0, 1.0))
    changes = []
    for before, failing in zip(old, new, strict=True):
        end(laws, before, 2.0, Accepted())
        changes += end(laws, failing, 2.0, Failed())
    assert changes == [Change("outage began")]


def test_an_answer_of_any_other_kind_ends_an_outage():
    """A request that is refused for what is in it came from a provider that is back; of load it says nothing."""
    laws = controller()
    for _ in range(3):
        end(laws, laws.sent(0.0, 0.0), 0.0, Failed())
    changes = end(laws, laws.sent(1.0, 0.0), 2.0, Answered())
    assert changes == [Change("outage ended", 2.0)]
    assert laws.law.heard[-1] == "left"


def test_three_failures_begin_an_outage_and_a_probe_that_is_accepted_ends_it():
    """In between only probes go out, and the number in flight is left alone."""
    laws = controller()
    flights = [laws.sent(0.0, 0.0) for _ in range(3)]
    changes = [end(laws, flight, now, Failed()) for now, flight in zip((1.0, 2.0, 3.0), flights, strict=True)]
    assert changes == [[], [], [Change("outage began")]]
    assert laws.hold(3.0, 0.0) == Hold("outage", 3.5)
    assert laws.learned(3.0).outage_for == 2.0
    assert laws.outage() == (2.0, 3.0)
    probe = laws.sent(3.5, 0.0)
    assert probe.probe
    assert end(laws, probe, 5.0, Accepted()) == [Change("outage ended", 4.0)]
    assert laws.hold(5.0, 0.0) is None
    assert laws.outage() is None


@pytest.mark.parametrize(
    ("answers", "is_behind"),
    [
        ([], False),  # nobody is answered: it hangs
        ([(0.0, 3.0)], False),  # nor is anybody any more
        ([(0.0, 4.0)], True),
        ([(0.0, 2.0), (1.0, 8.0)], True),
        ([(0.0, 4.0), (3.0, 6.0)], False),  # one that was sent later is: it was the call's own failure
        ([(0.0, 4.0)] * 4, False),  # so were those in flight with it: it was none too many
    ],
)
def test_a_call_ran_out_of_time_behind_others_where_those_are_answered(answers, is_behind):
    """It was sent at 0 as the fifth of them, and had 8 seconds."""
    laws = controller()
    flight = [laws.sent(0.0, 0.0) for _ in range(5)][-1]
    for sent, answered in answers:
        end(laws, laws.sent(sent, 0.0), answered, Accepted())
    assert laws.is_behind_others(flight, 8.0) is is_behind
    assert not FixedController(4).is_behind_others(flight, 8.0)


def test_overdue_calls_are_no_outage_and_lower_the_limit_once():
    """Those that were sent before it was lowered tell nothing new; one that was sent later does."""
    laws = controller()
    flights = [laws.sent(0.0, 0.0) for _ in range(6)]
    for answered in (3.0, 6.0):
        end(laws, flights.pop(), answered, Accepted())
    for flight in flights:
        end(laws, flight, 8.0, Overdue())
    later = laws.sent(8.0, 0.0)
    end(laws, laws.sent(8.0, 0.0), 15.0, Accepted())
    end(laws, later, 16.0, Overdue())
    assert laws.outage() is None
    assert [heard for heard in laws.law.heard if heard[0] == "overdue"] == [("overdue", 2), ("overdue", 1)]
    assert laws.law.heard.count("left") == 5


def test_probes_wait_for_each_other_where_a_slow_provider_says_nothing():
    """As long as answers take there; where it says that it fails, and so at once, they do not."""
    laws, holds = controller(), []
    end(laws, laws.sent(0.0, 0.0), 4.0, Accepted())
    for failed in (12.0, 5.0):
        for _ in range(3):
            end(laws, laws.sent(4.0, 0.0), failed, Failed())
        probe = laws.sent(20.0, 0.0)
        holds.append(laws.hold(20.0, 0.0).until)
        end(laws, probe, 24.0, Accepted())
    assert holds == [24.0, 20.5]


def test_a_refused_probe_ends_an_outage():
    """A provider that refuses is there."""
    laws = controller()
    for _ in range(3):
        end(laws, laws.sent(0.0, 0.0), 0.0, Failed())
    probe = laws.sent(1.0, 0.0)
    changes = end(laws, probe, 1.0, Throttled(Refusal(retry_after=1.0)))
    assert changes == [Change("pause", 1.0), Change("outage ended", 1.0)]


def test_the_pause_speaks_first_and_the_number_in_flight_last():
    """What would hold a call anyhow must not look as if the number in flight did."""
    laws = controller(limit=3, requests=60)
    flights = [laws.sent(0.0, 0.0) for _ in range(3)]
    assert laws.hold(0.0, 0.0).reason == "requests"
    assert laws.hold(100.0, 0.0).reason == "concurrency"
    for flight in flights:
        end(laws, flight, 100.0, Failed())
    assert laws.hold(100.0, 0.0).reason == "outage"
    end(laws, laws.sent(100.0, 0.0), 100.0, Throttled(Refusal(retry_after=5.0)))
    assert laws.hold(100.0, 0.0).reason == "retry_after"


def test_headers_teach_a_pacer():
    """What changed by it is told once."""
    laws = controller()
    assert laws.learned(0.0) == (None, None, None, 0.0, None)
    changes = end(laws, laws.sent(0.0, 0.0), 0.0, Accepted(readings=HEADERS))
    assert [(change.what, change.why) for change in changes] == [("rate", "requests, headers")]
    learned = laws.learned(0.0)
    assert changes[0].value == learned.requests_per_minute == laws.requests.rate * 60
    assert learned.learned_from == "headers"
    assert laws.tokens.rate is None


def test_a_call_that_was_not_sent_costs_nothing():
    """Its place and what it would have counted are given back."""
    laws = controller(limit=1, requests=60, tokens=600)
    laws.unsent(laws.sent(0.0, 10.0), 0.0)
    assert laws.hold(0.0, 10.0) is None
    assert laws.law.heard == [("sent", 1), "left"]


def test_a_probe_that_was_not_sent_leaves_its_place_to_another():
    """An outage does not outlast a cancelled probe."""
    laws = controller()
    for _ in range(3):
        end(laws, laws.sent(0.0, 0.0), 0.0, Failed())
    laws.unsent(laws.sent(0.5, 0.0), 0.6)
    assert laws.hold(0.6, 0.0) is None


def test_what_calls_cost_is_averaged():
    """The first is believed; later ones move it less and less."""
    laws = controller(tokens=60_000)
    for tokens in (100.0, 200.0, None):
        end(laws, laws.sent(0.0, 0.0), 0.0, Accepted(tokens=tokens))
    assert laws.average_tokens == 150


def test_a_success_is_a_sample():
    """The law hears what the call said of itself."""
    laws = controller()
    end(laws, laws.sent(0.0, 0.0), 1.0, Accepted(output_tokens=7), waiting=3, lag=0.25)
    assert laws.law.heard[-1] == ("succeeded", 7, 3, 0.25)


def test_what_is_worth_remembering_is_that_of_the_laws():
    """Laws that learned nothing are left out."""
    laws = controller(limit=9)
    assert laws.remembered() == {"law": {"limit": 9.0}}
    end(laws, laws.sent(0.0, 0.0), 0.0, Accepted(readings=HEADERS))
    assert set(laws.remembered()) == {"law", "requests"}


def test_a_fixed_number_minds_nothing_else():
    """Whatever happens, it is what it is."""
    fixed = FixedController(2)
    for ending in (Failed(), Failed(), Failed(), Throttled(Refusal(retry_after=5.0)), Accepted(readings=HEADERS)):
        assert end(fixed, fixed.sent(0.0, 1e9), 0.0, ending) == []
        fixed.freed()
    assert fixed.hold(0.0, 1e9) is None
    assert (fixed.limit, fixed.why, fixed.outage(), fixed.is_closed(0.0)) == (2, "fixed", None, False)
    assert fixed.learned(0.0) == (None, None, None, 0.0, None)
    assert fixed.remembered() == {}
