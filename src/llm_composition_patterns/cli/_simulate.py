"""`llm-patterns simulate`: serve the simulated provider."""

from __future__ import annotations

import argparse
import asyncio
import textwrap
from dataclasses import replace
from typing import get_args, get_type_hints

from ..console import port_or_any, run_command, say, seed
from ..errors import ConfigurationError
from ..simulation import Fault, RateLimit, Scenario, serve
from ._scenario import add_scenario, read_scenario

EXAMPLE = """\
seed = 7                     # changes everything that is chosen
time_to_first_token = 0.15   # seconds
tokens_per_second = 600      # inf for at once
[capacity]
slots = 4                    # the others wait
[rate_limit]
requests_per_minute = 60
[[faults]]
kind = "server_overloaded"   # answered with 503
match = "hat"                # in the text of the request
times = 2
retry_after = 1              # seconds
"""
_KINDS = ", ".join(get_args(get_type_hints(Fault)["kind"]))
_DIALECTS = ", ".join(get_args(get_type_hints(RateLimit)["dialect"]))
_KEYS = f"""\
a scenario (--scenario FILE) is TOML; every key may be left out, but a fault's kind:
  seed, time_to_first_token, tokens_per_second, spread, models, keys, protected
  [capacity]    slots, queue, knee, beyond (hard, soft, thrash), at_once
  [[capacity.changes]]  at (seconds after the first request), factor
  [rate_limit]  requests_per_minute, tokens_per_minute, requests_per_day, tokens_per_day, burst,
                dialect ({_DIALECTS}), retry_after, in_body
  [price]       input, output, cached_input in US dollars a million tokens
  [[faults]]    kind, match, times, probability, retry_after, status, after, until, factor, with one of the kinds
{textwrap.indent(textwrap.fill(_KINDS, 62), " " * 16)}

example:
{textwrap.indent(EXAMPLE, "  ")}"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags, and what a scenario says to its help."""
    parser.epilog = _KEYS
    parser.add_argument("--port", type=port_or_any, default=8080, help="0 for any that is free (default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="an address of loopback (default: %(default)s)")
    add_scenario(parser)
    parser.add_argument("--seed", type=seed, metavar="N", help="the seed, in place of the scenario's")


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal ends it; gives the exit code."""
    scenario = _scenario(arguments)
    return run_command(lambda: _serve(scenario, arguments.host, arguments.port), stopping="")


def _scenario(arguments: argparse.Namespace) -> Scenario:
    scenario = read_scenario(arguments) or Scenario()
    return scenario if arguments.seed is None else replace(scenario, seed=arguments.seed)


async def _serve(scenario: Scenario, host: str, port: int) -> int:
    try:
        async with serve(scenario, host=host, port=port) as server:
            say(
                f"simulated provider at {server.url}; point clients at it with GROQ_BASE_URL={server.url} "
                f"or OPENAI_BASE_URL={server.url}/v1, and any key; Ctrl-C ends it"
            )
            until_cancelled: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            return await until_cancelled
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(f"cannot listen on {host} port {port}: {reason}; choose another --port") from error
