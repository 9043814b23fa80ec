"""The pacers: what is learned from headers, texts and refusals, by hand."""

import pytest

from llm_composition_patterns.limits._bucket import Bucket
from llm_composition_patterns.limits._history import KEPT, History
from llm_composition_patterns.limits._pacer import Pacer
from llm_composition_patterns.limits._readings import Reading, Refusal


def send(pacer, count, now, cost=1.0):
    for _ in range(count):
        pacer.sent(now, cost)


def requests(limit, remaining=None, reset=None, window=None):
    return Reading(unit="requests", limit=limit, remaining=remaining, reset=reset, window=window)


def tokens(limit, remaining=None, reset=None, window=None):
    return Reading(unit="tokens", limit=limit, remaining=remaining, reset=reset, window=window)


def told(pacer):
    return pacer.rate, pacer.source, burst(pacer)


def burst(pacer):
    """How much may be sent at once after a rest, as it is remembered."""
    return pacer.remembered().get("burst")


def test_nothing_is_held_back_before_something_is_learnt():
    """A pacer that knows nothing lets everything through."""
    pacer = Pacer("requests")
    send(pacer, 1000, 0.0)
    assert (pacer.wait(0.0, 1.0), told(pacer), pacer.remembered()) == (0.0, (None, None, None), {})


def test_what_the_user_allows_is_kept_from_the_start():
    """120 a minute: one every half second."""
    pacer = Pacer("requests", per_minute=120)
    send(pacer, 1, 0.0)
    assert [pacer.wait(now, 1.0) for now in (0.0, 0.25, 0.5)] == [0.5, 0.25, 0.0]
    assert (pacer.rate, pacer.source, pacer.remembered()) == (2.0, "user", {})


def test_no_second_sees_a_tenth_more_requests_than_the_user_allows():
    """So many may be sent at once; tokens may be those of a second, because calls differ."""
    requests_allowed, tokens_allowed = Pacer("requests", per_minute=18_000), Pacer("tokens", per_minute=18_000)
    send(requests_allowed, 30, 0.0)
    assert (requests_allowed.wait(0.0, 1.0), tokens_allowed.wait(0.0, 300.0)) == (1 / 300, 0.0)


def test_headers_do_not_raise_what_the_user_allows():
    """A share of an account stays a share."""
    pacer = Pacer("requests", per_minute=60)
    send(pacer, 1, 0.0)
    pacer.read(requests(6000, 5999, 0.01), sent_at=0.0, now=0.5)
    assert (pacer.wait(0.5, 1.0), pacer.source) == (0.5, "user")


@pytest.mark.parametrize(
    ("reading", "rate"),
    [
        (requests(600, 599, 0.1), 10.0),
        (requests(600, 0, 60.0), 10.0),
        (requests(14400, 14370, 179.56), 14400 / 86400),
        (requests(100, 50, 5.005), 9.99),
        (requests(1, 0, 1.0), 1.0),
        (requests(500, 499, window=5.0), 100.0),
    ],
)
def test_one_reply_tells_the_rate(reading, rate):
    """What is used, over the time until it is back; a whole limit a minute or a day where that fits."""
    pacer = Pacer("requests")
    send(pacer, 1, 0.0)
    pacer.read(reading, sent_at=0.0, now=0.0)
    assert pacer._shown[0].bucket.rate == pytest.approx(rate, rel=1e-3)


@pytest.mark.parametrize(("remaining", "reset"), [(None, None), (None, 5.0), (0, None), (0, 0.0), (99, 0.0)])
def test_a_limit_alone_paces_nothing(remaining, reset):
    """100, of which nobody says how much is left, or in what time all of it is back: nothing is held back."""
    pacer = Pacer("requests")
    assert not pacer.read(requests(100, remaining, reset), sent_at=0.0, now=0.0)
    send(pacer, 400, 0.0)
    assert (pacer.wait(0.0, 1.0), told(pacer)) == (0.0, (None, None, None))


