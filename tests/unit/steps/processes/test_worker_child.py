"""What runs in a worker process, run in this one."""

import os
import pickle
import sys
import threading
from collections.abc import Iterator
from io import BytesIO

import pytest
from opentelemetry import trace

from llm_composition_patterns.steps.processes import _child, _child_spans
from llm_composition_patterns.steps.processes._child import (
    ANSWERED,
    CALL,
    COMPLAINED,
    FAILED,
    HEADER,
    READY,
    TICKET,
    Server,
)
from llm_composition_patterns.steps.processes._wire import Messages, error_of
from llm_composition_patterns.tracing import span


@pytest.fixture
def tickets() -> Iterator[tuple[int, int]]:
    """The pipe of tickets: where they are taken from and put into."""
    taken_from, given_to = os.pipe()
    os.set_blocking(taken_from, False)
    yield taken_from, given_to
    os.close(taken_from)
    os.close(given_to)


def loaded(body):
    return pickle.loads(body)  # noqa: S301 - pickled by this process


def message(kind, number, value) -> bytes:
    body = pickle.dumps(value)
    return HEADER.pack(kind, number, len(body)) + body


def setup(function, resource=None, **others) -> dict:
    given = {
        "path": sys.path[:],
        "arguments": sys.argv[:],
        "main": {"init_main_from_name": "m"},
        "by_value": False,
    }
    package = _child.__name__.rpartition(".")[0]
    return {**given, "package": package, "function": pickle.dumps((function, resource)), **others}


def call(number, *args, trace=None, **kwargs) -> bytes:
    return message(CALL, number, (trace, args, kwargs))


def of_main() -> None:
    """What a script defines."""


@pytest.fixture
def main(monkeypatch) -> Iterator[list[dict]]:
    """A main module that is imported on demand, and when it was."""
    imported = []
    monkeypatch.setattr("multiprocessing.spawn.prepare", imported.append)
    monkeypatch.setattr(of_main, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "of_main", of_main, raising=False)
    return imported


def served(tickets, setup, *calls, given=None) -> list[tuple[int, int, bytes]]:
    """What a worker says to calls, of which those have tickets that are given."""
    for number in range(len(calls)) if given is None else given:
        os.write(tickets[1], TICKET.pack(number))
    outgoing = BytesIO()
    Server(BytesIO(message(0, 0, setup) + b"".join(calls)), outgoing, tickets[0]).serve()
    return list(Messages().cut(outgoing.getvalue()))


def test_a_worker_answers_each_call(tickets):
    """It says first that it is ready."""
    (ready, *answers) = served(tickets, setup(pow), call(0, 2, 3), call(1, 2, exp=4))
    assert ready[:2] == (READY, 0)
    assert [(kind, number, loaded(body)) for kind, number, body in answers] == [
        (ANSWERED, 0, (8, [])),
        (ANSWERED, 1, (16, [])),
    ]


@pytest.mark.parametrize("given", [[], [1], [0, 2], [2], [0, 1, 2]])
def test_a_worker_begins_only_the_calls_whose_tickets_are_there(tickets, given):
    """The others were taken back."""
    _, *answers = served(tickets, setup(abs), call(0, 5), call(1, 5), call(2, 5), given=given)
    assert [number for _, number, _ in answers] == given


def test_a_worker_skips_a_call_that_was_taken_back_and_given_again(tickets):
    """It has two copies then, and begins one."""
    _, *answers = served(tickets, setup(abs), call(0, 5), call(1, 5), call(1, 5), given=[1])
    assert [number for _, number, _ in answers] == [1]


def test_a_worker_tells_what_a_call_raised(tickets):
    """And goes on."""
    _, failed, answered = served(tickets, setup(divmod), call(0, 1, 0), call(1, 7, 2))
    assert failed[0] == FAILED
    error, _ = error_of(failed[2], "there")
    assert type(error) is ZeroDivisionError
    assert loaded(answered[2]) == ((3, 1), [])


def test_a_worker_that_cannot_load_its_function_tells_each_call(tickets):
    """With the reason."""
    broken = setup(abs) | {"function": b"no pickle"}
    _, *answers = served(tickets, broken, call(0, 1), call(1, 1))
    errors = [str(error_of(body, "there")[0]) for _, _, body in answers]
    assert len(errors) == 2
    assert {error.partition(": ")[0] for error in errors} == {"the worker process could not import what it needs"}


def kind_of(value, *_):
    return type(value).__name__


def test_a_worker_imports_the_main_module_once_when_a_call_needs_it(tickets, main):
    """That is when its pickle refers to what is defined there; a text that names it is data."""
    text = 'if __name__ == "__main__": main()'
    *_, answer = served(tickets, setup(kind_of), call(0, text))
    assert (loaded(answer[2])[0], main) == ("str", [])
    _, *answers = served(tickets, setup(kind_of), call(0, text), call(1, of_main), call(2, [of_main], text))
    assert [loaded(body)[0] for _, _, body in answers] == ["str", "function", "list"]
    assert main == [{"init_main_from_name": "m"}]


