"""Runs the classification where the provider fails, and ends it in the middle as Ctrl-C would."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time

from .._contest import Figures
from ._requests import requests_of
from ._tasks import main_of

_BEFORE_IT_ENDS = 60
_PATIENCE = 60.0


def with_faults(base_url: str, module: str, path: str) -> Figures:
    """What is answered and what fails, after how many requests and seconds; nothing is, where it takes too long."""
    main, before, began = main_of(module), requests_of(base_url), time.perf_counter()

    async def run() -> Figures:
        try:
            answers, failures = await asyncio.wait_for(main(f"{base_url}{path}/{module}"), _PATIENCE)
        except TimeoutError:
            return {}
        return {"answers": len(answers), "failures": len(failures)}

    found = asyncio.run(run())
    return found | {"requests": requests_of(base_url) - before, "seconds": time.perf_counter() - began}


def interrupted(base_url: str, module: str) -> Figures:
    """Seconds from a SIGINT to the end, and how it ends."""
    before = requests_of(base_url)
    program = f"import asyncio; from {__package__}.{module} import main; asyncio.run(main({base_url!r}))"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={"GROQ_API_KEY": "benchmark", **os.environ},
        stderr=subprocess.DEVNULL,
    ) as running:
        while requests_of(base_url) - before < _BEFORE_IT_ENDS and running.poll() is None:
            time.sleep(0.01)
        if running.poll() is not None:
            raise RuntimeError(f"{module} ended before it could be interrupted")
        began = time.perf_counter()
        running.send_signal(signal.SIGINT)
        try:
            code = running.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            running.kill()
            raise
    return {"seconds": time.perf_counter() - began, "code": code}
