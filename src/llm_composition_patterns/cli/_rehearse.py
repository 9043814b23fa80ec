"""`llm-patterns rehearse`: what a batch comes to, by running it against a simulated provider, in virtual time."""

from __future__ import annotations

import argparse

from ..batch.planning import Case, plan, rehearse
from ..console import OK, print_json, say, seed
from ..virtual_time import run as run_in_virtual_time
from . import _planning

_EXAMPLES = """\
examples:
  {prog} --items 34237 --seconds-per-item 20 --workers 100 --tokens-per-minute 250000
  {prog} --items 5000 --seconds-per-item 60 --jobs 10 --workers 50 --runner free --failure-rate 0.02
  {prog} --items 2000 --workers 20 --scenario groq-free
  {prog} --strategies

The dispatcher, the retries and the limiter are the real ones; the provider is simulated, and time jumps: days pass in
seconds, nothing is called and nothing is paid. Each batch is shown as planned, too: the two should agree within 10 %.
Where they do not, the rehearsal knows something that the arithmetic leaves out."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.epilog = _EXAMPLES.replace("{prog}", parser.prog)
    _planning.configure(parser)
    parser.add_argument("--seed", type=seed, metavar="N", help="of what is drawn (default: the scenario's, else 0)")


def run(arguments: argparse.Namespace) -> int:
    """Run it all, simulated, and print what was measured; gives the exit code."""
    measured = []
    for named in _planning.cases(arguments):
        say(f"rehearsing {named.name}: {named.case.workload.items:,} items, simulated ...")
        figures = run_in_virtual_time(rehearse(named.case, seed=_seed(arguments, named.case)))
        measured.append((named, {"planned": plan(named.case), "rehearsed": figures}))
    if arguments.json:
        print_json({"simulated": True, "batches": [_planning.record(*each) for each in measured]})
    else:
        _planning.show(measured)
    return OK


def _seed(arguments: argparse.Namespace, case: Case) -> int:
    drawn: int = (case.scenario.seed if case.scenario is not None else 0) if arguments.seed is None else arguments.seed
    return drawn
