"""Fan-outs that share a limiter take turns; nested ones neither wait for themselves nor gain by nesting."""

import asyncio

from llm_composition_patterns import runs, virtual_time
from llm_composition_patterns.limits import Limiter
from llm_composition_patterns.patterns.parallelization import parallelize


def caller(limiter, seconds=1.0, **settings):
    async def call(_):
        async with limiter.permit(**settings):
            await asyncio.sleep(seconds)

    return call


def test_a_small_job_beside_a_large_one_is_not_behind_it():
    """Twenty calls beside a thousand, at a limit of ten, take at most two and a half times what they take alone."""

    async def small(limiter, after=0.0):
        await asyncio.sleep(after)
        began = asyncio.get_running_loop().time()
        await parallelize(caller(limiter), range(20))
        return asyncio.get_running_loop().time() - began

    async def beside(after):
        limiter = Limiter(fixed=10)
        large = asyncio.create_task(parallelize(caller(limiter), range(1000)))
        took = await small(limiter, after)
        assert not large.done()
        await large
        assert asyncio.get_running_loop().time() == 102
        return took

    alone = virtual_time.run(small(Limiter(fixed=10)))
    assert alone == 2
    assert virtual_time.run(beside(0.0)) <= 2.5 * alone
    assert virtual_time.run(beside(7.0)) <= 2.5 * alone


async def test_nested_three_deep_at_a_limit_of_two_nothing_waits_for_itself():
    """Sixty calls of a second take exactly thirty."""
    limiter = Limiter(fixed=2)

    async def middle(_):
        await parallelize(caller(limiter), range(4))

    async def outer(_):
        await parallelize(middle, range(3))

    await parallelize(outer, range(5))
    assert asyncio.get_running_loop().time() == 30


async def test_the_group_is_the_outermost_fan_out():
    """Inner ones are part of it, tracked runs are none."""
    groups = []

    async def look(_):
        groups.append(runs.fairness_group())

    async def outer(_):
        async with runs.track("inside"):
            await parallelize(look, range(2))

    assert runs.fairness_group() is None
    async with runs.track("around"):
        assert runs.fairness_group() is None
        await parallelize(outer, range(2))
        await parallelize(look, range(1))
    assert len({id(group) for group in groups[:4]}) == 1
    assert groups[4] is not None
    assert groups[4] is not groups[0]


async def test_a_fan_out_of_many_inner_ones_has_one_turn():
    """Two jobs share half and half, however one is nested; the flat one came first to both places."""
    limiter, ended = Limiter(fixed=2), []

    async def job(name, step, inputs):
        await parallelize(step, inputs)
        ended.append((name, asyncio.get_running_loop().time()))

    async def many(_):
        await parallelize(caller(limiter), range(10))

    await asyncio.gather(job("nested", many, range(10)), job("flat", caller(limiter), range(10)))
    assert ended == [("flat", 9), ("nested", 55)]


async def test_retries_go_before_their_fan_outs_other_calls():
    """They have waited before."""
    limiter, order = Limiter(fixed=1), []

    async def call(name, *, retry=False):
        async with limiter.permit(retry=retry):
            order.append(name)
            await asyncio.sleep(1)

    async with limiter.permit():
        calls = [asyncio.create_task(call(name, retry=name == "retry")) for name in ("first", "second", "retry")]
        await asyncio.sleep(0)
    await asyncio.gather(*calls)
    assert order == ["retry", "first", "second"]
