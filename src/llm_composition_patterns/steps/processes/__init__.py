"""Plain functions that compute, in worker processes."""

from ._in_processes import InProcesses, in_processes

__all__ = ["InProcesses", "in_processes"]