def test_rounded_resets_are_made_exact_by_many_replies():
    """Used 20, 55 and 90 of 1000 at 7 a second, resets in whole seconds: the ranges leave little."""
    pacer = Pacer("requests")
    send(pacer, 90, 0.0)
    for used, reset in ((20, 3.0), (55, 8.0), (90, 13.0), (690, 99.0)):
        pacer.read(requests(1000, 1000 - used, reset), sent_at=0.0, now=0.0)
    assert pacer.rate == pytest.approx(7.0, rel=0.01)


def test_a_reply_tells_what_was_left_when_its_call_was_sent():
    """Limit 60 at 1 a second, 10 sent at 0 and 20 at 2; the reply to the first says 50: 34 left at 4."""
    pacer = Pacer("requests")
    pacer.read(requests(60, 60, window=60.0), sent_at=0.0, now=0.0)
    send(pacer, 10, 0.0)
    send(pacer, 20, 2.0)
    pacer.read(requests(60, 50, 10.0), sent_at=0.0, now=4.0)
    assert pacer._shown[0].holds(4.0) == 34.0


def test_of_replies_that_overtake_each_other_none_raises_what_is_left():
    """Ten calls sent at once: whichever reply comes first, 50 are left."""
    pacer = Pacer("requests")
    pacer.read(requests(60, 60, window=60.0), sent_at=0.0, now=0.0)
    send(pacer, 10, 10.0)
    for remaining in (59, 50, 55, 57):
        pacer.read(requests(60, remaining, 60.0 - remaining), sent_at=10.0, now=10.0)
        assert pacer._shown[0].holds(10.0) == 50.0


def test_what_others_use_is_noticed():
    """Less is left than we used: so much less is sent."""
    pacer = Pacer("requests")
    pacer.read(requests(60, 60, window=60.0), sent_at=0.0, now=0.0)
    send(pacer, 10, 10.0)
    pacer.read(requests(60, 20, 40.0), sent_at=10.0, now=10.0)
    assert pacer._shown[0].holds(10.0) == 20.0


def test_an_older_reply_changes_nothing():
    """A call that was sent earlier knows less."""
    pacer = Pacer("requests")
    pacer.read(requests(60, 30, 30.0), sent_at=5.0, now=6.0)
    before = pacer._shown[0].holds(6.0)
    pacer.read(requests(60, 60, 0.1), sent_at=4.0, now=6.0)
    assert pacer._shown[0].holds(6.0) == before


def test_a_days_limit_holds_nothing_back_until_it_is_nearly_used():
    """14,370 of 14,400 left: nobody waits, and no rate is told."""
    pacer = Pacer("requests")
    send(pacer, 30, 0.0)
    pacer.read(requests(14400, 14370, 180.0), sent_at=0.0, now=1.0)
    assert (pacer.wait(1.0, 1.0), pacer.rate) == (0.0, None)
    pacer.read(requests(14400, 0, 86400.0), sent_at=2.0, now=2.0)
    assert pacer.fits_in(2.0, 1.0)[0] > 6.0


def nothing_left(limit=100):
    """Nothing is left for a day."""
    pacer = Pacer("requests")
    send(pacer, 1, 0.0)
    pacer.read(requests(limit, 0, 86400.0), sent_at=0.0, now=0.5)
    return pacer


def test_where_nothing_is_left_for_long_one_call_asks():
    """A second after the last, and no other; until when calls wait by what is known is told all the same."""
    pacer = nothing_left()
    assert (pacer.wait(0.5, 1.0), pacer.wait(1.0, 1.0)) == (0.5, 0.0)
    assert pacer.fits_in(1.0, 1.0)[0] > 800
    pacer.sent(1.0, 1.0)
    assert pacer.wait(2.0, 1.0) == 599.0


def test_what_is_accepted_though_nothing_was_left_contradicts_the_headers():
    """They are not believed for as long as they would have held it, though they say the same again."""
    pacer = nothing_left()
    pacer.wait(1.0, 1.0)
    pacer.sent(1.0, 1.0)
    pacer.accepted(0.0, 1.5)
    assert pacer.wait(2.0, 1.0) > 500  # a call from before says nothing
    pacer.accepted(1.0, 2.0)
    pacer.read(requests(100, 0, 86400.0), sent_at=1.0, now=2.0)
    assert [pacer.wait(now, 1.0) for now in (2.0, 500.0)] == [0.0, 0.0]


