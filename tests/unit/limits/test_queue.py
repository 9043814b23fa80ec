"""The fair queue: groups take turns, retries come first in theirs, nothing is lost."""

from collections import deque

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from llm_composition_patterns.limits._queue import FairQueue


def drained(queue):
    return [queue.pop() for _ in range(len(queue))]


def filled(*waiting):
    queue = FairQueue()
    for group, item in waiting:
        queue.push(group, item)
    return queue


def test_one_group_is_first_come_first_served():
    """Nobody overtakes."""
    assert drained(filled(("a", 1), ("a", 2), ("a", 3))) == [1, 2, 3]


def test_groups_take_turns():
    """A small group beside a large one gets every second turn."""
    queue = filled(*(("large", number) for number in range(6)), ("small", "x"), ("small", "y"))
    assert drained(queue) == [0, "x", 1, "y", 2, 3, 4, 5]


def test_who_comes_back_gets_no_turn_twice():
    """A group that is served one by one does not push in front of those that wait."""
    queue, served = filled(("a", 1), ("b", 2), ("b", 3)), []
    for back in (4, 5):
        served.append(queue.pop())
        queue.push("a", back)
    assert served + drained(queue) == [1, 2, 4, 3, 5]


def test_retries_come_before_their_groups_others_in_their_own_order():
    """What was tried before is finished first, but has no more turns than its group."""
    queue = filled(("a", 1), ("a", 2), ("b", 3))
    queue.push("a", "first", retry=True)
    queue.push("a", "second", retry=True)
    assert drained(queue) == ["first", 3, "second", 1, 2]


def test_to_look_changes_nothing():
    """Who is next stays next, whoever comes."""
    queue = filled(("a", 1))
    assert queue.peek() == 1
    queue.push("b", 2)
    assert (queue.peek(), list(queue), len(queue)) == (1, [1, 2], 2)
    assert FairQueue().peek() is None


def test_who_does_not_wait_cannot_be_removed():
    """A mistake of the caller is not hidden."""
    with pytest.raises(KeyError):
        filled(("a", 1)).remove("a", 2)


class AgainstTwoLists(RuleBasedStateMachine):
    """The queue does what the simplest one would do."""

    def __init__(self):
        super().__init__()
        self.queue = FairQueue()
        self.turns = deque()
        self.lines = {}
        self.number = 0

    @rule(group=st.sampled_from("abc"), retry=st.booleans())
    def push(self, group, retry):
        if group not in self.lines:
            self.turns.append(group)
            self.lines[group] = []
        line = self.lines[group]
        behind = sum(tried for tried, _ in line) if retry else len(line)
        line.insert(behind, (retry, self.number))
        self.queue.push(group, self.number, retry=retry)
        self.number += 1

    @precondition(lambda self: self.turns)
    @rule()
    def pop(self):
        group = self.turns.popleft()
        _, item = self.lines[group].pop(0)
        assert self.queue.peek() == item
        assert self.queue.pop() == item
        if self.lines[group]:
            self.turns.append(group)
        else:
            del self.lines[group]

    @precondition(lambda self: self.turns)
    @rule(data=st.data())
    def remove(self, data):
        group = data.draw(st.sampled_from(list(self.turns)))
        gone = data.draw(st.sampled_from(self.lines[group]))
        self.lines[group].remove(gone)
        self.queue.remove(group, gone[1])
        if not self.lines[group]:
            del self.lines[group]
            self.turns.remove(group)

    @invariant()
    def holds_the_same(self):
        waiting = [item for group in self.turns for _, item in self.lines[group]]
        assert len(self.queue) == len(waiting)
        assert list(self.queue) == waiting


TestAgainstTwoLists = AgainstTwoLists.TestCase
