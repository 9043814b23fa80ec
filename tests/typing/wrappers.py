"""What checkers think of the wrappers of a step. Never run."""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from collections.abc import Sequence
from typing import assert_type

from llm_composition_patterns import (
    Backoff,
    CacheStore,
    MemoryCache,
    ModelUnavailable,
    SqliteCache,
    chain,
    micro_batched,
    parallelize,
    with_cache,
    with_fallback,
    with_retry,
    with_timeout,
)


async def translate(text: str, *, language: str = "es") -> bytes:
    """A step with more than one argument."""
    return (text + language).encode()


async def length(text: str) -> int:
    """A step."""
    return len(text)


async def now() -> float:
    """A step of nothing."""
    return 0.0


async def use_signatures() -> None:
    """A wrapper changes no signature."""
    assert_type(await with_retry(length, on=OSError)(text="a"), int)
    assert_type(await with_retry(translate, on=(OSError, ModelUnavailable))("a", language="de"), bytes)
    assert_type(await with_timeout(translate, 5)("a", language="de"), bytes)
    assert_type(await with_cache(translate)("a", language="de"), bytes)
    assert_type(await with_fallback(translate, translate, translate)("a", language="de"), bytes)
    assert_type(await with_timeout(now, 5)(), float)
    await with_retry(translate, on=OSError)("a", tongue="de")  # type: ignore[call-arg]
    await with_timeout(length, 5)(5)  # type: ignore[arg-type]
    with_retry(len, on=OSError)  # type: ignore[arg-type]


async def use_settings() -> None:
    """What is wrong is seen before it runs."""
    with_retry(length, on=OSError, attempts=5, backoff=Backoff(first=1.0))
    with_retry(length, on=OSError, backoff=lambda attempt: attempt * 2.0)
    with_retry(length, on=KeyboardInterrupt)  # type: ignore[arg-type]
    with_retry(length)  # type: ignore[call-arg]
    with_fallback(length, translate_badly, on=5)  # type: ignore[arg-type]


async def translate_badly(text: str) -> str:
    """A step that gives something else."""
    return text


async def use_composition(texts: list[str]) -> None:
    """Wrapped steps are steps."""
    assert_type(await with_fallback(length, translate_badly)("a"), int | str)
    assert_type(await parallelize(with_retry(with_timeout(length, 5), on=OSError), texts), list[int])
    assert_type(await chain(with_cache(length), with_retry(half, on=OSError))("a"), float)


async def half(number: int) -> float:
    """A step."""
    return number / 2


async def use_cache() -> None:
    """Keys are functions of the arguments; stores are a protocol."""
    stores: list[CacheStore] = [MemoryCache(max_entries=5), SqliteCache("cache.sqlite")]
    with_cache(length, key=lambda text: text.lower(), store=stores[0])
    with_cache(length, store=translate)  # type: ignore[arg-type]


async def embed(texts: Sequence[str]) -> list[list[float]]:
    """A batch step."""
    return [[0.0] for _ in texts]


async def embed_carefully(texts: Sequence[str]) -> list[int | BaseException]:
    """A batch step whose inputs fail alone."""
    return [len(text) or ValueError("empty") for text in texts]


async def use_micro_batches(texts: list[str]) -> None:
    """Many become one."""
    step = micro_batched(embed, max_size=64, max_wait=0.01)
    assert_type(await step("a"), list[float])
    assert_type(await parallelize(step, texts), list[list[float]])
    assert_type(await micro_batched(embed_carefully, max_size=64, max_wait=0.01)("a"), int)
    await step(5)  # type: ignore[arg-type]
    micro_batched(embed, 64, max_wait=0.01)  # type: ignore[call-arg]
