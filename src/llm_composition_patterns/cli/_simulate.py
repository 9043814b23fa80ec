"""`llm-patterns simulate`: serve the simulated provider."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import replace
from pathlib import Path

from ..console import run_command, say, seed
from ..errors import ConfigurationError
from ..simulation import Scenario, serve

_MOST_PORT = 65535


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("--port", type=_port, default=8080, help="0 for any that is free (default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="an address of loopback (default: %(default)s)")
    parser.add_argument("--scenario", type=Path, metavar="FILE", help="latency, limits, faults and prices as TOML")
    parser.add_argument("--seed", type=seed, metavar="N", help="the seed, in place of the scenario's")


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal ends it; gives the exit code."""
    scenario = _scenario(arguments)
    return run_command(lambda: _serve(scenario, arguments.host, arguments.port), stopping="")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 0 to {_MOST_PORT}")
    return int(text)


def _scenario(arguments: argparse.Namespace) -> Scenario:
    scenario = Scenario() if arguments.scenario is None else Scenario.from_toml(arguments.scenario)
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
