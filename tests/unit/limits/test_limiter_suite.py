"""The whole stack on small jobs of the benchmark, exactly: whatever changes what the limiter does shows here.

A law that was changed on purpose changes these figures. Then run `python -m benchmarks limiter`; if its bars hold, pin
what `PYTHONPATH=src:. python -m tests.unit.limits.test_limiter_suite` prints.
"""

from dataclasses import replace

import pytest

from benchmarks.limiter._backends import TUNED
from benchmarks.limiter._connected import connected, learning
from benchmarks.limiter._oracle import oracle

CALLS = 1_500
LEFT_OUT = {
    "tokens a minute, told in the text",  # tells the time by the real clock: not exact
}

# Makespan, refused requests, failed requests, the limit at the end, the least share of the oracle's throughput.
FOUND = {}


def found(backend):
    limiter = learning(backend)
    job = connected(replace(backend, calls=CALLS), 1, limiter)
    assert job.lost == 0
    assert job.answered == CALLS
    return job, limiter.statistics().limit


@pytest.mark.parametrize("backend", [it for it in TUNED if it.name not in LEFT_OUT], ids=lambda backend: backend.name)
def test_the_limiter_does_exactly_this(backend):
    """How long a job takes, how often it is refused and fails, and where the limit ends."""
    job, limit = found(backend)
    makespan, refused, failed, last = FOUND[backend.name]
    assert job.makespan == pytest.approx(makespan, abs=1e-6)
    assert (job.refused, job.failed, limit) == (refused, failed, last)


def main():
    for backend in TUNED:
        if backend.name not in LEFT_OUT:
            job, limit = found(backend)
            share = job.throughput / oracle(replace(backend, calls=CALLS), 1).throughput
            figures = job.makespan.__round__(6), job.refused, job.failed, limit
            print(f'    "{backend.name}": {figures},  # {share:.3f} of the oracle')  # noqa: T201


if __name__ == "__main__":
    main()
