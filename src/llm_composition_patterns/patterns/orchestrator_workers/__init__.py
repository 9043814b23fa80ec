"""Orchestrator and workers: a plan made at run time, its subtasks done side by side, one synthesis."""

from ._orchestrate import orchestrate

__all__ = ["orchestrate"]
