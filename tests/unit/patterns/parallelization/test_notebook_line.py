"""Progress in a notebook: a line that is displayed once and then changed in its place."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
from fan_out_steps import double, wait, wait_or_fail

from llm_composition_patterns.patterns.parallelization import parallelize, stream_outcomes


class Display:
    """A notebook's display: what was shown first, and what it became."""

    def __init__(self):
        self.shown = []
        self.displays = 0

    def __call__(self, data, *, raw, display_id):
        assert raw
        assert display_id
        self.displays += 1
        self.shown.append(data["text/plain"])
        self.html = data["text/html"]
        return self

    def update(self, data, *, raw):
        assert raw
        self.shown.append(data["text/plain"])
        self.html = data["text/html"]


@pytest.fixture
def kernel(monkeypatch):
    """Stands for IPython in a kernel, or with `.shell = None` outside of one."""
    ipython, displays = ModuleType("IPython"), ModuleType("IPython.display")
    found = SimpleNamespace(display=Display(), shell=SimpleNamespace(kernel=object()))
    ipython.get_ipython = lambda: found.shell
    displays.display = found.display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", displays)
    return found


async def test_a_notebook_shows_one_line(kernel):
    """It changes as branches end, and what it came to stays."""
    await parallelize(wait_or_fail, [1, -2, 3], on_error="collect", progress=True, name="translate <pages>")
    assert kernel.display.displays == 1
    assert kernel.display.shown == [
        "translate <pages>: 0/3, 0.0 s",
        "translate <pages>: 1/3, 1.0 s",
        "translate <pages>: 2/3, 1 failed, 2.0 s",
        "translate <pages>: 3/3, 1 failed, 3.0 s",
        "translate <pages>: 3/3, 1 failed, 3.0 s",
    ]
    label = "translate &lt;pages&gt;"
    assert kernel.display.html == (
        f'<div>{label} <progress max="3" value="3" aria-label="{label}"></progress> 3/3, 1 failed, 3.0 s</div>'
    )


async def test_a_line_changes_no_more_often_than_an_eye_sees(kernel):
    """A thousand branches that end at once are two messages to the browser: the first and the last."""
    await parallelize(double, range(1000), progress=True, name="double")
    assert kernel.display.shown == ["double: 0/1000, 0.0 s", "double: 1000/1000, 0.0 s"]


async def test_a_stream_of_unknown_length_is_counted(kernel):
    """There is no end to measure it by."""
    async with stream_outcomes(wait, iter([1]), progress=True, name="wait") as outcomes:
        async for _ in outcomes:
            pass
    assert kernel.display.shown[-1] == "wait: 1, 1.0 s"
    assert "<progress aria-label" in kernel.display.html


async def test_an_empty_fan_out_has_a_line_too(kernel):
    """It is done before it begins, and a bar of nothing is no bar."""
    await parallelize(wait, [], progress=True, name="wait")
    assert kernel.display.shown[-1] == "wait: 0/0, 0.0 s"
    assert 'max="1" value="0"' in kernel.display.html


@pytest.mark.parametrize("shell", [None, SimpleNamespace()])
async def test_ipython_on_a_terminal_is_no_notebook(kernel, shell):
    """Nor is a program that only has it imported."""
    kernel.shell = shell
    await parallelize(double, [1], progress=True)
    assert kernel.display.shown == []
