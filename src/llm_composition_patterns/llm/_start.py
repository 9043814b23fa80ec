"""How many calls may be in flight to begin with, by the kind of endpoint: pure."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from ..simulation import Scenario
from ._addresses import Address


class Start(NamedTuple):
    """Where the automatic limit begins.

    Attributes:
        calls: Calls in flight.
        local: The endpoint is on this machine, where few calls are enough to have it work all the time.
        most: Calls in flight for which this process may open connections; None where it needs none.
    """

    calls: int
    local: bool = False
    most: int | None = None

    def cap(self, wanted: int | None) -> int | None:
        """The cap on calls in flight where the user wants one of `wanted`, or none."""
        caps = [cap for cap in (wanted, self.most) if cap is not None]
        return min(caps, default=None)


_MANY: Final = 4096
_FEW: Final = 32
_OTHER_FILES: Final = 128

LOCAL: Final = Start(2, local=True)
UNKNOWN: Final = Start(16)
CLOUD: Final = Start(32)


def start_of(address: Address, scenario: Scenario | None = None) -> Start:
    """Where to begin at an address.

    A loopback address is local; a known provider with a key of its own, at its own address, is a cloud. A simulated
    provider is unknown, unless its scenario has slots, as local servers do.
    """
    if address.base_url is None:
        capacity = None if scenario is None else scenario.capacity
        return LOCAL if capacity is not None and capacity.slots is not None else UNKNOWN
    if _is_loopback(urlsplit(address.base_url).hostname or ""):
        start = LOCAL
    else:
        start = CLOUD if address.own_endpoint and address.provider.key_variable is not None else UNKNOWN
    return start._replace(most=_most_connections())


def _most_connections() -> int:
    """What is left of the files that this process may open: more would fail, and look like a provider that does."""
    import resource  # noqa: PLC0415 - only for real endpoints

    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MANY if allowed in (resource.RLIM_INFINITY, -1) else max(_FEW, min(_MANY, allowed - _OTHER_FILES))


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