def test_what_is_refused_confirms_them():
    """It is not asked again, but after ten minutes."""
    pacer = nothing_left()
    pacer.wait(1.0, 1.0)
    pacer.sent(1.0, 1.0)
    pacer.refused(Refusal(exhausted="requests"), sent_at=1.0, now=2.0)
    pacer.accepted(3.0, 4.0)
    assert pacer.wait(5.0, 1.0) > 500


def test_a_slow_rate_from_memory_is_asked_about_before_it_holds_anybody_for_long():
    """1 in 599 s: a call that is accepted a second later ends it, and it is not written back."""
    pacer = Pacer("requests")
    pacer.restore({"rate": 1 / 599, "burst": 1.0})
    assert pacer.remembered() == {}
    pacer.sent(0.0, 1.0)
    assert (pacer.wait(0.0, 1.0), pacer.wait(1.0, 1.0)) == (1.0, 0.0)
    pacer.sent(1.0, 1.0)
    assert pacer.wait(1.5, 1.0) > 500
    pacer.accepted(1.0, 2.0)
    assert (pacer.wait(2.0, 1.0), pacer.rate) == (0.0, None)


def test_the_text_of_a_refusal_tells_the_limit_exactly():
    """30 a minute, all used: half a call a second, a little less because only refusals show what is left."""
    pacer = Pacer("requests")
    send(pacer, 31, 0.0)
    text = Refusal(retry_after=2.0, readings=(requests(30, 0, window=60.0),), exhausted="requests")
    assert pacer.refused(text, sent_at=0.0, now=0.0)
    assert told(pacer) == (0.4975, "message", 30.0)
    assert pacer.wait(0.0, 1.0) == pytest.approx((1 + 0.15) / 0.4975)


def told_three_a_minute():
    """A pacer that was refused by a limit of 3 a minute, now known from the text alone."""
    pacer = Pacer("requests")
    send(pacer, 4, 0.0)
    text = Refusal(retry_after=1.0, readings=(requests(3, 0, window=60.0),), exhausted="requests")
    pacer.refused(text, sent_at=0.0, now=0.0)
    return pacer, text


def test_a_limit_that_was_told_rises_when_nothing_is_refused_for_long():
    """3 a minute, misread or raised since: 100 times as much after a quarter of an hour, where calls always wait."""
    pacer, now = told_three_a_minute()[0], 0.0
    rates = {0.0: 0.0}
    while now < 900.0 and max(rates.values()) < 5.0:
        wait = pacer.wait(now, 1.0)
        if not wait:
            pacer.sent(now, 1.0)
        rates[now] = pacer.rate
        now += wait
    assert all(rate <= 0.05 for when, rate in rates.items() if when < 120.0)
    assert now < 900.0


def test_a_refusal_takes_a_raised_pace_back():
    """It was what was told after all."""
    pacer, text = told_three_a_minute()
    for now in (1.0, 121.0):
        pacer.wait(now, 9.0)
        send(pacer, 3, now)
    assert pacer.rate == pytest.approx(0.05 * 0.995 * 1.05)
    pacer.refused(text, sent_at=121.0, now=121.5)
    assert pacer.rate == pytest.approx(0.05 * 0.995)


def test_a_told_limit_is_gone_when_headers_show_more_in_the_same_window():
    """3 a minute by a text, then 6,000 a minute by the headers of a later call: the account was raised."""
    pacer, _ = told_three_a_minute()
    pacer.read(requests(6000, 5998, 0.02), sent_at=1.0, now=1.5)
    assert told(pacer) == (100.0, "headers", 6000)


@pytest.mark.parametrize(
    ("reading", "sent_at"),
    [
        (requests(14400, 14390, 60.0), 1.0),
        (requests(6000, 5998, 0.02), 0.0),
        (requests(6000, 5998), 1.0),
    ],
)
def test_a_told_limit_stays_beside_another_one(reading, sent_at):
    """A day's limit, headers of a call that was sent before the refusal, and a limit of unknown window."""
    pacer, _ = told_three_a_minute()
    pacer.read(reading, sent_at=sent_at, now=1.5)
    assert pacer.source == "message"


