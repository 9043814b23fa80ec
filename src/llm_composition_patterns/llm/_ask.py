"""`ask`: one question, one answer of the type that was asked for.

The check of the answer is a part of the attempt where the model is one of ours, so that the span of an invalid answer
shows the error. An invalid answer is sent back with what is wrong with it, twice at most. An answer that was cut off
at its token limit is not repaired but asked for once more with twice the room. What was shown by `on_text` cannot be
taken back: then nothing is asked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, Unpack, cast, overload

from pydantic import ValidationError

from ..errors import InvalidOutput, ModelError, Refused
from ..usage import NO_USAGE, Usage
from ._kept_answers import keeping_track
from ._model import ConnectedModel
from ._plugged_in import completed_by
from ._schemas import Wanted, problems, wanted
from ._types import ChatModel, Completion, Message, ModelSettings, check_settings
from ._wire import conversation, schema_in_words

T = TypeVar("T")

REPAIRS: Final = 2
_LEAST_ROOM: Final = 1024


class CutOff(InvalidOutput):
    """An answer that ended at its token limit."""


@overload
async def ask(
    model: ChatModel, prompt: str | Sequence[Message], *, system: str | None = None, **settings: Unpack[ModelSettings]
) -> str: ...


@overload
async def ask(
    model: ChatModel,
    prompt: str | Sequence[Message],
    *,
    system: str | None = None,
    output: type[T],
    **settings: Unpack[ModelSettings],
) -> T: ...


async def ask(
    model: ChatModel,
    prompt: str | Sequence[Message],
    *,
    system: str | None = None,
    output: Any = str,
    **settings: Unpack[ModelSettings],
) -> Any:
    """Ask a model for text, or for a value of a type.

    Args:
        model: From `connect`, or any `ChatModel`.
        prompt: The question, or a conversation.
        system: What the model is told before it.
        output: What to answer with: `str`, a pydantic model, an Enum or a `Literal` for a choice of label, or a plain
            JSON type such as `list[str]`.
        **settings: As for `complete`; `on_text` for text only, because text that was shown cannot be repaired.

    Raises:
        InvalidOutput: The answer is not what was asked for, repairs included.
        Refused: The model declined.
        ModelError: There is no answer.
        TypeError: The model is none, the prompt is neither text nor messages, `output` has no JSON schema, or a
            setting is not known or does not fit.
        ValueError: The conversation is empty.
        RuntimeError: The model is not open.
    """
    _check(model, settings, output)
    question = _Question(model, conversation(prompt, system), settings, None if output is str else wanted(output))
    return await question.answer()


def _check(model: object, settings: ModelSettings, output: object) -> None:
    if not callable(getattr(model, "complete", None)):
        name = repr(model) if isinstance(model, str) else "'provider:name'"
        raise TypeError(
            f"ask() needs a model, not {type(model).__name__}: connect first: "
            f"`async with connect({name}) as model: await ask(model, ...)`"
        )
    check_settings(settings, "ask()")
    if "response_schema" in settings:
        raise TypeError("ask() makes its own response_schema: pass the type as `output`, or call model.complete()")
    if output is not str and settings.get("on_text") is not None:
        raise TypeError(
            "ask(output=..., on_text=...): an answer that does not fit is asked for again, and the text that was shown "
            "cannot be taken back: leave out `on_text`, or ask for text"
        )


class _Question:
    """One question, through its repairs."""

    def __init__(
        self, model: ChatModel, messages: list[Message], settings: ModelSettings, wish: Wanted[Any] | None
    ) -> None:
        self._model = model
        self._messages = messages
        self._wish = wish
        self._settings = settings
        if wish is not None:
            self._settings = {**settings, "response_schema": wish.schema}
        self._repairs = REPAIRS
        self._longer = 1
        self._usage = NO_USAGE
        self._attempts = 0

    async def answer(self) -> Any:
        with keeping_track() as kept:
            try:
                return await self._mended()
            except (InvalidOutput, Refused):
                for forget in kept:
                    await forget()
                raise

    async def _mended(self) -> Any:
        while True:
            try:
                return await self._try()
            except InvalidOutput as error:
                invalid = self._summed(error)
            except ModelError as error:
                self._summed(error)
                raise
            if not self._mend(invalid):
                raise _given_up(invalid, self._attempts)

    async def _try(self) -> Any:
        model = self._model
        if type(model) is ConnectedModel:  # a wrapper's own `complete` is never passed by
            _, value = await model.complete_parsed(self._messages, self._parse, **self._settings)
            return value
        completion = await completed_by(model, self._messages, self._settings)
        try:
            return self._parse(completion)
        except InvalidOutput as error:
            error.usage, error.attempts = completion.usage, completion.attempts
            raise

    def _parse(self, completion: Completion) -> Any:
        if completion.finish_reason == "length":
            raise CutOff(
                f"{completion.model} stopped at its token limit after {_size(completion.usage)}: raise max_tokens",
                text=completion.text,
                errors=["the answer was cut off at its token limit"],
                model=completion.model,
            )
        if self._wish is None:
            return completion.text
        try:
            return self._wish.read(completion.text)
        except ValidationError as error:
            wrong = problems(error)
        raise InvalidOutput(
            f"{completion.model} answered with something else than {self._wish.schema['name']}: {'; '.join(wrong)}",
            text=completion.text,
            errors=wrong,
            model=completion.model,
        )

    def _summed(self, error: Any) -> Any:
        self._usage += error.usage
        self._attempts += error.attempts
        error.usage, error.attempts = self._usage, self._attempts
        return error

    def _mend(self, invalid: InvalidOutput) -> bool:
        """Change the question so that the next answer may be better; False when nothing is left to try."""
        if isinstance(invalid, CutOff):
            if invalid.text and self._settings.get("on_text") is not None:
                return False
            self._longer -= 1
            self._settings = {**self._settings, "max_tokens": self._twice(invalid)}
            return self._longer >= 0
        self._repairs -= 1
        self._messages = [*self._messages, *_repair(invalid, cast("Wanted[Any]", self._wish))]
        return self._repairs >= 0

    def _twice(self, invalid: InvalidOutput) -> int:
        given = self._settings.get("max_tokens")
        return 2 * (given if given is not None else max(_LEAST_ROOM, invalid.usage.output_tokens))


def _repair(invalid: InvalidOutput, wish: Wanted[Any]) -> list[Message]:
    wrong = "\n".join(f"- {line}" for line in invalid.errors)
    return [
        {"role": "assistant", "content": invalid.text},
        {"role": "user", "content": f"That answer cannot be used:\n{wrong}\n\n{schema_in_words(wish.schema)}"},
    ]


def _given_up(invalid: InvalidOutput, attempts: int) -> InvalidOutput:
    if attempts > 1:
        invalid.args = (f"{invalid}. Tried {attempts} times",)
    return invalid


def _size(usage: Usage) -> str:
    return f"{usage.output_tokens} tokens" if usage.output_tokens else "some tokens"
