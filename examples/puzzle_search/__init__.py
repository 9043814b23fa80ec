"""Searches small grid programs that explain puzzles, at every level of parallelism."""