def test_a_limit_that_is_told_again_is_no_raised_one():
    """Headers showed more, and yet it refuses: both hold from then on."""
    pacer, text = told_three_a_minute()
    for now in (1.0, 3.0):
        pacer.read(requests(6000, 5998, 0.02), sent_at=now, now=now + 0.5)
        pacer.refused(text, sent_at=now + 1.0, now=now + 1.0)
    assert (pacer.source, len(pacer._shown)) == ("message", 2)


def test_a_provider_that_refuses_while_something_is_left_holds_less_than_it_shows():
    """600 a minute, refused at 100 used: it holds 100."""
    pacer = Pacer("requests")
    send(pacer, 101, 0.0)
    pacer.refused(
        Refusal(retry_after=1.0, readings=(requests(600, 500, window=60.0),), exhausted="requests"),
        sent_at=0.0,
        now=0.0,
    )
    assert burst(pacer) == 100.0
    pacer.read(requests(600, 590, 1.0), sent_at=20.0, now=20.0)
    assert pacer._shown[0].holds(20.0) == 90.0


def test_calls_refused_together_are_one_episode():
    """What was on its way when the first refusal came back teaches nothing more."""
    pacer = Pacer("requests")
    send(pacer, 40, 0.0)
    text = Refusal(retry_after=2.0, readings=(requests(30, 0, window=60.0),), exhausted="requests")
    for now in (0.5, 0.6, 0.7):
        pacer.refused(text, sent_at=0.0, now=now)
    assert pacer.rate == 0.4975
    pacer.refused(text, sent_at=10.0, now=10.5)
    assert pacer.rate == pytest.approx(0.4975 * 0.95)


def test_a_refusal_by_the_other_unit_says_nothing_of_this_one():
    """Tokens were exhausted: requests go on."""
    pacer = Pacer("requests")
    send(pacer, 5, 0.0)
    refusal = Refusal(retry_after=9.0, readings=(requests(600, 595, 0.5), tokens(1000, 0, 60.0)))
    pacer.refused(refusal, sent_at=0.0, now=0.0)
    pacer.refused(Refusal(retry_after=9.0, exhausted="tokens"), sent_at=1.0, now=1.0)
    assert (pacer.wait(1.0, 1.0), pacer._felt.bucket) == (0.0, None)


@pytest.mark.parametrize(
    "refusal", [Refusal(), Refusal(concurrent=True, retry_after=1.0), Refusal(too_large=True, exhausted="requests")]
)
def test_a_refusal_that_is_about_no_rate_teaches_no_rate(refusal):
    """Too many at once, or one too large."""
    pacer = Pacer("requests")
    send(pacer, 5, 0.0)
    assert not pacer.refused(refusal, sent_at=0.0, now=0.0)
    assert pacer.wait(0.0, 1.0) == 0.0


def test_two_refusals_give_a_rate():
    """41 of 50 at once are accepted; the next refusal is 10 s later, after 400 more: 40 a second."""
    pacer = Pacer("requests")
    send(pacer, 50, 0.0)
    for _ in range(9):
        pacer.refused(Refusal(retry_after=1.0), sent_at=0.0, now=0.0)
    assert (pacer.rate, pacer._felt.bucket.rate) == (None, 41.0)
    for tick in range(400):
        pacer.sent(1.0 + tick * 0.0225, 1.0)
    pacer.sent(10.0, 1.0)
    pacer.refused(Refusal(retry_after=1.0), sent_at=10.0, now=10.0)
    assert pacer.rate == pytest.approx(40.05 * 0.98)
    assert (pacer.source, burst(pacer)) == ("retry_after", pytest.approx(0.8 * 41))