@pytest.mark.parametrize("raised", [SystemExit("put it under a guard"), ImportError("no module")])
def test_a_worker_says_each_time_that_the_main_module_cannot_be_imported(tickets, main, monkeypatch, raised):
    """It tries once, and only calls that need it fail."""

    def prepare(where):
        main.append(where)
        raise raised

    monkeypatch.setattr("multiprocessing.spawn.prepare", prepare)
    calls = call(0, 1), call(1, of_main), call(2, of_main)
    _, first, *others = served(tickets, setup(kind_of), *calls)
    assert loaded(first[2]) == ("int", [])
    assert [str(raised) in str(error_of(body, "there")[0]) for _, _, body in others] == [True, True]
    assert len(main) == 1


def test_a_worker_imports_the_main_module_first_when_its_function_needs_it(tickets, main):
    """Before it is ready."""
    assert [kind for kind, _, _ in served(tickets, setup(of_main))] == [READY]
    assert len(main) == 1


class Stuck:
    """A resource that cannot be closed."""

    def close(self):
        raise OSError("it sticks")


class Cut:
    """A resource whose connection breaks."""

    def close(self):
        raise ConnectionResetError("it was cut")


def second(_, number):
    return number


def test_a_worker_complains_of_a_resource_that_it_cannot_close(tickets):
    """In its last message, also if the resource has lost a connection of its own."""
    for resource, told in ((Stuck, b"OSError: it sticks\n"), (Cut, b"ConnectionResetError: it was cut\n")):
        *_, complaint = served(tickets, setup(second, resource), call(0, 5))
        assert complaint[0] == COMPLAINED
        assert bytes(complaint[2]).startswith(b"close its resource:\nTraceback")
        assert bytes(complaint[2]).endswith(told)


def test_a_worker_that_cannot_go_on_says_why(tickets):
    """Not that its resource could not be closed."""
    *_, complaint = served(tickets, "no setup")
    assert complaint[0] == COMPLAINED
    assert bytes(complaint[2]).startswith(b"go on:\n")
    assert b"TypeError: string indices" in complaint[2]


class Deaf(BytesIO):
    """The other side is gone."""

    def flush(self):
        raise BrokenPipeError


def test_a_worker_ends_quietly_when_nobody_listens(tickets):
    """So it does when the stream ends in the middle of a message."""
    Server(BytesIO(message(0, 0, setup(abs))), Deaf(), tickets[0]).serve()
    whole = message(0, 0, setup(abs))
    for cut in (0, 5, len(whole) - 1):
        outgoing = BytesIO()
        Server(BytesIO(whole[:cut]), outgoing, tickets[0]).serve()
        assert outgoing.getvalue() == b""


def traced(number):
    with span("inside"), trace.get_tracer("own").start_as_current_span("deeper"):
        return number


def test_a_worker_continues_a_trace_and_sends_its_spans(tickets):
    """Those of this package and of the application, under the caller's; masking may change from call to call."""
    carrier = {"traceparent": f"00-{7:032x}-{5:016x}-01"}
    calls = [call(number, 5, trace=(carrier, {"hide_inputs": hidden})) for number, hidden in enumerate((True, False))]
    _, *answers = served(tickets, setup(traced), *calls)
    for _, _, body in answers:
        value, spans = loaded(body)
        inside, deeper = map(_child_spans.EndedSpan._make, spans)
        assert value == 5
        assert (inside.name, inside.parent) == ("inside", (7, 5))
        assert (deeper.name, deeper.parent) == ("deeper", inside.ids)


def unsendable(_):
    with span("inside"):
        return threading.Lock()


def test_the_spans_of_a_call_are_sent_though_its_result_cannot_be(tickets):
    """With the error, and only once."""
    carrier = {"traceparent": f"00-{7:032x}-{5:016x}-01"}
    calls = [call(number, None, trace=(carrier, {})) for number in range(2)]
    _, *answers = served(tickets, setup(unsendable), *calls)
    for kind, _, body in answers:
        error, spans = error_of(body, "there")
        assert (kind, type(error)) == (FAILED, TypeError)
        assert [_child_spans.EndedSpan._make(given).name for given in spans] == ["inside"]


def test_what_a_notebook_defines_goes_along(main, monkeypatch):
    """With cloudpickle, and only where it is needed: not for a text that names its module."""
    pytest.importorskip("cloudpickle")
    assert loaded(b"".join(_child.packed(lambda: 5, by_value=True)))() == 5
    assert b"cloudpickle" not in b"".join(_child.packed([1], by_value=True))
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    assert loaded(b"".join(_child.packed("__main__", by_value=True))) == "__main__"
    for defined_there in (lambda: 5, of_main, [of_main]):
        with pytest.raises(pickle.PicklingError, match="pip install cloudpickle"):
            _child.packed(defined_there, by_value=True)
