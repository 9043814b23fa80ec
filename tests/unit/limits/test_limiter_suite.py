"""The whole stack on small jobs of the benchmark, exactly: whatever changes what the limiter does shows here.

A law that was changed on purpose changes these figures. Then run `python -m benchmarks limiter`; if its bars hold, pin
what `PYTHONPATH=src:. python tests/unit/limits/test_limiter_suite.py` prints.
"""

from dataclasses import replace

import pytest

from benchmarks.limiter._backends import TUNED
from benchmarks.limiter._connected import connected, learning
from benchmarks.limiter._oracle import oracle

CALLS = 1_500

# Makespan, refused requests, failed requests, the limit at the end.
FOUND = {
    "Ollama, 1 slot": (2155.621885, 0, 0, 2),  # 1.000 of the oracle
    "Ollama, 4 slots": (695.873005, 0, 0, 4),  # 0.998 of the oracle
    "tokens a minute, full headers": (53.451915, 3, 0, 572),  # 0.994 of the oracle
    "tokens a minute, told in the text": (138.097806, 4, 0, 146),  # 0.944 of the oracle
    "tokens a minute, Retry-After only": (103.45147, 8, 0, 108),  # 0.997 of the oracle
    "requests a minute, full headers": (86.536284, 3, 0, 174),  # 0.996 of the oracle
    "requests a minute, told in the text": (91.821945, 2, 0, 420),  # 0.992 of the oracle
    "requests a minute, Retry-After only": (71.385087, 6, 0, 96),  # 0.998 of the oracle
    "Groq: tokens in headers, requests in text": (31.679436, 1, 0, 706),  # 0.985 of the oracle
    "at most 40 at once, else refused": (38.703938, 5, 0, 40),  # 0.985 of the oracle
    "vLLM, hard knee at 64": (24.764796, 0, 0, 113),  # 0.955 of the oracle
    "vLLM, soft knee at 24": (70.286579, 0, 0, 253),  # 0.945 of the oracle
    "vLLM, thrashing beyond 48": (33.746246, 0, 0, 62),  # 0.939 of the oracle
    "capacity falls to a third, recovers": (57.276445, 0, 0, 62),  # 0.997 of the oracle
    "1 % stragglers, 20 times slower": (53.849237, 0, 0, 50),  # 1.301 of the oracle
    "bursts of 503": (40.675684, 0, 8, 63),  # 0.921 of the oracle
    "wide cloud, 400 at once": (7.878189, 0, 0, 936),  # 0.640 of the oracle
}


def found(backend):
    limiter = learning(backend)
    job = connected(replace(backend, calls=CALLS), 1, limiter)
    assert job.lost == 0
    assert job.answered == CALLS
    return job, limiter.statistics().limit


@pytest.mark.parametrize("backend", TUNED, ids=lambda backend: backend.name)
def test_the_limiter_does_exactly_this(backend):
    """How long a job takes, how often it is refused and fails, and where the limit ends."""
    job, limit = found(backend)
    makespan, refused, failed, last = FOUND[backend.name]
    assert job.makespan == pytest.approx(makespan, abs=1e-6)
    assert (job.refused, job.failed, limit) == (refused, failed, last)


def main():
    for backend in TUNED:
        job, limit = found(backend)
        share = job.throughput / oracle(replace(backend, calls=CALLS), 1).throughput
        figures = job.makespan.__round__(6), job.refused, job.failed, limit
        print(f'    "{backend.name}": {figures},  # {share:.3f} of the oracle')  # noqa: T201


if __name__ == "__main__":
    main()
