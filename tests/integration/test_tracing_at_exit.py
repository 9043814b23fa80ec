"""What tracing adds to the end of a process: little time, and at most one line."""

import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.alone

PROGRAM = """
import sys, time
from llm_composition_patterns import tracing
if sys.argv[1] != "none":
    tracing.setup_tracing("phoenix", endpoint=sys.argv[1])
for index in range(int(sys.argv[2])):
    with tracing.span(str(index), input="in"):
        pass
time.sleep(float(sys.argv[3]))
print(time.time())
"""


def seconds_to_exit(
    environ: dict[str, str], endpoint: str, spans: int, lasting: float = 0.0
) -> tuple[float, list[str]]:
    """How long a process takes to end after its last statement, and its lines on stderr."""
    command = [sys.executable, "-c", PROGRAM, endpoint, str(spans), str(lasting)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=50)
    return time.time() - float(done.stdout), done.stderr.splitlines()


@pytest.mark.parametrize("lasting", [0.0, 1.0])
def test_without_a_collector_the_end_comes_within_a_second(clean_environ, nobody, lasting):
    """Nobody listens: one line, at most a second, whether there was time to notice or not."""
    usual, _ = seconds_to_exit(clean_environ, "none", 0)
    taken, lines = seconds_to_exit(clean_environ, nobody, 2_000, lasting)
    assert taken - usual <= 1.0
    (line,) = lines
    lost = f"tracing: 2,000 of 2,000 spans were lost on their way to {nobody}/v1/traces: "
    assert line.startswith(f"{lost}nothing answers there (")


def test_a_black_hole_holds_nothing_up(clean_environ, black_hole):
    """A server that takes the connection and never answers: one line, at most a second."""
    usual, _ = seconds_to_exit(clean_environ, "none", 0)
    taken, lines = seconds_to_exit(clean_environ, black_hole, 2_000)
    assert taken - usual <= 1.0
    lost = f"tracing: 2,000 of 2,000 spans were lost on their way to {black_hole}/v1/traces: "
    assert lines == [f"{lost}the time to send them was over"]


def test_a_process_hands_over_what_it_has_when_it_ends(clean_environ, receiver):
    """Nobody has to call shutdown: the spans of a short program arrive, and one line says where."""
    _, lines = seconds_to_exit(clean_environ, receiver.url, 700)
    assert len(receiver.spans) == 700
    assert lines == [f"tracing: spans go to {receiver.url}/v1/traces (project llm-composition-patterns)"]


def test_a_slow_collector_is_waited_for_with_one_line(clean_environ, receiver):
    """Where spans are taken, only slowly, the process waits and says so."""
    receiver.delay = 0.3
    taken, lines = seconds_to_exit(clean_environ, receiver.url, 5_000)
    assert len(receiver.spans) == 5_000
    assert 1.0 < taken < 20.0
    assert lines[1].startswith("tracing: sending ")
    assert lines[1].endswith("for 30 s at most")
    assert len(lines) == 2


KILLED = """
import os, sys
from llm_composition_patterns import tracing
made = tracing.setup_tracing("file:" + sys.argv[1])
for part in range(3):
    with tracing.span(str(part)):
        pass
    assert made.flush()
os.kill(os.getpid(), 9)
"""


def test_a_killed_process_leaves_whole_lines(clean_environ, tmp_path):
    """What was flushed to a file before a kill is there, a whole request a line."""
    path = tmp_path / "spans.jsonl"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], env=clean_environ, check=False, timeout=50)
    assert done.returncode == -9
    assert len(path.read_text().splitlines()) == 3
    assert path.read_bytes().endswith(b"}\n")
