"""`run --dry-run`: what there is to do, with nothing paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from llm_composition_patterns.batch import Shard
from llm_composition_patterns.console import FAILED, OK, SOME_FAILED, print_json, say, terminal

from ._read import read_entries
from ._segments import segments, tokens

_LISTED: Final = 20
_PROMPT: Final = 300
"""Tokens of the instructions, and of the JSON around the texts."""

_GROWTH: Final = 1.2
"""Tokens of a translation for each one of its source."""


def dry_run(files: Sequence[Path], shard: Shard | None, limit: int | None, *, as_json: bool) -> int:
    """Read the archive and count; the exit code."""
    counted, problems = counted_archive(files, shard, limit)
    for problem in problems[:_LISTED]:
        say(f"unreadable: {problem}")
    if as_json:
        print_json(counted)
    else:
        _print(counted)
    return OK if not problems else SOME_FAILED if counted["papers"] else FAILED


def counted_archive(
    files: Sequence[Path], shard: Shard | None, limit: int | None
) -> tuple[Mapping[str, int], Sequence[str]]:
    """How many papers, calls and tokens there are, about; and what is wrong with the records that are none."""
    papers = bodies = calls = sent = 0
    problems: list[str] = []
    entries = (entry for entry in read_entries(files) if shard is None or shard.keeps(entry.key))
    for entry in islice(entries, limit):
        if entry.paper is None:
            problems.append(entry.problem)
            continue
        cut = segments(entry.paper)
        papers += 1
        bodies += bool(entry.paper.body_text)
        calls += len(cut)
        sent += sum(tokens(unit.masked.text) for segment in cut for unit in segment.units)
    counted = {
        "papers": papers,
        "with_body": bodies,
        "unreadable": len(problems),
        "calls": calls,
        "input_tokens": sent + calls * _PROMPT,
        "output_tokens": round(sent * _GROWTH),
    }
    return counted, problems


def _print(counted: Mapping[str, int]) -> None:
    shown = {name: f"{number:,}" for name, number in counted.items()}
    console = terminal(stderr=False)
    console.print("{papers} papers ({with_body} with a body), {unreadable} unreadable records".format(**shown))
    console.print("about {calls} calls, {input_tokens} tokens in, {output_tokens} tokens out".format(**shown))
