"""Three tasks as the users of other libraries write them, and here: the files that docs/coming-from.md quotes."""

from __future__ import annotations

from .._contest import Contest, Entry, Figure
from .._serving import serving
from . import _faults, _tasks

LIBRARIES = {
    "ours": "here",
    "asyncio": "plain asyncio",
    "langchain": "LangChain",
    "pydantic_ai": "pydantic-ai",
    "dspy": "DSPy",
}
"""How the files are called, and how the tables call them."""

TASKS = ("classify", "chain", "vote")

NEEDS = {
    "langchain": ("langchain-core", "langchain-groq"),
    "pydantic_ai": ("pydantic-ai-slim",),
    "dspy": ("dspy",),
}


def tasks() -> Contest:
    """What the tasks cost where little goes wrong."""
    return Contest(
        name="coming-from",
        title="Three tasks, 20 calls in flight: a local server that answers after 50 ms",
        figures=(
            Figure("cpu", "ms CPU a call", 2),
            Figure("rate", "calls/s", 0),
            Figure("requests", "requests", 0),
            Figure("lines", "lines", 0),
        ),
        entries=tuple(
            Entry(
                name=f"{task}: {shown}",
                contestant=_tasks.cost,
                settings={"module": f"{library}_{task}"},
                needs=NEEDS.get(library, ()),
                against=None if library == "ours" else f"{task}: {LIBRARIES['ours']}",
            )
            for task in TASKS
            for library, shown in LIBRARIES.items()
        ),
        rounds=3,
        shows=("groq", "httpx", "aiohttp"),
        around=lambda: serving(f"{__package__}._server"),
    )


def faults() -> Contest:
    """What becomes of 200 tickets where something is wrong with the provider."""
    wrong = {
        "20 requests a second": "/limited",
        "503 for five seconds": "/outage",
        "a tenth always 500": "/hopeless",
    }
    return Contest(
        name="coming-from-faults",
        title="The 200 tickets, where something is wrong with the provider; what takes more than a minute is ended",
        figures=(
            Figure("answers", "answers", 0),
            Figure("failures", "failures", 0),
            Figure("requests", "requests", 0),
            Figure("seconds", "s", 1),
        ),
        entries=tuple(
            Entry(
                name=f"{what}: {shown}",
                contestant=_faults.with_faults,
                settings={"module": f"{library}_classify", "path": path},
                needs=NEEDS.get(library, ()),
            )
            for what, path in wrong.items()
            for library, shown in LIBRARIES.items()
        ),
        rounds=1,
        around=lambda: serving(f"{__package__}._server"),
    )


def interrupted() -> Contest:
    """What happens after Ctrl-C in the middle of the 200 tickets."""
    return Contest(
        name="coming-from-interrupted",
        title="Ctrl-C in the middle of the 200 tickets",
        figures=(
            Figure("seconds", "s until it ended", 2),
            Figure("code", "exit code", 0),
        ),
        entries=tuple(
            Entry(
                name=shown,
                contestant=_faults.interrupted,
                settings={"module": f"{library}_classify"},
                needs=NEEDS.get(library, ()),
            )
            for library, shown in LIBRARIES.items()
        ),
        rounds=3,
        around=lambda: serving(f"{__package__}._server"),
    )
