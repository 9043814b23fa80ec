"""The ready scenarios in `data/scenarios/` behave as their comments say."""

import asyncio
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from llm_composition_patterns.simulation import Reply, Scenario, SimulatedProvider
from llm_composition_patterns.virtual_time import EPOCH, run

GALLERY = {path.stem: path for path in (Path(__file__).parents[2] / "data" / "scenarios").glob("*.toml")}


def asked(name: str, *arrivals: float, words: int = 20, patience: float = 3600.0) -> list[tuple[float, Reply | None]]:
    """Send a request at each of the times, all different; when each ended, and how (None: by no answer)."""
    scenario = Scenario.from_toml(GALLERY[name])

    async def main() -> list[tuple[float, Reply | None]]:
        provider, clock = SimulatedProvider(scenario), asyncio.get_running_loop().time

        async def one(number: int, at: float) -> tuple[float, Reply | None]:
            await asyncio.sleep(at)
            question = {"role": "user", "content": f"{number} " + "word " * words}
            reply = None
            with suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(patience):
                    reply = await provider.respond({"model": "m", "messages": [question]})
            return clock(), reply

        return await asyncio.gather(*(one(number, at) for number, at in enumerate(arrivals)))

    return run(main())


def statuses(replies: list[tuple[float, Reply | None]]) -> Counter[int | None]:
    return Counter(None if reply is None else reply.status for _, reply in replies)


def test_the_gallery_is_this():
    """Six scenarios, and nothing else."""
    names = ["flaky", "groq-dev", "groq-free", "ollama-one-gpu", "openrouter-paid", "vllm"]
    assert sorted(GALLERY) == names
    assert sorted(path.name for path in GALLERY["vllm"].parent.iterdir()) == [f"{name}.toml" for name in names]


@pytest.mark.parametrize("name", sorted(GALLERY))
def test_each_answers_and_says_what_it_imitates(name):
    """A request alone is answered, and the comments say what is imitated and what is approximate."""
    ((_, reply),) = asked(name, 0.0)
    assert reply is not None
    assert reply.status == 200
    text = GALLERY[name].read_text(encoding="utf-8")
    assert "# Imitated: " in text
    assert "# Approximate: " in text


@pytest.mark.parametrize("name", sorted(GALLERY))
def test_each_is_the_same_every_time(name):
    """The seed decides everything: two runs end alike, to the last bit."""
    arrivals = [0.7 * number for number in range(60)]
    first, second = [
        [(end, reply and reply.status) for end, reply in asked(name, *arrivals, patience=60)] for _ in range(2)
    ]
    assert first == second


def test_ollama_works_one_by_one_and_turns_the_514th_away():
    """One at work and 512 waiting are taken; each takes its own time, one after the other."""
    replies = asked("ollama-one-gpu", *[0.0] * 514, patience=1e6)
    assert statuses(replies) == {200: 513, 503: 1}
    ends = [end for end, _ in replies[:513]]
    assert ends == sorted(ends)
    assert 0.5 < ends[-1] / 513 < 1.5


def test_groqs_free_tier_names_its_requests_a_minute_in_a_refusal_alone():
    """The 31st of a minute is refused in words; the headers show the day's requests and the minute's tokens."""
    replies = [reply for _, reply in asked("groq-free", *[0.0] * 31)]
    assert statuses([(0.0, reply) for reply in replies]) == {200: 30, 429: 1}
    assert "requests per minute (RPM): Limit 30, Used 30" in replies[30].body["error"]["message"]
    for reply in (replies[0], replies[30]):
        assert reply.headers["x-ratelimit-limit-requests"] == "1000"
        assert reply.headers["x-ratelimit-limit-tokens"] == "8000"
    assert replies[30].headers["retry-after"] == "2"


def test_groqs_developer_tier_runs_out_of_tokens_first():
    """500 requests of over 600 tokens at once are more than the tokens of a minute, and fewer than its requests."""
    refused = [reply for _, reply in asked("groq-dev", *[0.0] * 500, words=500) if reply and reply.status == 429]
    assert refused
    assert all("tokens per minute (TPM): Limit 250000" in reply.body["error"]["message"] for reply in refused)


def test_openrouter_refuses_inside_status_200():
    """Beyond 40 at once the numbers stand in the body, and the reset is some milliseconds since 1970."""
    replies = [reply for _, reply in asked("openrouter-paid", *[0.0] * 45) if reply]
    refused = [reply.body["error"] for reply in replies if reply.body.get("error", {}).get("code") == 429]
    assert len(refused) == 5
    assert {reply.status for reply in replies} <= {200, 502}
    headers = refused[0]["metadata"]["headers"]
    assert 0 < int(headers["X-RateLimit-Reset"]) / 1000 - EPOCH < 3
    assert not any(name.startswith(("x-ratelimit", "retry-after")) for reply in replies for name in reply.headers)


def test_vllm_is_as_fast_for_64_and_slower_beyond():
    """64 at once take as long as one, 128 over twice as long; nobody is refused."""
    alone, knee, beyond = [max(end for end, _ in asked("vllm", *[0.0] * number)) for number in (1, 64, 128)]
    assert knee < 1.25 * alone
    assert beyond > 2 * knee
    assert statuses(asked("vllm", *[0.0] * 1000)) == {200: 1000}


def test_a_flaky_provider_is_down_for_ten_seconds():
    """All that comes in the outage is turned away at once, about half in the burst, a few at other times."""
    replies = asked("flaky", *[0.05 * number for number in range(2000)], patience=60)
    outage, burst = replies[601:799], replies[1201:1299]
    assert statuses(outage) == {503: 198}
    assert 30 < statuses(burst)[503] < 70
    rest = statuses(replies[:600] + replies[801:1200] + replies[1301:])
    assert rest[503] == 0
    assert 0.9 < rest[200] / rest.total() < 0.99
    assert rest[500] > 0
    assert rest[None] > 0
