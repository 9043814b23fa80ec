"""A provider that needs no key, no network and no model, for tests and rehearsals.

One behavior, in process (`SimulatedProvider`) and as a server (`serve`). It is honest: every answer says that it is
simulated, and it is no translator.
"""

from ._capacity import Capacity, Change
from ._price import Price
from ._provider import ConnectionDropped, Reply, SimulatedProvider, Statistics
from ._request import count_tokens
from ._scenario import AnswerRule, Fault, RateLimit, Scenario
from ._server import SimulatedServer, serve
from ._wire import DEFAULT_MODEL as SIMULATED_MODEL
from ._wire import PREFIX as SIMULATED_PREFIX

__all__ = [
    "SIMULATED_MODEL",
    "SIMULATED_PREFIX",
    "AnswerRule",
    "Capacity",
    "Change",
    "ConnectionDropped",
    "Fault",
    "Price",
    "RateLimit",
    "Reply",
    "Scenario",
    "SimulatedProvider",
    "SimulatedServer",
    "Statistics",
    "count_tokens",
    "serve",
]
