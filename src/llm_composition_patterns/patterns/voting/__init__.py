"""Voting: several ballots on one question, and what most of them say."""

from ..parallelization import Vote, vote

__all__ = ["Vote", "vote"]
