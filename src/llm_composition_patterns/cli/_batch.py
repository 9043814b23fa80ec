"""`llm-patterns batch`: what the stores of batches hold, and the stores of shards joined.

An action is a row in `_ACTIONS` below: what it is for, its flags, and what it does.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, get_args

from ..batch import StoreStatus, iter_pending, iter_results, merge_stores, read_status, retry_items
from ..console import (
    OK,
    check_apart,
    counted,
    kinds_line,
    print_json,
    print_json_line,
    printable,
    say,
    usage_line,
    usage_record,
    writing_atomically,
)
from ..errors import FailureKind
from ..outcome import Failure, Outcome
from . import _batch_report, _batch_shards

_MORE: Final = """\
STORE is the file that run_batch(..., store=...) writes. status, failed, report and export only read it, also while it
runs.

examples:
  {prog} status papers.db
  {prog} failed papers.db --json
  {prog} retry papers.db --kind invalid_output
  {prog} export papers.db --output papers.jsonl
  {prog} merge papers.db shard-*.db
  {prog} shards papers.db --jobs 20 -- python -m examples.paper_translation run papers.jsonl
  {prog} merge --help"""
_MERGE: Final = """\
INTO is made if it is missing; else it keeps what it has. Of an item that several stores know, the one that has come
further is kept; what was spent is counted once for each store. To merge the same stores again changes nothing, and
shards that went on can be merged again. All are merged or none is; stores of different batches are refused.

examples:
  {prog} papers.db shard-1.db shard-2.db shard-3.db"""
_EXPORT: Final = """\
A line of JSON for each finished item, in the order in which they were reached: its key and value, or its key, and
the kind and text of its error.

examples:
  {prog} papers.db > papers.jsonl
  {prog} papers.db --output papers.jsonl"""
_RETRY: Final = """\
What was paid inside the items is kept. Nothing is executed: run the batch again for that. After a merge, put items back
in the merged store, and go on with that: merged again from its shards, they would be failed as before.

