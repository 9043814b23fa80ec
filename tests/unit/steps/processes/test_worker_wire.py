"""Messages cut out of a stream, and the pickles inside them."""

import pickle
import sys
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.steps.processes import _wire
from llm_composition_patterns.steps.processes._child import HEADER, TooLarge, packed
from llm_composition_patterns.steps.processes._wire import (
    Messages,
    error_of,
    packed_aside,
    refuse_while_main_is_imported,
    unpacked_aside,
    where_main_is,
)

MESSAGES = st.lists(st.tuples(st.integers(0, 255), st.integers(0, 2**64 - 1), st.binary(max_size=50)))


@given(MESSAGES, st.lists(st.integers(1, 40)))
def test_messages_are_cut_out_wherever_the_stream_was(messages, sizes):
    """However the pieces of a stream fall, the messages in it are the same."""
    stream = b"".join(HEADER.pack(kind, number, len(body)) + body for kind, number, body in messages)
    pieces = []
    for size in sizes:
        pieces.append(stream[:size])
        stream = stream[size:]
    cutter = Messages()
    found = [message for piece in [*pieces, stream] for message in cutter.cut(piece)]
    assert found == messages


@pytest.mark.parametrize("value", [b"x" * 2**21, bytearray(2**21), list(range(2**19)), ["text\n" * 2**19]])
async def test_a_large_value_makes_the_round_in_a_thread(value):
    """It is pickled and read in pieces, and comes out equal."""
    with pytest.raises(TooLarge):
        packed(value, by_value=False, most=_wire.LARGE)
    pieces = await packed_aside(value, by_value=False)
    assert await unpacked_aside(b"".join(pieces)) == value


async def test_a_large_value_of_an_old_protocol_is_read_too():
    """Its class is named on lines of their own."""
    pickled = pickle.dumps([types.SimpleNamespace(text="x" * _wire.LARGE)], protocol=2)
    assert (await unpacked_aside(pickled))[0].text == "x" * _wire.LARGE


def test_large_bytes_are_not_copied():
    """A pickle is kept in pieces, and the value is one of them."""
    value = b"x" * 2**18
    assert any(piece is value for piece in packed((value,), by_value=False))


@pytest.mark.parametrize(
    ("spec", "file", "expected"),
    [
        ("package.module", "/a/module.py", {"init_main_from_name": "package.module"}),
        (None, "/a/script.py", {"init_main_from_path": "/a/script.py"}),
        ("package.__main__", "/a/__main__.py", {}),
        ("__main__", "/a.zip/__main__.py", {}),
        (None, "<stdin>", {}),
        (None, None, {}),
    ],
)
def test_where_the_main_module_is(monkeypatch, spec, file, expected):
    """A module by its name, a script by its path, a notebook nowhere."""
    main = types.ModuleType("__main__")
    main.__spec__ = types.SimpleNamespace(name=spec) if spec else None
    if file:
        main.__file__ = file
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert where_main_is() == expected


def test_workers_are_refused_while_the_main_module_is_imported(monkeypatch):
    """It ends the loop, not only a call."""
    refuse_while_main_is_imported()
    process = types.SimpleNamespace(current_process=lambda: types.SimpleNamespace(_inheriting=True))
    monkeypatch.setitem(sys.modules, "multiprocessing.process", process)
    with pytest.raises(SystemExit, match="if __name__"):
        refuse_while_main_is_imported()


def test_an_error_comes_out_of_its_pickle():
    """With the place and the traceback as a note, and the spans that came along."""
    body = pickle.dumps((pickle.dumps(KeyError("x")), "KeyError", "'x'", "Traceback ...\n", ["span"]))
    error, spans = error_of(body, "in worker process 5 of step")
    assert (type(error), error.args, spans) == (KeyError, ("x",), ["span"])
    assert error.__notes__ == ["in worker process 5 of step:\nTraceback ..."]


@pytest.mark.parametrize("pickled", [None, b"no pickle", pickle.dumps("no error")])
def test_an_error_that_did_not_survive_is_described(pickled):
    """Its class and its message are told."""
    error, _ = error_of(pickle.dumps((pickled, "Awkward", "code 7", "Traceback ...", [])), "there")
    assert type(error) is RuntimeError
    assert str(error) == "Awkward: code 7 (Awkward itself could not be sent back)"
