"""What in_processes refuses before any process is started."""

import functools
import operator
import threading

import pytest

from llm_composition_patterns.steps import in_processes


def work(number: int) -> int:
    return number


async def already_async(number: int) -> int:
    return number


def test_an_async_function_is_refused_for_processes():
    """It is a step already."""
    with pytest.raises(TypeError, match="already_async is async already, and a process would only make a coroutine"):
        in_processes(already_async)


def test_a_called_function_is_refused_for_processes():
    """The message shows what to write."""
    with pytest.raises(TypeError, match=r"not coroutine; write in_processes\(check\), not check\(\)"):
        in_processes(already_async(1))
    with pytest.raises(TypeError, match="takes a plain function, not int"):
        in_processes(work(1))


def test_a_function_that_no_other_process_could_import_is_refused():
    """When it is wrapped, not when it is called."""
    with pytest.raises(TypeError, match=r"step cannot be sent to a worker process: .* at the top level of a module"):
        in_processes(lambda number: number)
    with pytest.raises(TypeError, match=r"work cannot be sent .*lock"):
        in_processes(functools.partial(work, threading.Lock()))
    with pytest.raises(TypeError, match=r"work cannot be sent .*lambda"):
        in_processes(work, resource=lambda: 1)


def test_a_resource_for_processes_is_a_factory():
    """An object would be shared in name only."""
    with pytest.raises(TypeError, match="resource must be a function that builds one for each process, not object"):
        in_processes(operator.add, resource=object())


def test_at_least_one_process():
    """Zero would never compute anything, and a part of one is none."""
    with pytest.raises(ValueError, match="workers must be at least 1, not 0"):
        in_processes(work, workers=0)
    with pytest.raises(TypeError, match="workers must be an int"):
        in_processes(work, workers=1.5)


def test_a_step_of_processes_is_called_what_its_function_is():
    """Spans and messages name it so."""
    assert in_processes(work).__name__ == "work"


def test_there_are_as_many_processes_as_cores(monkeypatch):
    """Those that this program may use, where the system says which."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 2, 4}, raising=False)
    assert in_processes(work)._workers == 3
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert in_processes(work)._workers == 1
