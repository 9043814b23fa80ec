"""Random deaths of the process: nothing is lost, and nothing finished is executed again."""

import asyncio
from collections import Counter

from batch_runs import DyingStore, killed, run
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns import ModelUnavailable, once, virtual_time
from llm_composition_patterns.usage import NO_USAGE

ITEMS = [*map(str, range(12))]
WIDTH = 4


class Ledger(DyingStore):
    """A store whose process dies after so many writes, and a list of what was executed, as a witness would see it."""

    def __init__(self, lives):
        super().__init__()
        self.lives = [*lives]
        self.executed, self.inside = Counter(), Counter()
        self.written_after_success = []

    def put(self, item, value=None, /, *, usage=NO_USAGE):
        self._use_up()
        if not self.death.done() and self._items.get(item.key) and self._items[item.key].state == "succeeded":
            self.written_after_success.append(item)
        return super().put(item, value, usage=usage)

    def keep(self, *given, **named):
        self._use_up()
        return super().keep(*given, **named)

    def _use_up(self):
        if self.lives and not self.death.done():
            self.lives[0] -= 1
            if self.lives[0] < 0:
                self.lives.pop(0)
                self.death.set_result(None)


async def survive(lives, troubles):
    store = Ledger(lives)
    troubles = [*troubles]

    async def step(item):
        store.executed[item] += 1
        await asyncio.sleep(int(item) % 3)
        text = await once(inner, item, key="inner")
        if troubles and troubles.pop():
            raise ModelUnavailable("down")
        return text

    async def inner(item):
        store.inside[item] += 1
        await asyncio.sleep(1)
        return item

    deaths = 0
    while store.lives:
        before = len(store.lives)
        finished = {key for key, item in store._items.items() if item.state == "succeeded"}
        seen = Counter(store.executed)
        await killed(step, ITEMS, store, max_concurrency=WIDTH, max_attempts=99)
        assert not finished & set(store.executed - seen)
        deaths += before - len(store.lives)
        if store.death.done():
            store.revive()
        else:
            break
    troubles.clear()
    store.lives.clear()
    report = await run(step, ITEMS, store, max_concurrency=WIDTH, max_attempts=99)
    return store, report, deaths


@given(st.lists(st.integers(0, 30), max_size=4), st.lists(st.booleans(), max_size=10))
def test_nothing_is_lost_and_nothing_finished_is_executed_again(lives, troubles):
    """What was repeated is at most what was in flight, and each is reported."""
    store, report, deaths = virtual_time.run(survive(lives, troubles))
    assert report.counts == {"succeeded": len(ITEMS), "failed": 0, "pending": 0, "abandoned": 0}
    assert set(store.executed) == set(ITEMS)
    assert store.written_after_success == []
    again = {item for item, count in store.executed.items() if count > 1}
    assert again <= {*report.possibly_repeated} | {item for item in ITEMS if troubles and item in again}
    assert len(report.possibly_repeated) <= deaths * WIDTH
    assert sum(store.inside.values()) <= len(ITEMS) + deaths * WIDTH
