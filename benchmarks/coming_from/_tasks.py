"""Runs a snippet, checks what it gives, and measures it."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from .._contest import Figures
from ._check import CALLS, check
from ._requests import requests_of

Main = Callable[[str], Awaitable[Any]]


def cost(base_url: str, module: str) -> Figures:
    """CPU time a call and calls a second of a whole run, clients and connections included, once all is imported."""
    return asyncio.run(_cost(base_url, module)) | {"lines": lines(source(module))}


async def _cost(base_url: str, module: str) -> Figures:
    main, task = main_of(module), module.rpartition("_")[2]
    check(task, await main(base_url))
    gc.collect()
    before, began, cpu = requests_of(base_url), time.perf_counter(), time.process_time()
    result = await main(base_url)
    spent, seconds = time.process_time() - cpu, time.perf_counter() - began
    check(task, result)
    calls = CALLS[task]
    return {"cpu": spent / calls * 1e3, "rate": calls / seconds, "requests": requests_of(base_url) - before}


def main_of(module: str) -> Main:
    """The `main` of a snippet; there is a key in the environment, as its library wants it."""
    os.environ.setdefault("GROQ_API_KEY", "benchmark")
    main: Main = importlib.import_module(f"{__package__}.{module}").main
    return main


def source(module: str) -> str:
    """The text of a snippet."""
    return (Path(__file__).parent / f"{module}.py").read_text(encoding="utf-8")


def lines(text: str) -> int:
    """Lines that are neither blank nor a comment, imports included."""
    return len([line for line in text.splitlines() if line.strip() and not line.strip().startswith("#")])
