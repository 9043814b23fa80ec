"""The server, in a process of its own while a contest runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from .._run import environment


@contextmanager
def serving() -> Iterator[Mapping[str, object]]:
    """Run the server; gives its address as the setting `base_url`."""
    command = [sys.executable, "-m", f"{__package__}._server"]
    with subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:  # leaving closes its standard input, which ends it
        port = server.stdout.readline() if server.stdout is not None else ""
        yield {"base_url": f"http://127.0.0.1:{int(port)}"}
