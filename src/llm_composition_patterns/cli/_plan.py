"""`llm-patterns plan`: what a batch comes to, by arithmetic."""

from __future__ import annotations

import argparse

from ..batch.planning import plan
from ..console import OK, print_json
from . import _planning

_EXAMPLES = """\
examples:
  {prog} --items 34237 --seconds-per-item 360 --workers 10
  {prog} --items 34237 --seconds-per-item 20 --workers 100 --tokens-per-minute 250000 --budget 20
  {prog} --items 5000 --seconds-per-item 60 --jobs 10 --workers 50 --runner free
  {prog} --items 2000 --workers 20 --scenario groq-free
  {prog} --strategies

Nothing is run and nothing is called; llm-patterns rehearse takes the same flags and runs it, simulated. What holds a
batch up is first what sets its pace (workers, requests a minute, tokens a minute, requests a day), then each limit that
is passed beside it (concurrent jobs, job time limit, runner minutes) or ends it (budget)."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.epilog = _EXAMPLES.replace("{prog}", parser.prog)
    _planning.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Reckon and print; gives the exit code."""
    planned = [(named, {"planned": plan(named.case)}) for named in _planning.cases(arguments)]
    if arguments.json:
        print_json({"batches": [_planning.record(*each) for each in planned]})
    else:
        _planning.show(planned)
    return OK
