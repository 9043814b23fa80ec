"""What is seen of a job, whoever did it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Job:
    """A job that was done.

    Attributes:
        calls: Calls that were to be made.
        makespan: Seconds from the start to the last answer.
        latencies: Seconds from sending to the answer, of each call that was answered.
        refused: Requests that were refused: answered with 429.
        failed: Requests that failed otherwise.
        lost: Calls that were never answered.
    """

    calls: int
    makespan: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    failed: int = 0
    lost: int = 0

    @property
    def answered(self) -> int:
        """Calls that were answered."""
        return len(self.latencies)

    @property
    def throughput(self) -> float:
        """Calls answered a second."""
        return self.answered / self.makespan if self.makespan else 0.0

    def latency(self, share: float = 0.99) -> float:
        """The latency that this share of the calls does not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
