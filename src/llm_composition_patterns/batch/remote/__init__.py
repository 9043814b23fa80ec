"""Workers in other processes, and on other machines: how a dispatcher sends them items and shares what is scarce.

A worker connects to its dispatcher and proves itself by a token that only this run knows. Everything between them is
JSON over that one connection: items and their results, permits, reservations, records, spans. The connection is the
life of both: a dispatcher that hears its end has lost the worker, and takes back what it held; a worker that does
cancels what it runs.
"""

from ._hub import Hub, Setup
from ._places import input_type, place_of, write_type
from ._worker import work

__all__ = ["Hub", "Setup", "input_type", "place_of", "work", "write_type"]
