"""What the log tells of an outage: one line when it is certain that it is one, one when it is over.

Without them a program that waits for a provider would look as if it hung.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from ..limits import Ending, Permit
from ._connection import Connection

_log: Final = logging.getLogger("llm_composition_patterns")


def tell_outage(connection: Connection) -> None:
    """A call waits until the provider is back."""
    if connection.notice.tell(asyncio.get_running_loop().time()):
        _log.warning(
            "%s fails call after call: calls wait until it is back, for at most %g s (outage_timeout)",
            connection.address.name,
            connection.outage_timeout,
        )


def end_attempt(connection: Connection, permit: Permit, ending: Ending) -> None:
    """Tell the limiter how an attempt ended, and the log if that ends an outage that was told."""
    if not connection.notice.told:
        permit.end(ending)
        return
    lasted = connection.limiter.statistics().outage_for
    permit.end(ending)
    if not connection.limiter.outage and connection.notice.over() and lasted is not None:
        _log.info("%s is back after %.0f s", connection.address.name, lasted)
