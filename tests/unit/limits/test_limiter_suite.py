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
    "tokens a minute, full headers": (53.451971, 2, 0, 572),  # 0.994 of the oracle
    "tokens a minute, told in the text": (138.659652, 3, 0, 146),  # 0.940 of the oracle
    "tokens a minute, Retry-After only": (103.179582, 8, 0, 108),  # 0.999 of the oracle
    "requests a minute, full headers": (86.53439, 2, 0, 174),  # 0.996 of the oracle
    "requests a minute, told in the text": (91.853221, 2, 0, 420),  # 0.991 of the oracle
    "requests a minute, Retry-After only": (71.42299, 6, 0, 96),  # 0.998 of the oracle
    "Groq: tokens in headers, requests in text": (31.651431, 3, 0, 708),  # 0.986 of the oracle
    "at most 40 at once, else refused": (38.725947, 5, 0, 40),  # 0.984 of the oracle
    "vLLM, hard knee at 64": (24.885892, 0, 0, 103),  # 0.950 of the oracle
    "vLLM, soft knee at 24": (70.157474, 0, 0, 272),  # 0.947 of the oracle
    "vLLM, thrashing beyond 48": (33.210779, 0, 0, 62),  # 0.954 of the oracle
    "capacity falls to a third, recovers": (55.894293, 0, 0, 82),  # 1.022 of the oracle
    "1 % stragglers, 20 times slower": (52.930242, 0, 0, 46),  # 1.323 of the oracle
    "bursts of 503": (40.293358, 0, 8, 61),  # 0.930 of the oracle
    "wide cloud, 400 at once": (7.913638, 0, 0, 801),  # 0.637 of the oracle
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
