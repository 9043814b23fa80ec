"""`ask`: values of a type, repairs, the ladder, answers that were cut off."""

import asyncio
import enum
import json
from dataclasses import replace
from decimal import Decimal
from typing import Literal

import pytest
from pydantic import BaseModel
from scripted import ScriptedEndpoint, completion, model_over, refusal

from llm_composition_patterns.errors import AuthenticationFailed, InvalidOutput, ModelError, Refused
from llm_composition_patterns.llm import ChatModel, Completion, ask
from llm_composition_patterns.patterns.parallelization import parallelize
from llm_composition_patterns.runs import track
from llm_composition_patterns.usage import Usage


class Product(BaseModel):
    """A thing for sale."""

    name: str
    colors: list[str]


class Kind(enum.Enum):
    """What a question is about."""

    PRODUCT = "product"
    COMPANY = "company"


RIGHT = completion('{"name": "hat", "colors": ["red"]}')
WRONG = completion('{"name": 5}')
HAT = Product(name="hat", colors=["red"])
NO_SCHEMA = refusal(400, "response_format json_schema is not supported")
NOT_VALID = refusal(400, "Failed to generate JSON.", code="json_validate_failed")


def formats(endpoint):
    return [body.get("response_format", {}).get("type", "text") for body in endpoint.bodies]


async def test_text_is_asked_for_by_default():
    """Without a type the answer is its text."""
    endpoint = ScriptedEndpoint(completion("hola"))
    async with model_over(endpoint) as model:
        assert await ask(model, "hello", system="Be brief.", temperature=0.1) == "hola"
    assert endpoint.bodies[0]["messages"][0] == {"role": "system", "content": "Be brief."}
    assert endpoint.bodies[0]["temperature"] == 0.1


async def test_a_value_of_a_type_is_asked_for():
    """A pydantic model, a label, a plain type."""
    async with model_over(
        ScriptedEndpoint(RIGHT, completion('{"value": "company"}'), completion('{"value": [1]}'))
    ) as m:
        assert await ask(m, "make", output=Product) == HAT
        assert await ask(m, "choose", output=Kind) is Kind.COMPANY
        assert await ask(m, "count", output=list[int]) == [1]


async def test_an_invalid_answer_is_sent_back_with_what_is_wrong():
    """The model sees its answer, the errors and the schema, and answers again."""
    endpoint = ScriptedEndpoint(WRONG, RIGHT)
    async with track("run") as tracked, model_over(endpoint) as model:
        assert await ask(model, "make", output=Product) == HAT
    question, answer, objection = endpoint.bodies[1]["messages"]
    assert question == {"role": "user", "content": "make"}
    assert answer == {"role": "assistant", "content": '{"name": 5}'}
    assert "- name: Input should be a valid string\n- colors: Field required" in objection["content"]
    assert '"colors"' in objection["content"]
    assert tracked.usage.calls == 2


async def test_after_two_repairs_the_answer_is_invalid():
    """With the last text, the errors, and the usage of all attempts."""
    endpoint = ScriptedEndpoint(WRONG, WRONG, completion("sorry"))
    async with model_over(endpoint) as model:
        with pytest.raises(InvalidOutput, match=r"something else than Product: Invalid JSON.*Tried 3 times$") as caught:
            await ask(model, "make", output=Product)
    error = caught.value
    assert len(endpoint.bodies) == 3
    assert (error.text, error.model, error.attempts) == ("sorry", "groq:openai/gpt-oss-20b", 3)
    assert (error.usage.attempts, error.usage.input_tokens) == (3, 30)
    assert error.errors[0].startswith("Invalid JSON")


async def test_an_error_during_a_repair_knows_what_was_used_before():
    """The sum, not only its own."""
    async with model_over(ScriptedEndpoint(WRONG, refusal(401))) as model:
        with pytest.raises(AuthenticationFailed) as caught:
            await ask(model, "make", output=Product)
    assert (caught.value.attempts, caught.value.usage.input_tokens) == (2, 10)


