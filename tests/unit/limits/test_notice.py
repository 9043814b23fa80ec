"""The notice of an outage."""

from llm_composition_patterns.limits import Notice


def test_an_outage_is_told_once_and_so_is_its_end():
    """Whoever comes first tells; what was not told does not end."""
    notice = Notice()
    assert not notice.over()
    assert [notice.tell(0.0), notice.tell(100.0), notice.told] == [True, False, True]
    assert [notice.over(), notice.over(), notice.told] == [True, False, False]


def test_outages_that_follow_each_other_are_told_once_a_minute():
    """A server that fails what is too much for it is out for a moment again and again."""
    notice, told = Notice(), []
    for now in range(0, 180, 10):
        if notice.tell(float(now)):
            told.append(now)
        notice.over()
    assert told == [0, 60, 120]
