"""`llm-patterns simulate`: serve the simulated provider."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigurationError
from ..simulation import Scenario, serve

NAME = "simulate"
HELP = "serve a simulated provider that the OpenAI and Groq clients can use"

_MISTAKE = 2
_SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}
_MOST_PORT = 65535


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("--port", type=_port, default=8080, help="0 for any that is free (default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="an address of loopback (default: %(default)s)")
    parser.add_argument("--scenario", type=Path, metavar="FILE", help="latency, limits, faults and prices as TOML")
    parser.add_argument("--seed", type=int, help="the seed, in place of the scenario's")


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal ends it; gives the exit code."""
    try:
        return asyncio.run(_serve(_scenario(arguments), arguments.host, arguments.port))
    except (ConfigurationError, ValueError) as error:
        return _mistake(str(error))
    except OSError as error:
        reason = error.strerror or str(error)
        return _mistake(f"cannot listen on {arguments.host} port {arguments.port}: {reason}; choose another --port")


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= _MOST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {_MOST_PORT}, not {text}")
    return port


def _scenario(arguments: argparse.Namespace) -> Scenario:
    scenario = Scenario() if arguments.scenario is None else Scenario.from_toml(arguments.scenario)
    return scenario if arguments.seed is None else replace(scenario, seed=arguments.seed)


async def _serve(scenario: Scenario, host: str, port: int) -> int:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()
    for number, code in _SIGNALS.items():
        loop.add_signal_handler(number, _end, ended, code)
    async with serve(scenario, host=host, port=port) as server:
        print(
            f"simulated provider at {server.url}; point clients at it with GROQ_BASE_URL={server.url} "
            f"or OPENAI_BASE_URL={server.url}/v1, and any key; Ctrl-C ends it",
            file=sys.stderr,
            flush=True,
        )
        return await ended


def _end(ended: asyncio.Future[int], code: int) -> None:
    if not ended.done():
        ended.set_result(code)


def _mistake(message: str) -> int:
    print(f"llm-patterns {NAME}: {' '.join(message.split())}", file=sys.stderr)
    return _MISTAKE
