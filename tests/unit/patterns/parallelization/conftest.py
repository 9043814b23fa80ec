"""What tests of the fan-out share: the clock, who still runs, and the spans that were written."""

import asyncio

import pytest
from span_recorder import Recorder


@pytest.fixture
def now():
    """The loop's clock."""
    return lambda: asyncio.get_running_loop().time()


@pytest.fixture
def still_running():
    """The tasks that run beside the test's own."""
    return lambda: asyncio.all_tasks() - {asyncio.current_task()}


@pytest.fixture
def recorder():
    """Spans are written, and kept here."""
    return Recorder()


@pytest.fixture
def masking_recorder():
    """Spans are written with inputs and outputs hidden, and kept here."""
    return Recorder(hide_inputs=True, hide_outputs=True)
