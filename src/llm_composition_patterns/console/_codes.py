"""What a command's exit code says."""

from __future__ import annotations

OK = 0
"""Everything that was asked for is done."""

FAILED = 1
"""Nothing succeeded."""

USAGE = 2
"""Wrong usage or configuration: nothing was tried that could have worked."""

SOME_FAILED = 3
"""Some items failed, each of them listed, and some did not."""

HUNG_UP = 129
"""Ended because its terminal was closed (128 + SIGHUP)."""

INTERRUPTED = 130
"""Ended by Ctrl-C (128 + SIGINT)."""

BROKEN_PIPE = 141
"""Nobody reads the output any more, as in `| head` (128 + SIGPIPE, as other tools say it)."""

TERMINATED = 143
"""Ended by SIGTERM (128 + SIGTERM)."""
