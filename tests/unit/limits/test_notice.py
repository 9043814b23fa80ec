"""The notice of an outage."""

from llm_composition_patterns.limits import Notice


def test_an_outage_is_told_once_and_so_is_its_end():
    """Whoever comes first tells; what was not told does not end."""
    notice = Notice()
    assert not notice.over()
    assert [notice.tell(), notice.tell(), notice.told] == [True, False, True]
    assert [notice.over(), notice.over(), notice.told] == [True, False, False]
