"""Unit tests run in virtual time and open no sockets."""

from collections.abc import Callable

import pytest

from llm_composition_patterns.virtual_time import VirtualTimeLoop


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable[[], VirtualTimeLoop]]:
    """Every async test below gets a loop whose clock jumps."""
    return {"virtual": VirtualTimeLoop}
