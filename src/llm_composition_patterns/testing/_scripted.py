"""A model that says what a test wrote down for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeAlias, Unpack

from ..llm import Completion, Message, ModelSettings, Price
from ..usage import Usage

Line: TypeAlias = str | BaseException | Callable[[Sequence[Message]], str]
"""What the model does at one call: give a text, raise an error, or give what a function of the messages gives."""


class ScriptedModel:
    """A `ChatModel` that plays its lines in order, one a call, and keeps what it was asked.

    ```python
    model = ScriptedModel("not json", '{"name": "Talus Short"}')
    product = await ask(model, "Which one?", output=Product)
    assert len(model.calls) == 2
    ```

    Attributes:
        calls: The messages and the settings of each call so far.
        price: Nothing, so that it can be called inside a budget.
    """

    price: Price = Price(input=0, output=0)

    def __init__(self, *lines: Line) -> None:
        self._lines = lines
        self.calls: list[tuple[list[Message], ModelSettings]] = []

    async def complete(self, messages: str | Sequence[Message], /, **settings: Unpack[ModelSettings]) -> Completion:
        """Play the next line.

        Raises:
            AssertionError: There is no line left: the code under test asks more often than the test expects.
        """
        asked: list[Message] = [{"role": "user", "content": messages}] if isinstance(messages, str) else list(messages)
        self.calls.append((asked, settings))
        if len(self.calls) > len(self._lines):
            raise AssertionError(
                f"call {len(self.calls)} of a script with {len(self._lines)} lines: {asked[-1]['content']}"
            )
        line = self._lines[len(self.calls) - 1]
        if isinstance(line, BaseException):
            raise line
        text = line if isinstance(line, str) else line(asked)
        usage = Usage(calls=1).of_model("scripted:model")
        return Completion(text=text, model="scripted:model", usage=usage, cost=Decimal(0), cost_source="local")
