"""Evaluator and optimizer: generate, evaluate, and generate again with the feedback."""

from ._refine import refine
from ._rounds import Refined, Round, Verdict

__all__ = ["Refined", "Round", "Verdict", "refine"]
