"""What checkers think of models. Never run."""

import enum
from collections.abc import Sequence
from typing import Unpack, assert_type

from pydantic import BaseModel

from llm_composition_patterns.llm import ChatModel, Completion, Message, ModelSettings, ask, connect


class Product(BaseModel):
    """A thing for sale."""

    name: str


class Kind(enum.Enum):
    """A label."""

    PRODUCT = "product"


class Own:
    """Somebody's own client."""

    async def complete(self, messages: str | Sequence[Message], /, **settings: Unpack[ModelSettings]) -> Completion:
        """Answer."""
        return Completion(text=f"{messages} {settings.get('seed')}", model="own")


async def use() -> None:
    """Accepted, with the types that are written here."""
    own: ChatModel = Own()
    assert_type(await ask(own, "hello"), str)
    async with connect("simulated:", concurrency="auto") as model:
        plain: ChatModel = model
        assert_type(await plain.complete("hello", temperature=0.2), Completion)
        assert_type(await ask(model, "hello", temperature=0.2), str)
        assert_type(await ask(model, "hello", output=Product), Product)
        assert_type(await ask(model, "hello", output=Kind), Kind)
        assert_type(await ask(model, "hello", output=list[str]), list[str])
        assert_type(await ask(model, [{"role": "user", "content": "hello"}], output=int, max_tokens=5), int)
        await model.complete("hello", temperatur=0.2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        await ask(model, 5)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    connect("simulated:", concurrency="many")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
