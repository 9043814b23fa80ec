"""The page for those who come from something else: its snippets are the files that are measured; ours do the tasks."""

import ast
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import coming_from
from benchmarks._run import run, without_peers
from benchmarks.coming_from import _check, _server, _tasks
from benchmarks.coming_from._facts import ruling

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "coming-from.md").read_text(encoding="utf-8")
FOLDER = ROOT / "benchmarks" / "coming_from"
SNIPPETS = [f"{library}_{task}" for task in coming_from.TASKS for library in coming_from.LIBRARIES]


def fence(module):
    return "```python" if module.startswith("ours_") else f'```python title="{module}.py"'


@pytest.mark.parametrize("module", SNIPPETS)
def test_snippet_stands_on_the_page(module):
    """The page shows each file as it is; those of the peers have a title, so that only the benchmarks run them."""
    assert f"{fence(module)}\n{_tasks.source(module)}```\n" in PAGE


def test_nothing_but_snippets_stands_on_the_page():
    """Every block of code is one of the files, and every file of a library is on the page."""
    assert len(re.findall(r"^```python", PAGE, re.MULTILINE)) == len(SNIPPETS)
    assert sorted(path.stem for path in FOLDER.glob("[!_]*.py")) == sorted(SNIPPETS)


@pytest.mark.parametrize("module", SNIPPETS)
def test_snippet_has_the_shape_that_is_measured(module):
    """Each file has `async def main(base_url)`."""
    mains = [node for node in ast.parse(_tasks.source(module)).body if isinstance(node, ast.AsyncFunctionDef)]
    assert [(main.name, [argument.arg for argument in main.args.args]) for main in mains] == [("main", ["base_url"])]


@pytest.mark.parametrize("module", SNIPPETS)
def test_lines_of_the_page(module):
    """The lines that the page's table tells are those of the file."""
    library, task = module.rsplit("_", 1)
    row = re.search(rf"^\| {task}: {coming_from.LIBRARIES[library]} +\|(.*)$", PAGE, re.MULTILINE)
    assert row is not None
    assert int(row[1].split("|")[3]) == _tasks.lines(_tasks.source(module))


def test_blank_lines_and_comments_do_not_count():
    """A line counts if something but a comment stands on it."""
    assert _tasks.lines("import a\n\n# why\n    # still\na()  # what\n") == 2


@pytest.mark.timeout(180)  # six processes, one after the other: they count the same server's requests
def test_tasks_are_done_here():
    """Ours and plain asyncio do all three tasks against the server, over HTTP, with as many requests as they say."""
    found = run(without_peers(coming_from.tasks()), rounds=1).medians
    assert len(found) == 6
    assert {name: figures["requests"] for name, figures in found.items()} == {
        "classify: here": 202,  # two repairs of the answer that is never valid
        "classify: plain asyncio": 200,
        "chain: here": 190,
        "chain: plain asyncio": 190,
        "vote: here": 200,
        "vote: plain asyncio": 200,
    }


RIGHT = SimpleNamespace(topic="repair", urgent=False)
TICKETS = [f"Ticket {n}: ..." for n in range(200)]
FAILED = {TICKETS[n]: ValueError() for n in (13, 77, 150)}
ANSWERED = {ticket: RIGHT for ticket in TICKETS if ticket not in FAILED}
REPLIES = ["Which order is it?" if letter % 10 == 0 else "We will mend it." for letter in range(100)]
RULINGS = [ruling(review) for review in range(40)]


@pytest.mark.parametrize(
    ("task", "result"),
    [("classify", (ANSWERED, FAILED)), ("chain", REPLIES), ("vote", RULINGS)],
    ids=lambda it: str(it)[:8],
)
def test_right_result_is_accepted(task, result):
    """What a task must come to is accepted."""
    _check.check(task, result)


@pytest.mark.parametrize(
    ("task", "result"),
    [
        ("classify", (ANSWERED, {})),
        ("classify", ({}, FAILED)),
        ("classify", (ANSWERED | {TICKETS[1]: SimpleNamespace(topic="refund", urgent=False)}, FAILED)),
        ("classify", (ANSWERED, dict.fromkeys(FAILED, "lost"))),
        ("classify", None),
        ("chain", REPLIES[::-1]),
        ("vote", RULINGS[:-1]),
    ],
    ids=range(7),
)
def test_wrong_result_is_refused(task, result):
    """A missing or wrong answer, or a failure that is not told, ends the measurement."""
    with pytest.raises(RuntimeError, match=task):
        _check.check(task, result)


@pytest.mark.parametrize(
    ("path", "second", "status"),
    [("", 0, 200), ("/outage", 0, 200), ("/outage", 1, 503), ("/outage", 6, 200), ("/hopeless", 0, 500)],
)
def test_server_fails_as_its_paths_say(path, second, status, monkeypatch):
    """An outage lasts from half a second to five and a half after the first request; every tenth ticket is hopeless."""
    provider = _server.Provider()
    monkeypatch.setattr(_server.time, "monotonic", lambda: 100.0)
    provider.status(path, "Ticket 1: ...")
    monkeypatch.setattr(_server.time, "monotonic", lambda: 100.0 + second)
    assert provider.status(path, "Ticket 20: ...") == status


def test_server_lets_so_many_requests_a_second_through(monkeypatch):
    """The burst at once, and twenty more after a second."""
    provider = _server.Provider()
    monkeypatch.setattr(_server.time, "monotonic", lambda: 100.0)
    assert [provider.status("/limited", "") for _ in range(30)].count(200) == 20
    monkeypatch.setattr(_server.time, "monotonic", lambda: 101.0)
    assert [provider.status("/limited", "") for _ in range(30)].count(200) == 20


@pytest.mark.parametrize(
    ("wanted", "told", "said"),
    [
        ({"type": "json_schema", "json_schema": {"schema": {"properties": {"urgent": {}}}}}, "", '{"urgent": false}'),
        ({"type": "json_object"}, "Respond with `topic`, then `urgent`", '{"topic": "repair", "urgent": false}'),
        ({}, "Respond with `[[ ## reply ## ]]`", "[[ ## reply ## ]]\nWe will mend it.\n\n[[ ## completed ## ]]"),
        ({}, "Write a reply", "We will mend it."),
        ({}, "Summarize it", "A zipper is broken."),
    ],
)
def test_server_answers_in_the_format_that_is_asked_for(wanted, told, said):
    """A schema, JSON, DSPy's fields, or text."""
    assert _server.text(wanted, told, _server.Provider().values("Letter 10: ...")) == said


def test_server_calls_a_tool():
    """Where tools are offered, the answer is a call of the first one."""
    tool = {"function": {"name": "final_result", "parameters": {"properties": {"topic": {}, "response": {}}}}}
    said = _server.message({"messages": [], "tools": [tool]}, _server.Provider().values("Review 4: ..."))
    called = said["tool_calls"][0]["function"]
    assert called == {"name": "final_result", "arguments": '{"topic": "repair", "response": "hold back"}'}