def test_calls_on_their_way_at_the_refusal_count():
    """The refusal comes back after 2 s, in which 40 more calls were sent and 20 of them refused: still 20 a second."""
    pacer = Pacer("requests")
    send(pacer, 21, 0.0)
    pacer.refused(Refusal(retry_after=1.0), sent_at=0.0, now=0.0)
    for tick in range(20, 221):
        pacer.sent(tick * 0.05, 1.0)
    for tick in range(40):
        pacer.sent(11.05 + tick * 0.04, 1.0)
    for tick in range(0, 40, 2):
        pacer.refused(Refusal(retry_after=1.0), sent_at=11.05 + tick * 0.04, now=13.05 + tick * 0.04)
    assert pacer.rate == pytest.approx(20 * 0.98, rel=0.15)


def test_a_guess_that_is_too_low_rises_until_it_is_measured():
    """Guessed 10 a second, never refused: ten times that after some 6 s."""
    pacer, now = Pacer("requests"), 1.0
    send(pacer, 11, 0.0)
    pacer.refused(Refusal(retry_after=1.0), sent_at=0.0, now=0.0)
    while now < 8.0:
        wait = pacer.wait(now, 1.0)
        if not wait:
            pacer.sent(now, 1.0)
        now += wait
    assert pacer._felt.bucket.rate > 100.0


def test_refusals_of_all_that_was_sent_measure_nothing():
    """Three times in 10 s everything was refused, as when others have used it up: no rate, and soon all may be sent."""
    pacer = Pacer("requests")
    for now in (0.0, 5.0, 10.0):
        send(pacer, 16, now)
        for _ in range(16):
            pacer.refused(Refusal(retry_after=5.0), sent_at=now, now=now)
    assert (pacer.rate, pacer.wait(15.0, 1.0), pacer.remembered()) == (None, 0.0, {})
    now, sent = 15.0, 0
    while now < 18.0:
        wait = pacer.wait(now, 1.0)
        if not wait:
            pacer.sent(now, 1.0)
            sent += 1
        now += wait
    assert sent > 200


def test_a_measured_rate_stays_when_all_that_was_sent_since_is_refused():
    """40 a second were measured; then a moment of trouble."""
    pacer = Pacer("requests")
    pacer.restore({"rate": 40.0, "burst": 1.0})
    for now in (0.0, 1.0, 2.0):
        send(pacer, 4, now)
        for _ in range(4):
            pacer.refused(Refusal(retry_after=1.0), sent_at=now, now=now)
    assert pacer.rate == 40.0 * 0.98


def test_what_few_calls_have_told_is_believed_for_a_short_time():
    """One call in 2 s: twice as much after 2 s without a refusal, and so on."""
    pacer, now, sent = Pacer("requests"), 3.0, 0
    for when in (0.0, 2.0):
        send(pacer, 2, when)
        pacer.refused(Refusal(retry_after=1.0), sent_at=when, now=when)
    assert pacer.rate == 0.75 * 0.98
    while now < 15.0:
        wait = pacer.wait(now, 1.0)
        if not wait:
            pacer.sent(now, 1.0)
            sent += 1
        now += wait
    assert sent > 40


def test_a_rest_makes_no_measurement():
    """After an hour without a call the bucket has run over: the rate stays what it was."""
    pacer = Pacer("requests")
    pacer.restore({"rate": 10.0, "burst": 20.0})
    assert told(pacer) == (9.8, "memory", 20.0)
    send(pacer, 20, 0.0)
    pacer.refused(Refusal(retry_after=1.0), sent_at=0.0, now=0.0)
    send(pacer, 20, 3600.0)
    pacer.refused(Refusal(retry_after=1.0), sent_at=3600.0, now=3600.0)
    assert pacer.rate == 9.8


def test_the_rate_itself_is_remembered_not_the_pace():
    """30 a minute, told by a text and kept a little below: remembered is half a call a second."""
    pacer = Pacer("requests")
    send(pacer, 31, 0.0)
    text = Refusal(retry_after=2.0, readings=(requests(30, 0, window=60.0),), exhausted="requests")
    pacer.refused(text, sent_at=0.0, now=0.0)
    assert pacer.remembered() == {"rate": 0.5, "burst": 30.0}


