"""A server, in a process of its own while a contest runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ._run import environment


@contextmanager
def serving(module: str) -> Iterator[Mapping[str, object]]:
    """Run a module that prints its port and ends with its input; gives its address as the setting `base_url`."""
    with subprocess.Popen(
        [sys.executable, "-m", module], env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:  # leaving closes its standard input, which ends it
        port = server.stdout.readline() if server.stdout is not None else ""
        yield {"base_url": f"http://127.0.0.1:{int(port)}"}
