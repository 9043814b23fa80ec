"""`once`: a step inside an item whose result is recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..steps import JsonForm, Step, answer_type, run_step, step_name
from ._execution import current_execution
from ._identity import is_whole

A = TypeVar("A")
B = TypeVar("B")


async def once(step: Step[A, B], input: A, *, key: str, output: Any = None) -> B:
    """Run a step inside an item of a batch, and record its result, so that it is never paid again.

    ```python
    async def translate_paper(paper: Paper) -> Translation:
        texts = [await once(translate, text, key=f"paragraph {n}") for n, text in enumerate(paper.body)]
    ```

    When the item is executed again, after a crash, or because another part of it failed, the recorded result is given
    back without a call. Outside of a batch the step simply runs.

    Args:
        step: An async function of one input.
        input: Its input.
        key: What the result is known by among those of the item. Where the input may change between two executions, let
            the key change with it.
        output: The type of the result, if the step's annotated return type does not say it.

    Returns:
        What the step returned, after it was committed.

    Raises:
        BaseException: What the step raised; nothing is recorded then.
        TypeError: The key is no text, or the result does not come back from JSON as it was.
        ValueError: The step of this key is what it was called inside of.
        BatchError: It could not be recorded.
    """
    if not isinstance(key, str) or not key or not is_whole(key):
        raise TypeError(f"once(..., key={key!r}): give a text that tells this step from the others of its item")
    execution = current_execution.get()
    if execution is None:
        return await run_step(step, input)
    answer: B = await execution.once(step, input, key, _form(step, output))
    return answer


def _form(step: Callable[..., Any], output: Any) -> JsonForm:
    return JsonForm(answer_type(step) if output is None else output, of=step_name(step))
