"""What the server is willing to listen on."""

import pytest

from llm_composition_patterns.simulation import serve
from llm_composition_patterns.simulation._server import loopback_address


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("::1", "::1"), ("127.8.8.8", "127.8.8.8")],
)
def test_addresses_of_loopback_are_taken(host, address):
    """Loopback in any writing is fine."""
    assert loopback_address(host) == address


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.com", ""])  # noqa: S104 - refused
async def test_other_hosts_are_refused(host):
    """What others could reach is refused before anything is opened."""
    with pytest.raises(ValueError, match=r"loopback.*use 127\.0\.0\.1"):
        async with serve(host=host):
            pass
