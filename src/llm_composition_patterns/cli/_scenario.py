"""The flag that names a scenario of the simulated provider: a file, or one of those that are ready."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..simulation import Scenario

_GALLERIES = [Path(__file__).resolve().parents[up] / "data" / "scenarios" for up in (1, 3)]
"""Where ready scenarios lie: in the installed package, or in a checkout."""


def add_scenario(parser: argparse._ActionsContainer) -> None:
    """Add the flag."""
    ready = sorted(path.stem for gallery in _GALLERIES for path in gallery.glob("*.toml"))
    parser.add_argument(
        "--scenario",
        type=Path,
        metavar="FILE",
        help="latency, capacity, limits, faults, prices as TOML; or the name of a ready one: " + ", ".join(ready),
    )


def read_scenario(arguments: argparse.Namespace) -> Scenario | None:
    """The scenario that is named; None where none is.

    Raises:
        ConfigurationError: It cannot be read.
    """
    given: Path | None = arguments.scenario
    if given is None:
        return None
    ready = (gallery / f"{given}.toml" for gallery in _GALLERIES)
    return Scenario.from_toml(given if given.exists() else next(filter(Path.is_file, ready), given))