async def test_a_refused_schema_steps_down_and_is_remembered():
    """Schema, then JSON, then text; the next call starts where this one ended."""
    refused = refusal(400, "'response_format' is not supported")
    endpoint = ScriptedEndpoint(NO_SCHEMA, refused, completion(f"Sure: {json.dumps(HAT.model_dump())}"), RIGHT)
    async with model_over(endpoint) as model:
        assert await ask(model, "make", output=Product) == HAT
        assert await ask(model, "make", output=Product) == HAT
    assert formats(endpoint) == ["json_schema", "json_object", "text", "text"]
    assert "JSON schema" in endpoint.bodies[1]["messages"][0]["content"]


async def test_stepping_down_costs_no_attempt():
    """A model with one attempt can still go down the whole ladder."""
    endpoint = ScriptedEndpoint(NO_SCHEMA, NO_SCHEMA, RIGHT)
    async with model_over(endpoint, attempts=1) as model:
        assert await ask(model, "make", output=Product) == HAT


async def test_a_failed_check_of_the_provider_steps_down_for_that_call_only():
    """Where the schema was enforced before, it is tried again for the next call."""
    endpoint = ScriptedEndpoint(RIGHT, NOT_VALID, RIGHT, RIGHT)
    async with model_over(endpoint) as model:
        for _ in range(3):
            await ask(model, "make", output=Product)
    assert formats(endpoint) == ["json_schema", "json_schema", "json_object", "json_schema"]


async def test_a_check_that_never_worked_is_remembered():
    """The first call's failure spares the others theirs."""
    endpoint = ScriptedEndpoint(NOT_VALID, RIGHT, RIGHT)
    async with model_over(endpoint) as model:
        for _ in range(2):
            await ask(model, "make", output=Product)
    assert formats(endpoint) == ["json_schema", "json_object", "json_object"]


async def test_the_ladder_has_an_end():
    """A provider that objects to plain text too has the last word."""
    async with model_over(ScriptedEndpoint(NO_SCHEMA)) as model:
        with pytest.raises(ModelError, match="does not take response_format"):
            await ask(model, "make", output=Product)


@pytest.mark.parametrize(
    ("settings", "limits"), [({"max_tokens": 100}, [100, 200]), ({}, [None, 2048])], ids=["given", "default"]
)
async def test_an_answer_that_was_cut_off_gets_twice_the_room_once(settings, limits):
    """The same question again, nothing repaired."""
    cut = completion('{"name": "ha', finish_reason="length", tokens=(10, 100))
    endpoint = ScriptedEndpoint(cut, RIGHT)
    async with model_over(endpoint) as model:
        assert await ask(model, "make", output=Product, **settings) == HAT
    assert [body.get("max_completion_tokens") for body in endpoint.bodies] == limits
    assert len(endpoint.bodies[1]["messages"]) == 1


@pytest.mark.parametrize("output", [Product, str])
async def test_an_answer_cut_off_twice_says_so(output):
    """Also text: half an answer is no answer."""
    endpoint = ScriptedEndpoint(completion("half", finish_reason="length"))
    async with model_over(endpoint) as model:
        with pytest.raises(InvalidOutput, match=r"stopped at its token limit.*raise max_tokens\. Tried 2") as caught:
            await ask(model, "make", output=output, max_tokens=5)
    assert len(endpoint.bodies) == 2
    assert caught.value.text == "half"


async def test_a_refusal_is_not_repaired():
    """The model declined, and that is the answer."""
    endpoint = ScriptedEndpoint(completion(message={"refusal": "I will not"}))
    async with model_over(endpoint) as model:
        with pytest.raises(Refused, match="I will not"):
            await ask(model, "make", output=Product)
    assert len(endpoint.bodies) == 1


class Parrot:
    """Somebody's own client."""

    def __init__(self, *texts):
        self.texts, self.calls = list(texts), []

    async def complete(self, messages, /, **settings):
        """Answer the next text."""
        self.calls.append((messages, settings))
        return Completion(text=self.texts.pop(0), model="parrot", usage=Usage(calls=1, input_tokens=3))


class Named(Parrot):
    """A client that names its model in its usage."""

    async def complete(self, messages, /, **settings):
        """Answer the next text."""
        usage = Usage(calls=1, input_tokens=4).of_model("house:x")
        return replace(await super().complete(messages, **settings), usage=usage)


