"""Parallelization: one step over many inputs, several steps side by side, several ballots on one question."""

from ._parallelize import parallelize
from ._step import Step
from ._stream_outcomes import OutcomeStream, stream_outcomes
from ._together import together
from ._vote import Vote, vote

__all__ = ["OutcomeStream", "Step", "Vote", "parallelize", "stream_outcomes", "together", "vote"]
