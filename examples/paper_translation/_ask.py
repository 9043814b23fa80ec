"""One call: texts with tokens in, the same texts in another language out, with each token once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel

from llm_composition_patterns import ChatModel, InvalidOutput, Message, ModelSettings, ask

from ._languages import Language
from ._mask import TOKEN, damage

PROMPT: Final = "1"
"""To be changed with the words below: what was translated with others is not taken for the same then."""

SYSTEM: Final = """\
You translate scientific papers from {spoken} into {wanted}, as their authors would have written them in {wanted}.
You are given a JSON document. Translate each of its `texts`; `kinds` says what each one is. Answer with a JSON \
document whose `texts` has as many entries in the same order.
A token such as ⟦M1⟧ stands for a formula, a citation, code or an address. Put each token of a text exactly once into \
its translation, unchanged, where the sentence needs it; write no other one.
Use the words of `glossary` for its terms. `title` and `context` are there to be understood, not to be translated.
Keep numbers and the marks of headings, lists and tables. Write the names of persons in Latin letters.\
"""

WRONG: Final = "Some tokens of your answer are wrong:\n{wrong}\nAnswer once more with all the texts, each token once."


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of the model.

    Attributes:
        texts: The texts, with tokens.
        kinds: What each of them is.
        title: The paper's title.
        context: What comes before them.
        glossary: The terms that are in them.
    """

    texts: tuple[str, ...]
    kinds: tuple[str, ...]
    title: str = ""
    context: str = ""
    glossary: Mapping[str, str] = field(default_factory=dict)


class Answer(BaseModel):
    """What the model answers with."""

    texts: list[str]


class WrongTokens(InvalidOutput):
    """An answer whose tokens are not those of the source, after it was asked for again."""


async def ask_for_texts(
    model: ChatModel, request: Request, spoken: Language, wanted: Language, settings: ModelSettings
) -> list[str]:
    """The texts in the other language.

    Raises:
        WrongTokens: There is none with the right tokens; its `text` is the answer with the fewest wrong ones, as JSON.
    """
    document = {key: value for key in ("title", "context", "glossary") if (value := getattr(request, key))}
    document |= {"kinds": request.kinds, "texts": request.texts}
    messages: list[Message] = [{"role": "user", "content": json.dumps(document, ensure_ascii=False)}]
    system = SYSTEM.format(spoken=spoken.name, wanted=wanted.name)
    first = (await ask(model, messages, system=system, output=Answer, **settings)).texts
    wrong = wrong_tokens(request.texts, first)
    if not wrong:
        return first
    messages += [
        {"role": "assistant", "content": json.dumps({"texts": first}, ensure_ascii=False)},
        {"role": "user", "content": WRONG.format(wrong="\n".join(f"- {line}" for line in wrong))},
    ]
    second = (await ask(model, messages, system=system, output=Answer, **settings)).texts
    still = wrong_tokens(request.texts, second)
    if not still:
        return second
    best = second if len(still) <= len(wrong) else first
    raise WrongTokens("the tokens of the answer are wrong: " + "; ".join(still), text=json.dumps(best), errors=still)


def wrong_tokens(sources: Sequence[str], answers: Sequence[str]) -> list[str]:
    """What is wrong with the tokens of an answer, a line for each text."""
    if len(sources) != len(answers):
        return [f"there are {len(answers)} texts and not {len(sources)}"]
    pairs = enumerate(zip(sources, answers, strict=True), 1)
    found = ((number, damage(new, dict.fromkeys(TOKEN.findall(old), ""))) for number, (old, new) in pairs)
    return [f"text {number}: {wrong}" for number, wrong in found if wrong]