def test_a_raised_pace_is_remembered_once_it_was_held():
    """10 a second remembered and never refused: the first rise may be too much, the second shows that it was not."""
    pacer, now, known = Pacer("requests"), 0.0, []
    pacer.restore({"rate": 10.0, "burst": 1.0})
    while len(known) < 20:
        wait = pacer.wait(now, 1.0)
        if not wait:
            pacer.sent(now, 1.0)
            known.append(pacer.remembered()["rate"])
        now += wait
    assert list(dict.fromkeys(known)) == [10.0, pytest.approx(9.8 * 1.05)]


def test_what_the_provider_says_overrules_memory():
    """Headers with a rate are believed instead."""
    pacer = Pacer("requests")
    pacer.restore({"rate": 10.0, "burst": 20.0})
    send(pacer, 1, 0.0)
    assert pacer.read(requests(6000, 5999, 0.01), sent_at=0.0, now=0.1)
    assert told(pacer) == (100.0, "headers", 6000)
    assert pacer.remembered() == {"rate": 100.0, "burst": 6000}


def test_the_real_cost_is_corrected_when_it_is_known():
    """Sent as 100 tokens, counted as 60: 40 are back."""
    pacer = Pacer("tokens")
    pacer.read(tokens(60000, 60000, window=60.0), sent_at=0.0, now=0.0)
    pacer.sent(1.0, 100.0)
    pacer.corrected(1.0, 100.0, 60.0, 1.0)
    assert pacer._shown[0].holds(1.0) == 59940.0


def test_a_correction_is_not_counted_beside_a_later_reply():
    """A reply to a later call has the real cost in it already."""
    pacer = Pacer("tokens")
    pacer.read(tokens(60000, 60000, window=60.0), sent_at=0.0, now=0.0)
    pacer.sent(1.0, 100.0)
    pacer.read(tokens(60000, 59940, 0.06), sent_at=1.0, now=1.0)
    pacer.corrected(1.0, 100.0, 60.0, 1.0)
    assert pacer._shown[0].holds(1.0) == 59940.0


def test_a_windowed_limit_gives_nothing_until_its_time():
    """Full again at 60 however much is used: no trickle before, all of it then."""
    pacer = Pacer("requests")
    for now in range(0, 21, 4):
        send(pacer, 20, float(now))
        pacer.read(requests(100, max(0, 80 - 5 * now), 60.0 - now), sent_at=float(now), now=float(now))
    assert pacer.wait(20.0, 1.0) == 40.0
    assert pacer.wait(60.0, 1.0) == 0.0
    send(pacer, 100, 60.0)
    assert pacer.wait(60.0, 1.0) == 60.0


def windowed(limit=20, seconds=10.0):
    """A pacer after all calls of a window were sent at its beginning."""
    pacer = Pacer("requests")
    send(pacer, limit, 0.0)
    for used in (1, limit):
        pacer.read(requests(limit, limit - used, seconds), sent_at=0.0, now=0.1)
    return pacer


def test_a_reset_that_does_not_grow_with_use_is_a_windows():
    """1 used, then 20, all back in 10 s either way: at 10 s all may be sent, as much as a window gives a second."""
    pacer = windowed()
    assert pacer.wait(0.1, 1.0) == 9.9
    assert told(pacer) == (2.0, "headers", 20)
    send(pacer, 19, 10.0)
    assert pacer.wait(10.0, 1.0) == 0.0


def test_a_reset_that_grows_with_use_is_a_steady_ones():
    """1 used and back in a second, 20 used and back in 10: two a second."""
    pacer = Pacer("requests")
    send(pacer, 20, 0.0)
    for used, reset in ((1, 1.0), (20, 10.0)):
        pacer.read(requests(20, 20 - used, reset), sent_at=0.0, now=0.1)
    assert pacer.wait(0.1, 1.0) < 1.0


def test_of_rounded_ends_of_a_window_the_latest_is_taken():
    """9.3 s rounded down, told at 0.7, is the same end; one told by a call from before the last news is none."""
    pacer = windowed()
    pacer.read(requests(20, 0, 9.0), sent_at=0.7, now=0.8)
    assert pacer.wait(0.8, 1.0) == 9.2
    pacer.read(requests(20, 3, 2.0), sent_at=-2.0, now=0.9)
    assert pacer.wait(0.9, 1.0) == 9.1


