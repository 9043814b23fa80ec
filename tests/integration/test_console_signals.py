"""Commands as processes: real signals, real pipes, real exits."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.alone

SRC = Path(__file__).parents[2] / "src"
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to be had")

COMMAND = """
import asyncio, os, signal, sys, threading, time
from llm_composition_patterns.console import leave, run_command, terminal, write_atomically
from llm_composition_patterns.errors import ConfigurationError

class Spans:
    def shutdown(self, timeout):
        print(f"spans within {timeout:g} s", file=sys.stderr)

def ready():
    print("ready", flush=True)
"""


@pytest.fixture
def start(tmp_path):
    """Start a command whose coroutine is the body of `main`; it says `ready` when it is."""
    processes = []

    def started(body, **settings):
        script = COMMAND + textwrap.dedent(body) + "\nleave(run_command(main, tracing=Spans()))\n"
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SRC), "PYTHONUNBUFFERED": ""}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
        line = [sys.executable, "-c", script]
        process = subprocess.Popen(line, cwd=tmp_path, env=environ, text=True, **pipes)  # our own
        processes.append(process)
        return process

    yield started
    for process in processes:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def ends(process, *, within=5.0):
    """Wait for the end; give the exit code, what was said on stderr, and how long it took."""
    before = time.monotonic()
    _, err = process.communicate(timeout=within)
    return process.returncode, err, time.monotonic() - before


WRITES_WHAT_IS_FINISHED = """
async def main():
    finished = ["one"]
    try:
        ready()
        await asyncio.Event().wait()
    finally:
        await asyncio.to_thread(write_atomically, "out.json", str(finished))
    return 0
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_first_signal_lets_the_command_write_what_is_finished(start, tmp_path, number, code):
    """Within two seconds, spans included, without a traceback, and with the signal's own code."""
    process = start(WRITES_WHAT_IS_FINISHED)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    returned, err, took = ends(process)
    assert (returned, took < 2) == (code, True)
    assert (tmp_path / "out.json").read_text() == "['one']"
    assert err.splitlines() == ["stopping: what is finished is kept (once more to end at once)", "spans within 1 s"]


def test_a_shell_s_background_command_can_be_stopped(start, tmp_path):
    """Shells start such commands with SIGINT ignored; who sends one all the same means it."""
    process = start(WRITES_WHAT_IS_FINISHED, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert ends(process)[0] == 130
    assert (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    "stubborn",
    [
        "await asyncio.Event().wait()",  # cleaning up for ever
        "time.sleep(60)",  # the loop does not turn
    ],
)
def test_the_second_signal_ends_at_once(start, stubborn):
    """Whatever the command is doing."""
    process = start(f"""
async def main():
    try:
        ready()
        await asyncio.Event().wait()
    finally:
        ready()
        {stubborn}
""")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    returned, err, took = ends(process)
    assert (returned, took < 1) == (130, True)
    assert "Traceback" not in err


def test_a_signal_reaches_a_loop_that_sleeps_long(start):
    """It wakes the loop up."""
    process = start("""
async def main():
    ready()
    await asyncio.sleep(60)
""")
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert ends(process)[0] == 143


def test_a_thread_at_work_does_not_keep_the_process(start):
    """A call in a thread cannot be stopped, so it is left behind."""
    process = start("""
async def main():
    await asyncio.to_thread(lambda: (ready(), time.sleep(60)))
""")
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    returned, _, took = ends(process)
    assert (returned, took < 2) == (130, True)


def test_a_signal_while_spans_are_handed_over_ends_the_wait(start):
    """The command has ended by then, and there is no traceback."""
    process = start("""
class Spans:
    def shutdown(self, timeout):
        ready()
        time.sleep(60)

async def main():
    return 0
""")
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    returned, err, took = ends(process)
    assert (returned, err, took < 1) == (130, "", True)


def test_a_signal_does_not_cut_off_what_is_being_shown(start):
    """The first one; what is finished is printed to its end."""
    process = start("""
async def main():
    return 0

def show(code):
    ready()
    time.sleep(0.3)
    print("the rest")
    return code

leave(run_command(main, show=show))
""")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=5)
    assert (process.returncode, out, err) == (130, "the rest\n", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_threads_are_waited_for_ends_at_once(start, number, code):
    """Between the command's end and that of the process, without a traceback."""
    process = start("""
import llm_composition_patterns.console._run as runner

runner.THREADS_MAY_TAKE = 60
runner._threads_at_work = lambda: [thread for thread in threading.enumerate() if thread.name == "late"]

async def main():
    threading.Thread(target=lambda: (time.sleep(0.2), ready(), time.sleep(60)), name="late").start()
    return 0
""")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    returned, err, took = ends(process)
    assert (returned, err, took < 1) == (code, "spans within 30 s\n", True)


@FULL
@pytest.mark.parametrize("name", ["", ".patterns.parallelization.example"])
def test_help_that_cannot_be_written_is_one_line(name):
    """As any other output."""
    with open("/dev/full", "w") as full:  # noqa: PTH123
        line = [sys.executable, "-m", f"llm_composition_patterns{name}", "--help"]
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SRC)}
        done = subprocess.run(
            line, env=environ, stdout=full, stderr=subprocess.PIPE, text=True, timeout=30, check=False
        )
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")