class Wrapper:
    """A model around another, whose other attributes are those of the other."""

    def __init__(self, model):
        self.model, self.seen = model, 0

    def __getattr__(self, name):
        return getattr(self.model, name)

    async def complete(self, messages, /, **settings):
        """Count the calls."""
        self.seen += 1
        return await self.model.complete(messages, **settings)


class Disguised(Wrapper):
    """A wrapper that `isinstance` takes for what it wraps."""

    @property
    def __class__(self):
        return type(self.model)


async def test_anybodys_model_can_be_asked():
    """One method is enough; repairs work the same."""
    parrot = Parrot('{"name": 5}', '{"name": "hat", "colors": ["red"]}')
    assert isinstance(parrot, ChatModel)
    assert await ask(parrot, "make", output=Product, seed=1) == HAT
    assert parrot.calls[0][1]["response_schema"]["name"] == "Product"
    assert parrot.calls[0][1]["seed"] == 1
    assert len(parrot.calls[1][0]) == 3


async def test_an_invalid_answer_of_anybodys_model_carries_its_usage():
    """What its completions said, added up."""
    with pytest.raises(InvalidOutput) as caught:
        await ask(Parrot("a", "b", "c"), "make", output=Product)
    assert (caught.value.text, caught.value.usage.calls, caught.value.usage.input_tokens) == ("c", 3, 9)


async def test_what_anybodys_model_used_is_accounted():
    """The run sees it, by the model's name; a usage that names its models is taken as it is."""
    async with track("run") as tracked:
        await ask(Parrot("hi"), "hello")
        await ask(Named("hi"), "hello")
    assert (tracked.usage.calls, tracked.usage.input_tokens) == (2, 7)
    assert {name: usage.input_tokens for name, usage in tracked.usage.by_model.items()} == {"parrot": 3, "house:x": 4}


async def test_the_cost_that_anybodys_model_tells_is_accounted():
    """With its answer or in its usage; where it tells none it is unknown."""

    class Paid(Parrot):
        async def complete(self, messages, /, **settings):
            return replace(await super().complete(messages, **settings), cost=Decimal("0.5"))

    class Priced(Parrot):
        async def complete(self, messages, /, **settings):
            usage = Usage(calls=1, known_cost=Decimal(2))
            return replace(await super().complete(messages, **settings), usage=usage)

    async with track("run") as tracked:
        await ask(Paid("hi"), "hello")
        await ask(Priced("hi"), "hello")
        assert tracked.usage.cost == tracked.usage.by_model["parrot"].cost == Decimal("2.5")
        await ask(Parrot("hi"), "hello")
    assert (tracked.usage.cost, tracked.usage.known_cost) == (None, Decimal("2.5"))


async def test_a_branch_of_a_fan_out_sees_what_anybodys_model_used():
    """Its outcome has the usage and the attempts."""
    outcomes = await parallelize(lambda text: ask(Parrot(text), text), ["a", "b"], on_error="collect")
    assert [(one.usage.input_tokens, one.attempts) for one in outcomes] == [(3, 1), (3, 1)]


async def test_what_a_failed_call_of_anybodys_model_used_is_accounted():
    """As far as its error tells; an error that is no ModelError tells nothing."""

    class Failing(Parrot):
        async def complete(self, messages, /, **settings):
            await super().complete(messages, **settings)
            raise error

    async with track("run") as tracked:
        for error in (ModelError("no", model="house:x", usage=Usage(calls=1)), ModelError("no"), LookupError("no")):
            with pytest.raises(type(error)):
                await ask(Failing("hi"), "hello")
    assert tracked.usage.calls == tracked.usage.by_model["house:x"].calls == 1


async def test_a_model_that_wraps_one_of_ours_is_not_counted_twice():
    """Neither its answer nor its error, and calls beside it are no matter."""
    endpoint = ScriptedEndpoint((1, completion("hola")), (1, completion("hola")), refusal(401))
    async with track("run") as tracked, model_over(endpoint) as model:
        wrapped = Wrapper(model)
        await asyncio.gather(ask(wrapped, "hello"), ask(Parrot("hi"), "hello"), ask(model, "hello"))
        with pytest.raises(AuthenticationFailed):
            await ask(wrapped, "hello")
    assert (tracked.usage.calls, tracked.usage.input_tokens) == (4, 23)


