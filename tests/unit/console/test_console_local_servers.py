"""Reading what servers on this machine answer."""

import asyncio
import json

import pytest

from llm_composition_patterns.console import LocalServer, Reply, find_local_servers, shown_url


def listing(*names):
    return Reply(status=200, body=json.dumps({"data": [{"id": name} for name in names]}).encode())


async def asked(reply, environ=None):
    """What is found when every address answers `reply`."""

    async def probe(url):
        return reply

    return (await find_local_servers(environ or {}, probe=probe))[0]


async def test_models_are_listed():
    """In the server's order."""
    assert await asked(listing("qwen3:8b", "llama")) == LocalServer(
        provider="ollama", url="http://ollama.test/v1", models=("qwen3:8b", "llama")
    )


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (Reply(problem="nothing listens there"), "nothing listens there"),
        (listing(), "it has no model"),
        (Reply(status=404, body=b"{}"), "what answers there is no model server (status 404)"),
        (Reply(status=200, body=b"<html>"), "what answers there is no model server (status 200)"),
        (Reply(status=200, body=b"[]"), "what answers there is no model server (status 200)"),
        (Reply(status=200, body=b'{"data": [1]}'), "what answers there is no model server (status 200)"),
        (Reply(status=200, body=b'{"data": null}'), "what answers there is no model server (status 200)"),
        (Reply(status=200, body=b"[" * 99_999), "what answers there is no model server (status 200)"),
    ],
)
async def test_anything_else_is_a_problem_with_a_hint(reply, problem):
    """Whatever listens on that port."""
    server = await asked(reply)
    assert (server.problem, server.hint, server.models) == (problem, "start Ollama", ())


async def test_servers_are_asked_all_at_once():
    """At the address that the environment gives, for their models."""
    urls, everybody = [], asyncio.Event()

    async def probe(url):
        urls.append(url)
        if len(urls) == 2:
            everybody.set()
        await everybody.wait()
        return listing()

    await find_local_servers({"OLLAMA_URL": "http://else:1/v1"}, probe=probe)
    assert urls == ["http://else:1/v1/models", "http://vllm.test/v1/models"]


async def test_an_address_that_is_none_is_a_problem():
    """The others are asked all the same."""
    server = await asked(listing("x"), {"OLLAMA_BROKEN": "yes"})
    assert (server.url, server.problem) == ("", "ollama: cannot be; mend it")


async def test_names_of_models_cannot_steer_the_terminal():
    """They come from whoever listens there."""
    assert (await asked(listing("a\x1b[2J"))).models == ("a?[2J",)


def test_addresses_are_shown_without_secrets():
    """Neither user and password nor a query."""
    assert shown_url("https://me:secret@host:1/path?key=secret#secret") == "https://host:1/path"
