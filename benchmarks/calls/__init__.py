"""What a call to a model costs through the official SDK: a local server that answers after 50 ms."""

from __future__ import annotations

from collections.abc import Callable

from .._contest import Bar, Contest, Entry, Figure, Figures
from .._serving import serving
from . import _ours, _peers

_GROQ = "AsyncGroq as shipped"
_LANGCHAIN = "langchain-groq"
_PYDANTIC_AI = "pydantic-ai"
_OURS = "connect + ask, validated"
_OURS_TRACED = "connect + ask, validated, traced"


def contest(*, calls: int = 2_000, few: int = 50, many: int = 200) -> Contest:
    """The contest, over so many calls, with few and with many of them in flight."""
    return Contest(
        name="calls",
        title="Calls through the official SDK: a local server that answers after 50 ms",
        figures=(Figure("rate", "calls/s", 0), Figure("cpu", "ms CPU a call", 2)),
        entries=(*_with_in_flight(few, calls), *_with_in_flight(many, calls)),
        bars=_bars(many),
        rounds=3,
        shows=("groq", "openai", "httpx", "aiohttp", "opentelemetry-sdk"),
        around=lambda: serving(f"{__package__}._server"),
    )


def _with_in_flight(in_flight: int, calls: int) -> tuple[Entry, ...]:
    def entry(name: str, contestant: Callable[[str, int, int], Figures], *needs: str) -> Entry:
        return Entry(
            name=_with(name, in_flight),
            contestant=contestant,
            settings={"calls": calls, "in_flight": in_flight},
            needs=needs,
            against=None if name == _GROQ else _with(_GROQ, in_flight),
        )

    return (
        entry("aiohttp alone", _peers.aiohttp_alone),
        entry(_GROQ, _peers.groq_as_shipped),
        entry("openai as shipped", _peers.openai_as_shipped),
        entry(_LANGCHAIN, _peers.langchain_groq, "langchain-groq", "langchain-core"),
        entry(_PYDANTIC_AI, _peers.pydantic_ai, "pydantic-ai-slim"),
        entry("AsyncGroq + DefaultAioHttpClient(limits)", _peers.groq_over_aiohttp),
        entry("the same, client.post and own parsing", _peers.groq_own_parsing),
        entry("connect + ask", _ours.text),
        entry(_OURS, _ours.validated),
        entry("connect + ask, traced", _ours.text_traced),
        entry(_OURS_TRACED, _ours.validated_traced),
    )


def _bars(in_flight: int) -> tuple[Bar, ...]:
    ours, traced = _with(_OURS, in_flight), _with(_OURS_TRACED, in_flight)
    return (
        Bar(entry=ours, figure="rate", least=6.0, of=_with(_GROQ, in_flight)),
        Bar(entry=ours, figure="rate", least=4.0, of=_with(_LANGCHAIN, in_flight)),
        Bar(entry=ours, figure="rate", least=4.0, of=_with(_PYDANTIC_AI, in_flight)),
        Bar(entry=ours, figure="cpu", most=0.6),
        Bar(entry=traced, figure="cpu", most=0.8),
    )


def _with(name: str, in_flight: int) -> str:
    return f"{name}, {in_flight} in flight"