examples:
  {prog} papers.db
  {prog} papers.db --kind invalid_output
  {prog} papers.db --key 2401.00001 2401.00002
  {prog} papers.db --state failed abandoned"""
_LISTED: Final = 20
_AGAIN: Final = ("failed", "abandoned")
_KINDS: Final = tuple(sorted(get_args(FailureKind)))


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their flags."""
    parser.epilog = _MORE.replace("{prog}", parser.prog)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (text, configured, more, _) in _ACTIONS.items():
        action = actions.add_parser(
            name,
            help=text,
            description=text[:1].upper() + text[1:] + ".",
            formatter_class=parser.formatter_class,
            allow_abbrev=False,
        )
        action.epilog = more.replace("{prog}", action.prog) or None
        configured(action)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for; gives the exit code."""
    return _ACTIONS[arguments.action][3](arguments)


def _store_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store", type=Path, metavar="STORE", help="the file of a batch")
    _json_flag(parser)


def _json_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else there")


def _failed_flags(parser: argparse.ArgumentParser) -> None:
    _store_flags(parser)
    parser.add_argument("--pending", action="store_true", help="those that wait for another run, in place of failed")


def _retry_flags(parser: argparse.ArgumentParser) -> None:
    _store_flags(parser)
    parser.add_argument(
        "--state", nargs="+", choices=_AGAIN, default=_AGAIN[:1], help="from which state (default: failed)"
    )
    parser.add_argument("--kind", nargs="+", choices=_KINDS, default=(), help="these kinds of failure only")
    parser.add_argument("--key", nargs="+", default=(), metavar="KEY", help="these items only")


def _export_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store", type=Path, metavar="STORE", help="the file of a batch")
    parser.add_argument("--output", type=Path, metavar="FILE.jsonl", help="where it goes, whole; default: stdout")


def _merge_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("into", type=Path, metavar="INTO", help="the store that has everything afterwards")
    parser.add_argument("stores", type=Path, nargs="+", metavar="STORE", help="the stores of the shards")
    _json_flag(parser)


def _status(arguments: argparse.Namespace) -> int:
    _show(read_status(arguments.store), as_json=arguments.json)
    return OK


def _merge(arguments: argparse.Namespace) -> int:
    status = merge_stores(arguments.into, arguments.stores)
    say(f"merged into {arguments.into}: {counted(len(arguments.stores), 'store')}")
    _show(status, as_json=arguments.json)
    return OK


def _shards(arguments: argparse.Namespace) -> int:
    return _batch_shards.run(arguments, lambda status: _show(status, as_json=arguments.json))


def _failed(arguments: argparse.Namespace) -> int:
    found = iter_pending(arguments.store) if arguments.pending else iter_results(arguments.store)
    failures = (outcome for outcome in found if isinstance(outcome, Failure))
    if arguments.json:
        print_json({"items": [_record(failure) for failure in failures]})
        return OK
    for failure in failures:
        print(printable(f"{failure.key}: {failure.kind}: {failure.error}"))
    return OK


def _retry(arguments: argparse.Namespace) -> int:
    kinds = retry_items(arguments.store, states=arguments.state, kinds=arguments.kind, keys=arguments.key)
    status = read_status(arguments.store)
    if arguments.json:
        print_json({"put_back": sum(kinds.values()), "kinds": dict(kinds), "counts": dict(status.counts)})
        return OK
    told = f" ({kinds_line(kinds)}); the next run of the batch executes them again" if kinds else ""
    print(f"put back: {counted(sum(kinds.values()), 'item')}{told}")
    if left := ", ".join(f"{status.counts[state]:,} {state}" for state in _AGAIN if status.counts[state]):
        say(f"left as they are: {left}")
    return OK


def _export(arguments: argparse.Namespace) -> int:
    written = 0
    read_status(arguments.store)  # nothing is written of what is no store
    if arguments.output is not None:
        check_apart(arguments.output, arguments.store)
    with ExitStack() as stack:
        file = None if arguments.output is None else stack.enter_context(writing_atomically(arguments.output))
        for outcome in iter_results(arguments.store):
            print_json_line(_record(outcome), file)
            written += 1
    if arguments.output is not None:
        say(f"written into {arguments.output}: {counted(written, 'item')}")
    return OK


def _record(outcome: Outcome[Any]) -> dict[str, Any]:
    if isinstance(outcome, Failure):
        return {"key": outcome.key, "kind": outcome.kind, "error": str(outcome.error)}
    return {"key": outcome.key, "value": outcome.value}


def _show(status: StoreStatus, *, as_json: bool) -> None:
    if as_json:
        print_json(_status_record(status))
        return
    print(f"items: {', '.join(f'{number:,} {state}' for state, number in status.counts.items())}")
    if status.waiting:
        print(f"waiting for another run: {kinds_line(status.waiting)}")
    print(f"spent: {usage_line(status.spent)}")
    print(f"possibly paid twice: {_some(status.possibly_repeated)}")
    print(f"last run: number {status.last_run}, which executed {counted(status.executed, 'item')}")
    print(printable(f"batch: {', '.join(f'{name} {value}' for name, value in status.fingerprint.items())}"))


def _some(keys: tuple[str, ...]) -> str:
    more = f" and {len(keys) - _LISTED:,} more, which --json lists" if len(keys) > _LISTED else ""
    return printable(", ".join(keys[:_LISTED])) + more if keys else "none"


def _status_record(status: StoreStatus) -> dict[str, Any]:
    return {
        "counts": dict(status.counts),
        "waiting": dict(status.waiting),
        "spent": usage_record(status.spent),
        "possibly_repeated": list(status.possibly_repeated),
        "last_run": status.last_run,
        "executed": status.executed,
        "fingerprint": dict(status.fingerprint),
    }


_Action = tuple[str, Callable[[argparse.ArgumentParser], None], str, Callable[[argparse.Namespace], int]]
_ACTIONS: Final[Mapping[str, _Action]] = MappingProxyType(
    {
        "status": ("say how many items are in which state, and what they cost", _store_flags, "", _status),
        "failed": ("list the items that failed or were given up, with the reasons", _failed_flags, "", _failed),
        "retry": ("put items that failed back, for the next run to execute again", _retry_flags, _RETRY, _retry),
        "export": ("write what came of the finished items as JSON lines", _export_flags, _EXPORT, _export),
        "report": (
            "say how long jobs took, how busy their workers were, what failed and what an item cost",
            _batch_report.configure,
            _batch_report.MORE,
            _batch_report.run,
        ),
        "merge": ("join the stores of shards into one", _merge_flags, _MERGE, _merge),
        "shards": (
            "run a command once for each of N shards, as processes of their own, and merge their stores",
            _batch_shards.configure,
            _batch_shards.MORE,
            _shards,
        ),
    }
)
