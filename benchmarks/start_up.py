"""What starting costs: the CPU time of a whole Python process, its compiled bytecode being there."""

from __future__ import annotations

import resource
import subprocess
import sys

from ._contest import Bar, Contest, Entry, Figure, Figures

_EXAMPLE = ("-m", "llm_composition_patterns.patterns.parallelization.example")
_LANGUAGES = ("--product", "5", "--languages", "spanish", "french", "german")
_OFFLINE = (*_EXAMPLE, *_LANGUAGES, "--model", "simulated:", "--trace", "off")

_BARE = "python -c pass"
_IMPORT = "import llm_composition_patterns"
_HELP = "the product example, --help"
_RUN = "the product example, offline, three languages"


def contest() -> Contest:
    """The contest."""
    return Contest(
        name="start-up",
        title="Start-up",
        figures=(Figure("cpu", "s CPU", 2),),
        entries=(
            _entry(_BARE, "-c", "pass"),
            _entry(_IMPORT, "-c", "import llm_composition_patterns"),
            _entry(_HELP, *_EXAMPLE, "--help"),
            _entry(_RUN, *_OFFLINE),
        ),
        bars=(
            Bar(entry=_IMPORT, figure="cpu", most=0.3),
            Bar(entry=_HELP, figure="cpu", most=0.6),
            Bar(entry=_RUN, figure="cpu", most=1.5),
        ),
    )


def process(arguments: list[str]) -> Figures:
    """Run Python with these arguments, once to compile what it imports, once to be measured."""
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    before = _cpu()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return {"cpu": _cpu() - before}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _entry(name: str, *arguments: str) -> Entry:
    return Entry(name=name, contestant=process, settings={"arguments": list(arguments)})
