"""The command `simulate`, as a process."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"


def start(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-m", "llm_composition_patterns", "simulate", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_serves_until_a_signal(number, code):
    """One line tells the address and how to use it; a signal ends it with its code, without a traceback."""
    with start("--port", "0") as process:
        line = process.stderr.readline()
        url = re.search(r"GROQ_BASE_URL=(\S+)", line)[1]
        assert f"OPENAI_BASE_URL={url}/v1" in line
        with urllib.request.urlopen(f"{url}/v1/models", timeout=10) as response:  # noqa: S310 - loopback
            assert b"simulated/translator-small" in response.read()
        process.send_signal(number)
        assert process.wait(10) == code
        assert process.stderr.read() == process.stdout.read() == ""


def test_a_port_in_use_is_one_line():
    """A taken port is exit 2 and one line with the repair."""
    with socket.create_server(("127.0.0.1", 0)) as taken, start("--port", str(taken.getsockname()[1])) as process:
        assert process.wait(20) == 2
        error = process.stderr.read()
    assert "choose another --port" in error
    assert error.count("\n") == 1
