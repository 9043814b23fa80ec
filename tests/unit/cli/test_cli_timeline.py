"""`llm-patterns timeline`: which trace is read from where, and what is said where there is none."""

import asyncio

import pytest

from llm_composition_patterns import parallelize, setup_tracing
from llm_composition_patterns.cli import _timeline, main
from llm_composition_patterns.timeline import FinishedSpan

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def step(word):
    if word == "bad":
        raise ValueError(word)
    return word


async def fan_out(name, words):
    await parallelize(step, words, name=name, branch_name=str, on_error="collect")


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    """There is no `.env` file, and a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def file(here, tmp_path):
    """A file with two traces."""
    path = tmp_path / "trace.jsonl"
    with setup_tracing(f"file:{path}"):
        asyncio.run(fan_out("first", ["one"]))
        asyncio.run(fan_out("second", ["good", "bad"]))
    return path


def test_the_latest_trace_of_a_file_is_drawn(file, capsys):
    """Its name and id, a row for each branch, and the sums."""
    assert main(["timeline", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("second (trace ")
    assert [line.split()[0] for line in lines[2:4]] == ["good", "bad"]
    assert lines[5].startswith("2 branches (1 ok, 1 error) · makespan ")


def test_another_trace_can_be_asked_for(file, capsys):
    """By its id; the file may be named as it was for --trace."""
    line = file.read_text().partition("\n")[0]
    trace_id = line.partition('"traceId":"')[2][:32]
    assert main(["timeline", f"file:{file}", "--trace-id", trace_id]) == 0
    assert capsys.readouterr().out.startswith(f"first (trace {trace_id})\n")


def test_a_picture_is_written(file, tmp_path, capsys):
    """As SVG, with as many rows as were asked for; stderr says where."""
    assert main(["timeline", str(file), "--output", "second.svg", "--max-rows", "1"]) == 0
    svg = (tmp_path / "second.svg").read_text()
    assert svg.startswith("<svg ")
    assert svg.count('<g class="bar">') == 1
    assert capsys.readouterr().err.endswith("written: second.svg\n")


def test_what_could_not_be_read_is_told(file, capsys):
    """The rest is drawn."""
    with file.open("a") as lines:
        lines.write('{"resourceSpans": [{"scope')
    capsys.readouterr()
    assert main(["timeline", str(file)]) == 0
    assert capsys.readouterr().err == f"left out 1 line of {file} that could not be read\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["absent"], "error: absent: No such file or directory"),
        (["."], "error: .: Is a directory"),
        (["empty"], "error: empty holds no spans: write some by --trace file:PATH"),
        (["trace.jsonl", "--trace-id", "abc"], "error: there is no trace abc among the 2 there"),
        (["trace.jsonl", "--project", "mine"], "error: --project is for a Phoenix; a file has none: leave it out"),
        (["trace.jsonl", "--output", "no/t.svg"], "t.svg: No such file or directory"),
        (["http://localhost:6006:1"], "is no address of a server: write it as http://localhost:6006"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(arguments, said, file, tmp_path, capsys):
    """It says what is wrong, and nothing is drawn."""
    (tmp_path / "empty").touch()
    capsys.readouterr()
    assert main(["timeline", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert said in err


@pytest.mark.parametrize(
    ("arguments", "environ", "asked"),
    [
        (["phoenix"], {}, ("http://localhost:6006", "llm-composition-patterns", None)),
        (["phoenix"], {"PHOENIX_PROJECT": "p"}, ("http://localhost:6006", "p", None)),
        (["phoenix"], {"PHOENIX_COLLECTOR_ENDPOINT": "http://h:1/v1/traces"},
         ("http://h:1", "llm-composition-patterns", None)),
        (["http://h:1/base/", "--project", "p"], {}, ("http://h:1/base", "p", None)),
        (["https://h", "--trace-id", "t"], {}, ("https://h", "llm-composition-patterns", "t")),
        ([f"http://h/redirects/traces/{TRACE}"], {}, ("http://h", "llm-composition-patterns", TRACE)),
        ([f"http://h/projects/UHJv/traces/{TRACE}?selected=x"], {}, ("http://h", "UHJv", TRACE)),
        (["http://h/projects/UHJv"], {}, ("http://h", "UHJv", None)),
        (["http://h/projects/UHJvamVjdDoxMA%3D%3D"], {}, ("http://h", "UHJvamVjdDoxMA==", None)),
    ],
)  # fmt: skip
def test_a_phoenix_is_asked_for_a_trace(arguments, environ, asked, monkeypatch, capsys):
    """The address may be that of the Phoenix, of a project or of a trace in it, as a browser shows it."""
    calls = []

    def read(server, project, trace_id):
        calls.append((server.url, project, trace_id))
        return [FinishedSpan(name="root", trace_id=TRACE, span_id="a", start=0, end=1)]

    monkeypatch.setattr(_timeline, "read_phoenix", read)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert main(["timeline", *arguments]) == 0
    assert calls == [asked]
    assert capsys.readouterr().out.startswith(f"root (trace {TRACE})\n")


def test_a_key_is_sent_along_and_never_shown(monkeypatch, capsys):
    """It comes from Phoenix's own variable."""
    sent = []

    def read(server, project, trace_id):
        sent.append(server.headers)
        return [FinishedSpan(name="root", trace_id=TRACE, span_id="a", start=0, end=1)]

    monkeypatch.setattr(_timeline, "read_phoenix", read)
    monkeypatch.setenv("PHOENIX_API_KEY", "secret-key")
    assert main(["timeline", "http://h"]) == 0
    assert sent == [{"authorization": "Bearer secret-key"}]
    assert "secret" not in "".join(capsys.readouterr())
