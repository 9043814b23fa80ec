"""Programs that use worker processes: scripts, modules, notebooks, and how they end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import computed
import pytest

COMPUTE = """
import asyncio, os, subprocess, sys
from dataclasses import dataclass
from llm_composition_patterns import in_processes, parallelize

@dataclass
class Number:
    value: int

def double(number):
    return Number(2 * number.value), os.getpid()

def start(path, way):
    sleeper = subprocess.Popen(["sleep", "60"])
    with open(path, "w") as file:
        file.write(f"{os.getpid()} {sleeper.pid}\\n")
    while way == "computes":
        pass

async def main():
    async with in_processes(double, workers=2) as step:
        answers = await parallelize(step, [Number(n) for n in range(4)], on_error=sys.argv[1])
    assert [type(answer) for answer, _ in answers] == [Number] * 4
    print(*(answer.value for answer, _ in answers), os.getpid() in [pid for _, pid in answers])
"""
GUARDED = COMPUTE + 'if __name__ == "__main__":\n    asyncio.run(main())\n'
UNGUARDED = COMPUTE + 'asyncio.run(main())\nprint("went on")\n'
HANGING = (
    COMPUTE
    + """
async def hanging():
    async with in_processes(start, workers=1) as step:
        await step(*sys.argv[1:])
        await asyncio.sleep(60)

if __name__ == "__main__":
    asyncio.run(hanging())
"""
)


@pytest.fixture
def python(clean_environ: dict[str, str], tmp_path: Path):
    """Runs Python there, and gives what came of it."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            env=clean_environ,
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run


def works(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether a program computed in other processes, and said nothing else."""
    return (done.stdout, done.stderr, done.returncode) == ("0 2 4 6 False\n", "", 0)


def test_a_script_with_a_guard_computes_in_processes(python, tmp_path):
    """Its own functions and classes are known to the workers."""
    (tmp_path / "script.py").write_text(GUARDED)
    done = python("script.py", "raise")
    assert works(done), done


def test_a_module_that_is_run_computes_in_processes(python, tmp_path):
    """`python -m package.module` too."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "module.py").write_text(GUARDED)
    done = python("-m", "package.module", "raise")
    assert works(done), done


def test_a_checkout_computes_in_processes(python, tmp_path):
    """The package may have another name: that under which a checkout imports it."""
    (tmp_path / "src").symlink_to(Path(__file__).parents[2] / "src")
    (tmp_path / "script.py").write_text(GUARDED.replace("from llm_comp", "from src.llm_comp"))
    done = python("script.py", "raise")
    assert works(done), done


@pytest.mark.parametrize("way", ["-c", "-"])
def test_what_has_no_file_computes_in_processes(python, way):
    """A notebook, the command line: functions and classes go along themselves, without a guard."""
    pytest.importorskip("cloudpickle")
    program = COMPUTE + "asyncio.run(main())\n"
    done = python("-c", program, "raise") if way == "-c" else python("-", "raise", stdin=program)
    assert works(done), done


def test_what_has_no_file_needs_cloudpickle(python):
    """One line says how to mend it."""
    done = python("-c", "import sys; sys.modules['cloudpickle'] = None\n" + COMPUTE + "asyncio.run(main())\n", "raise")
    assert done.stderr.splitlines()[-1] == (
        "TypeError: double cannot be sent to a worker process: what is defined in a notebook or on the command line "
        "cannot be imported by another process: put it into a module, or `pip install cloudpickle`. Define it, and "
        "what builds its resource, with `def` at the top level of a module"
    )


def test_a_text_that_names_the_main_module_is_data(python, tmp_path):
    """A script needs no guard for it, and the command line no cloudpickle."""
    program = """
import asyncio, os, sys
from llm_composition_patterns import in_processes
sys.modules["cloudpickle"] = None
print("began")
async def main():
    async with in_processes(os.path.basename, workers=1) as step:
        print(await step("package/__main__.py"))
asyncio.run(main())
"""
    (tmp_path / "script.py").write_text(program)
    for done in (python("script.py"), python("-c", program)):
        assert (done.stdout, done.stderr) == ("began\n__main__.py\n", "")


@pytest.mark.parametrize("on_error", ["raise", "collect"])
def test_a_script_without_a_guard_is_told_so(python, tmp_path, on_error):
    """No worker starts workers, and none runs the rest of the script."""
    (tmp_path / "script.py").write_text(UNGUARDED.replace("    assert [type", "    print(answers)\n    assert [type"))
    done = python("script.py", on_error)
    told = done.stderr if on_error == "raise" else done.stdout
    assert 'put what it runs under `if __name__ == "__main__":`' in told
    assert "went on" not in done.stdout
    assert done.stdout.count("\n") == (on_error == "collect")
    assert done.returncode == 1


def test_the_interrupt_of_a_terminal_ends_a_program_quietly(clean_environ, tmp_path):
    """Ctrl-C reaches its whole group; the program ends the worker, and nothing but its own traceback is shown."""
    with started(clean_environ, tmp_path, start_new_session=True) as program:
        worker, sleeper = map(int, computed.written(tmp_path / "note").split())
        os.killpg(program.pid, signal.SIGINT)
        _, shown = program.communicate(timeout=20)
    assert shown.count("Traceback") <= 2  # asyncio shows the cancellation that KeyboardInterrupt came from
    assert shown.splitlines()[-1] == "KeyboardInterrupt"
    assert "_child.py" not in shown
    assert not computed.alive(worker)
    computed.gone(sleeper)


@pytest.mark.parametrize("way", ["computes", "idles"])
def test_workers_end_with_a_program_that_is_killed(clean_environ, tmp_path, way):
    """Also one that computes and never looks up, and what it has started."""
    with started(clean_environ, tmp_path, way) as program:
        worker, sleeper = map(int, computed.written(tmp_path / "note").split())
        program.kill()
        program.communicate(timeout=20)
        computed.gone(worker)
        computed.gone(sleeper)


def started(environ, directory, way="computes", **options):
    """A program whose worker has started a process, written both numbers down, and computes for ever or idles."""
    (directory / "script.py").write_text(HANGING)
    return subprocess.Popen(
        [sys.executable, "script.py", str(directory / "note"), way],
        env=environ,
        cwd=directory,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_workers_of_a_loop_that_is_never_closed_end_with_the_program(python, tmp_path):
    """The program does not hang, and nobody complains."""
    (tmp_path / "script.py").write_text(
        COMPUTE
        + """
if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    answer, pid = loop.run_until_complete(in_processes(double, workers=1)(Number(3)))
    print(answer.value, pid)
"""
    )
    done = python("-W", "default", "script.py")  # the loop and the socket are left open, as they would be told
    value, worker = done.stdout.split()
    assert (value, done.returncode) == ("6", 0)
    assert "Traceback" not in done.stderr
    computed.gone(int(worker))
