"""How many requests the server had so far."""

from __future__ import annotations

import urllib.request


def requests_of(base_url: str) -> int:
    """Ask the server itself."""
    with urllib.request.urlopen(f"{base_url}/requests") as answered:  # noqa: S310 - of this machine
        return int(answered.read())