@pytest.mark.parametrize("remaining", [11, 3])
def test_a_reply_of_the_last_window_says_nothing_of_the_new_one(remaining):
    """Sent at 19, answered at 20.5: the window that it speaks of ended at 20, and of the next one 5 calls are left."""
    pacer = windowed()
    send(pacer, 9, 19.0)
    send(pacer, 15, 20.0)
    pacer.read(requests(20, remaining, 1.0), sent_at=19.0, now=20.5)
    assert pacer.wait(20.5, 5.0) == 0.0
    assert pacer.wait(20.5, 6.0) == 9.5


def test_a_refusal_of_the_last_window_does_not_close_the_new_one():
    """Sent at 19.5, back at 20.25: of the next window one call is gone, and no more."""
    pacer = windowed()
    send(pacer, 1, 19.5)
    send(pacer, 1, 20.0)
    refusal = Refusal(readings=(requests(20, 0, 0.5),), exhausted="requests")
    pacer.refused(refusal, sent_at=19.5, now=20.25)
    assert pacer.wait(20.25, 19.0) == 0.0
    assert pacer.wait(20.25, 20.0) > 0.0


def test_a_window_that_ends_later_than_was_told_ends_a_second_later():
    """Nothing left, and all of it back in 0 s: that was rounded down, and so are the whole seconds that follow."""
    pacer = windowed(seconds=9.0)
    send(pacer, 1, 9.0)
    refusal = Refusal(readings=(requests(20, 0, 0.0),), exhausted="requests")
    pacer.refused(refusal, sent_at=9.0, now=9.125)
    assert pacer.wait(9.125, 1.0) == 0.875
    send(pacer, 20, 10.0)
    pacer.read(requests(20, 0, 9.0), sent_at=10.0, now=10.125)
    assert pacer.wait(10.125, 1.0) == 9.875


def test_a_limit_that_no_reply_speaks_of_any_more_is_forgotten():
    """Two minutes after the account got another limit, the old one is gone."""
    pacer = Pacer("requests")
    pacer.read(requests(60, 0, 60.0), sent_at=0.0, now=0.0)
    pacer.read(requests(6000, 5999, 0.01), sent_at=130.0, now=130.0)
    assert [shown.limit for shown in pacer._shown] == [6000]


def test_limits_that_change_with_every_reply_do_not_pile_up():
    """The longest unheard of goes."""
    pacer = Pacer("requests")
    for limit in range(100, 120):
        pacer.read(requests(limit, 50, 5.0), sent_at=float(limit), now=float(limit))
    assert [shown.limit for shown in pacer._shown] == [116, 117, 118, 119]


def test_a_call_larger_than_the_bucket_goes_when_it_is_full():
    """It never fits better."""
    assert Bucket(10.0, 100.0, 100.0, 0.0).wait(500.0, 0.0) == 0.0
    assert Bucket(10.0, 100.0, 50.0, 0.0).wait(500.0, 0.0) == 5.0


def test_a_history_forgets_the_oldest_half():
    """Memory stays flat."""
    history = History()
    for index in range(2 * KEPT + 1):
        history.add(float(index), float(index))
    assert (history.at(KEPT - 1.0), history.at(KEPT + 0.5), history.first_from(1e9)) == (None, float(KEPT), None)


def test_what_a_call_can_have_cost():
    """All of the largest limit, or what a minute gives; anything, while no limit is known."""
    pacer = Pacer("tokens")
    assert pacer.can_be(1e9)
    pacer.read(tokens(100, 100, window=1.0), sent_at=0.0, now=0.0)
    assert [pacer.can_be(cost) for cost in (100.0, 6000.0, 6001.0)] == [True, True, False]
    pacer.read(tokens(9000, 9000, window=3600.0), sent_at=0.0, now=0.0)
    assert [pacer.can_be(cost) for cost in (9000.0, 9001.0)] == [True, False]