async def test_the_complete_of_a_wrapper_is_called():
    """Also where the wrapper passes everything else on, and where it claims to be ours."""
    async with model_over(ScriptedEndpoint(RIGHT)) as model:
        for wrapped in (Wrapper(model), Disguised(model)):
            assert await ask(wrapped, "make", output=Product) == HAT
            assert wrapped.seen == 1


async def test_a_value_of_a_type_is_not_streamed():
    """It may have to be asked for again, and what was shown cannot be taken back."""
    endpoint = ScriptedEndpoint(RIGHT)
    async with model_over(endpoint) as model:
        with pytest.raises(TypeError, match="leave out `on_text`, or ask for text"):
            await ask(model, "make", output=Product, on_text=print)
        assert await ask(model, "make", output=Product, on_text=None) == HAT
    assert len(endpoint.bodies) == 1


@pytest.mark.parametrize(("shown", "calls"), [("half", 1), ("", 2)])
async def test_text_that_was_shown_and_cut_off_is_not_asked_for_again(shown, calls):
    """The pieces of two answers would run together; where none was shown there is nothing to take back."""

    def stream(body, on_text):
        on_text(shown)
        return completion(shown, finish_reason="length")

    pieces, endpoint = [], ScriptedEndpoint(stream)
    async with model_over(endpoint) as model:
        with pytest.raises(InvalidOutput, match="raise max_tokens"):
            await ask(model, "tell", on_text=pieces.append)
    assert pieces == [shown] * calls
    assert len(endpoint.bodies) == calls


async def test_a_setting_that_does_not_exist_is_refused():
    """Before anything is sent, with the known ones, for every model."""
    endpoint, parrot = ScriptedEndpoint(), Parrot("hi")
    known = "max_tokens, on_text, reasoning_effort, response_schema, seed, stop, temperature"
    async with model_over(endpoint) as model:
        for call in (
            ask(model, "hi", temprature=1),
            ask(parrot, "hi", temprature=1),
            model.complete("hi", temprature=1),
        ):
            with pytest.raises(TypeError, match=rf"has no setting temprature: the settings are {known}$"):
                await call
    assert endpoint.bodies == parrot.calls == []


@pytest.mark.parametrize(
    ("model", "message"),
    [("groq:x", r"not str: connect first: `async with connect\('groq:x'\)"), (None, r"not NoneType: connect first")],
)
async def test_a_name_is_no_model(model, message):
    """It must be connected to, and opened."""
    with pytest.raises(TypeError, match=message):
        await ask(model, "hello")


@pytest.mark.parametrize(
    "prompt", [5, None, b"hello", {"role": "user", "content": "hello"}, [{"role": "user"}], ["hi"]]
)
async def test_a_prompt_is_text_or_messages(prompt):
    """Anything else is a mistake in the program, and is told so."""
    async with model_over(ScriptedEndpoint()) as model:
        with pytest.raises(TypeError, match=r"such as {'role': 'user', 'content': '\.\.\.'}"):
            await ask(model, prompt)


async def test_a_schema_of_ones_own_is_for_complete():
    """`ask` makes it from the type."""
    with pytest.raises(TypeError, match="pass the type as `output`"):
        await ask(Parrot(), "make", response_schema={"name": "x", "schema": {}})


async def test_a_list_of_labels_is_no_type():
    """The repair is named: an Enum or a Literal."""
    with pytest.raises(TypeError, match=r"^output=\['a', 'b'\] is no type: .* an Enum or Literal"):
        await ask(Parrot(), "which?", output=["a", "b"])


async def test_what_the_model_is_told_is_text():
    """Anything else is named in a line."""
    with pytest.raises(TypeError, match="system is text that the model is told before the prompt, not int"):
        await ask(Parrot(), "which?", system=5)


async def test_a_literal_is_a_choice_of_label():
    """As short as a list, and a type."""
    async with model_over(ScriptedEndpoint(completion('{"value": "b"}'))) as model:
        assert await ask(model, "which?", output=Literal["a", "b"]) == "b"
