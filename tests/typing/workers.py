"""What checkers think of plain functions in threads and processes. Never run."""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from typing import assert_type

from llm_composition_patterns import Outcome, WorkerLost, in_processes, parallelize


class Converter:
    """A resource."""


def pages(path: str, *, most: int = 10) -> list[str]:
    """A plain function."""
    return [path] * most


def convert(converter: Converter, path: str) -> bytes:
    """A plain function that uses a resource."""
    return path.encode()


async def use_in_processes(paths: list[str]) -> None:
    """The step has the signature of the function, without the resource."""
    step = in_processes(pages, workers=2)
    assert_type(await step("a", most=3), list[str])
    assert_type(await parallelize(step, paths), list[list[str]])
    await step(1)  # type: ignore[arg-type]
    await step("a", least=3)  # type: ignore[call-arg]
    async with in_processes(convert, resource=Converter) as converting:
        assert_type(await converting("a"), bytes)
        assert_type(await parallelize(converting, paths, on_error="collect"), list[Outcome[bytes]])


def use_worker_lost(error: WorkerLost) -> None:
    """It says whose process was lost, and how it ended."""
    assert_type(error.step, str)
    assert_type(error.exit_code, int | None)
