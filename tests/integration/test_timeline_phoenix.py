"""Timelines of traces that are in a Phoenix: a real one, and servers that are none."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from llm_composition_patterns import ConfigurationError, parallelize, setup_tracing
from llm_composition_patterns.cli import main
from llm_composition_patterns.timeline import read_phoenix, span_bars
from llm_composition_patterns.tracing import PhoenixServer, names


async def step(number):
    await asyncio.sleep(0.05 * number)
    if number == 3:
        raise ValueError(number)
    return number


async def fan_out(name, numbers):
    await parallelize(step, numbers, name=name, branch_name=lambda number: f"branch {number}", on_error="collect")


@pytest.mark.phoenix
@pytest.mark.timeout(240)
def test_a_trace_is_drawn_from_a_real_phoenix(phoenix, monkeypatch, capsys, tmp_path):
    """The latest of its project, as the command reads it: every branch, in order, and which one failed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    with setup_tracing("phoenix", endpoint=phoenix.url, project="drawn"):
        asyncio.run(fan_out("earlier", [1]))
        asyncio.run(fan_out("numbers", [1, 2, 3]))
    until_there(phoenix, 6)
    capsys.readouterr()
    assert main(["timeline", phoenix.url, "--project", "drawn", "--output", "drawn.svg"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("numbers (trace ")
    assert [line.rsplit(maxsplit=1)[-1] for line in lines[2:5]] == ["ok", "ok", "error"]
    assert lines[6].startswith("3 branches (2 ok, 1 error)")
    assert "branch 3" in (tmp_path / "drawn.svg").read_text()
    trace_id = lines[0][-33:-1]
    assert main(["timeline", f"{phoenix.url}/redirects/traces/{trace_id}", "--project", "drawn"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == lines[0]


@pytest.mark.phoenix
@pytest.mark.timeout(240)
def test_a_project_or_trace_that_a_phoenix_does_not_have_is_told(phoenix):
    """With what to say instead."""
    with pytest.raises(ConfigurationError, match=r"there is no project 'absent' at .*: name one by --project"):
        read_phoenix(PhoenixServer(url=phoenix.url), "absent")
    with setup_tracing("phoenix", endpoint=phoenix.url, project="drawn"):
        asyncio.run(fan_out("one", [1]))
    until_there(phoenix, 2)
    with pytest.raises(ConfigurationError, match=r"project 'drawn' at .* has no trace 0{32}"):
        read_phoenix(PhoenixServer(url=phoenix.url), "drawn", "0" * 32)


def until_there(phoenix, count):
    """Wait until Phoenix has that many spans."""
    for _ in range(300):
        if len(phoenix._get("/v1/projects/drawn/spans?limit=1000")) >= count:
            return
        threading.Event().wait(0.1)
    pytest.fail(f"Phoenix does not have {count} spans")


@pytest.fixture
def answering():
    """A server that answers with the given pairs of status and body, one after the other; gives its address."""
    servers = []

    def serve(*answers):
        left, paths = list(answers), []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                paths.append((self.path, self.headers.get("authorization")))
                status, body = left.pop(0)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}", paths

    yield serve
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def written(name, span_id, *, parent=None, second=0, **attributes):
    return {
        "name": name,
        "context": {"trace_id": "t" if parent else span_id, "span_id": span_id},
        "parent_id": parent,
        "start_time": f"2026-01-01T00:00:0{second}.000001+00:00",
        "end_time": f"2026-01-01T00:00:0{second + 1}.000001+00:00",
        "status_code": "OK",
        "span_kind": "CHAIN",
        "attributes": {f"llm_composition.{name}": value for name, value in attributes.items()},
    }


def page(*spans, cursor=None):
    return 200, json.dumps({"data": spans, "next_cursor": cursor})


def test_every_page_of_a_trace_is_read(answering):
    """With the key that was given, and the cursor of the page before."""
    branches = [written(f"b{n}", f"s{n}", parent="root", second=n, index=n, start_offset_seconds=0.0) for n in range(2)]
    url, paths = answering(page(written("fan", "root"), branches[0], cursor="c/1"), page(branches[1]))
    spans = read_phoenix(PhoenixServer(url=url, headers={"authorization": "Bearer k"}), "my project", "t")
    assert [bar.name for bar in span_bars(spans)[1]] == ["b0", "b1"]
    assert [bar.start for bar in span_bars(spans)[1]] == [0.0, 1.0]
    assert paths == [
        ("/v1/projects/my%20project/spans?trace_id=t&limit=1000", "Bearer k"),
        ("/v1/projects/my%20project/spans?trace_id=t&limit=1000&cursor=c%2F1", "Bearer k"),
    ]


def test_a_branch_that_is_a_trace_of_its_own_is_not_the_latest_trace(answering):
    """The fan-out that it belongs to is."""
    item, fan_out = written("item", "i", start_offset_seconds=1.0), written("fan", "f")
    url, paths = answering(page(item, fan_out), page(fan_out))
    assert [span.name for span in read_phoenix(PhoenixServer(url=url), "p")] == ["fan"]
    assert paths[1][0] == "/v1/projects/p/spans?trace_id=f&limit=1000"


def test_branches_that_are_traces_of_their_own_are_read_too(answering):
    """All that started while the fan-out ran is looked through for them: Phoenix keeps no links."""
    fan_out = {**written("fan", "f", second=3), "attributes": {names.BRANCHES_RECORDED: 2}}
    items = [
        {**written(f"b{n}", f"s{n}", second=3, index=n), "attributes": {
            names.FAN_OUT_SPAN_ID: "f", names.START_OFFSET_SECONDS: 0.0}}
        for n in range(2)
    ]  # fmt: skip
    stranger = written("other", "o", second=3)
    url, paths = answering(page(fan_out), page(*items, stranger, fan_out))
    spans = read_phoenix(PhoenixServer(url=url), "p", "f")
    assert [span.name for span in spans] == ["fan", "b0", "b1"]
    assert [bar.name for bar in span_bars(spans)[1]] == ["b0", "b1"]
    assert unquote(paths[1][0]).endswith(
        "spans?start_time=2026-01-01T00:00:03.000001+00:00&end_time=2026-01-01T00:00:04.000002+00:00&limit=1000"
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, "<html>"), "what answers at http.* is no Phoenix"),
        ((401, ""), "set PHOENIX_API_KEY"),
        ((404, ""), "there is no project 'p' at"),
        ((500, ""), "answers with status 500"),
        (page(), "project 'p' at .* has no spans"),
    ],
)
def test_an_answer_that_is_no_trace_is_told(answering, answer, said):
    """In one line, with the repair."""
    url, _ = answering(answer)
    with pytest.raises(ConfigurationError, match=said):
        read_phoenix(PhoenixServer(url=url), "p")


def test_where_nobody_listens_that_is_told(nobody):
    """With how to start one."""
    with pytest.raises(ConfigurationError, match=r"no Phoenix answers at .*: start one with `llm-patterns phoenix`"):
        read_phoenix(PhoenixServer(url=nobody), "p")