def test_a_reader_that_leaves_ends_the_command_quietly(start):
    """As in `| head`, with plain printing."""
    process = start("""
async def main():
    ready()
    while True:
        print("x" * 10_000)
""")
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(5) == 141
    assert process.stderr.read() == "spans within 30 s\n"


def test_a_reader_that_leaves_ends_rich_output_quietly(start):
    """And with rich."""
    process = start("""
async def main():
    ready()
    while True:
        terminal(stderr=False).print("x" * 10_000)
""")
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(5) == 141
    assert process.stderr.read() == "spans within 30 s\n"


def test_output_that_nobody_reads_at_the_very_end_is_quiet_too(start):
    """What is still in the buffer when the command ends."""
    process = start(
        """
async def main():
    ready()
    sys.stdin.readline()
    print("late")
    return 0
""",
        stdin=subprocess.PIPE,
    )
    process.stdout.readline()
    process.stdout.close()
    process.stdin.write("\n")
    process.stdin.close()
    assert process.wait(5) == 141
    assert process.stderr.read() == "spans within 30 s\n"


@FULL
def test_a_full_disk_is_one_line(start):
    """Also when it is only found at the end."""
    with open("/dev/full", "w") as full:  # noqa: PTH123
        process = start(
            """
async def main():
    print("result")
    return 0
""",
            stdout=full,
        )
        returned, err, _ = ends(process)
    assert returned == 1
    assert err.splitlines()[0] == "error: No space left on device"
    assert "Traceback" not in err


@FULL
@pytest.mark.parametrize(("argv", "code"), [(["--product", "5"], 0), (["--nonsense"], 2)])
def test_remarks_that_cannot_be_written_cost_nothing(tmp_path, argv, code):
    """A full stderr is as good as a closed one: the result is there, and the code is the command's own."""
    module = "llm_composition_patterns.patterns.parallelization.example"
    line = [sys.executable, "-m", module, "--model", "simulated:", "--trace", "off", "--json", *argv]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SRC)}
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            line, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=full, text=True, timeout=30, check=False
        )
    assert done.returncode == code
    assert bool(done.stdout) is (code == 0)


def test_a_bug_shows_its_traceback(start):
    """And hands its spans over first."""
    process = start("""
async def main():
    return 1 / 0
""")
    returned, err, _ = ends(process)
    assert returned == 1
    assert err.startswith("spans within 30 s\nTraceback")
    assert err.endswith("ZeroDivisionError: division by zero\n")


def test_the_tools_say_what_there_is_in_no_time(tmp_path):
    """Help needs neither an SDK nor rich: 0.6 s of CPU at most."""
    line = [sys.executable, "-m", "llm_composition_patterns", "--help"]
    before = os.times()
    run = subprocess.run(  # our own
        line, cwd=tmp_path, env={"PYTHONPATH": str(SRC)}, capture_output=True, text=True, timeout=30, check=True
    )
    after = os.times()
    assert "doctor " in run.stdout
    assert run.stdout.startswith("usage: python -m llm_composition_patterns COMMAND")
    assert after.children_user + after.children_system - before.children_user - before.children_system <= 0.6
