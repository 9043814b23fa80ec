"""Checks the facts, the tone and the promises of one text, side by side.

    python -m llm_composition_patterns.patterns.sectioning.example "The High Meadow Sun Hoodie is 99 g and sustainable!"

README.md beside this file says when to use the pattern, what is printed and traced, and what happens when a part fails.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ...console import Example, counted, leave, run_example, table
from ...llm import ChatModel, Message, ask
from ...outcome import Failure, Outcome, Success
from ...steps import Step
from .. import brindlehaw
from . import together

SECTIONS = ("facts", "tone", "policy")

FACTS = "List what this text says that the records below do not bear out, a sentence each; nothing if all of it holds."
TONE = "List where this text does not keep to the way the brand writes, a sentence each; nothing if it does."
POLICY = "List what this text promises that the guarantee and the company below do not, a sentence each; or nothing."


class Findings(BaseModel):
    """What is wrong, a sentence each."""

    findings: list[str]


Report = tuple[Outcome[Findings], ...]


def desk(model: ChatModel, _conversation: Sequence[Message] = ()) -> Step[str, Report]:
    """Three checks of a text, each of which knows only what it needs."""
    catalog, voice = brindlehaw.catalog().values(), brindlehaw.brand_voice()
    rules = f"{brindlehaw.lifetime_guarantee()}\n\n{brindlehaw.about_us()}"

    async def facts(text: str) -> Findings:
        records = "\n".join(product.model_dump_json() for product in brindlehaw.find_products(catalog, text))
        return await ask(model, text, system=f"{FACTS}\n\n{records}", output=Findings)

    async def tone(text: str) -> Findings:
        return await ask(model, text, system=f"{TONE}\n\n{voice}", output=Findings)

    async def policy(text: str) -> Findings:
        return await ask(model, text, system=f"{POLICY}\n\n{rules}", output=Findings)

    async def check(text: str) -> Report:
        checks = facts(text), tone(text), policy(text)
        report = await together(*checks, name="check_text", names=SECTIONS, on_error="collect")
        failures = [section for section in report if isinstance(section, Failure)]
        if len(failures) == len(report):
            raise failures[0].error
        return report

    return check


def row(section: Outcome[Findings]) -> list[str]:
    """A section as a line of a table."""
    if isinstance(section, Failure):
        return [section.name, f"failed ({section.kind})", ""]
    found = section.value.findings
    return [section.name, counted(len(found), "finding"), "\n".join(found)]


def record(report: Report) -> dict[str, Any]:
    """The report as JSON; a section that failed has null."""
    return {one.name: one.value.findings if isinstance(one, Success) else None for one in report}


PROMISES = {"free returns": "no free shipping on returns", "sale": "no sales", "sustainable": "nothing is called that"}
PRAISE = ("ultimate", "revolutionary", "bombproof", "featherlight", "engineered", "eco-friendly", "investment")


def offline(request: Mapping[str, Any]) -> Any:
    """How the simulated model answers: numbers are looked up in the records, words in lists."""
    told, text = request["messages"][0]["content"], request["messages"][-1]["content"]
    said = text.lower()
    if told.startswith(FACTS):
        numbers = re.findall(r"\d+(?:[.,]\d+)*", text)
        found = [f"The records do not say {number}." for number in numbers if number not in told]
    elif told.startswith(TONE):
        found = [f"It says {word!r}." for word in PRAISE if word in said]
        found += ["It has an exclamation mark."] if "!" in said else []
    else:
        found = [f"It promises {promise!r}: {rule}." for promise, rule in PROMISES.items() if promise in said]
    return {"findings": [f"SIMULATED: {one}" for one in found]}


EXAMPLE = Example(
    name="sectioning",
    description="Check the facts, the tone and the promises of a text, side by side.",
    commands="""\
{prog} "The High Meadow Sun Hoodie is 99 g and sustainable!"
{prog} < draft.txt
{prog} --model groq:openai/gpt-oss-20b --trace phoenix "Our ultimate mitt, with free returns."
{prog}""",
    asks_for="text",
    build=desk,
    show=lambda report: [table(["section", "result", "findings"], [row(section) for section in report])],
    record=record,
    says=str,
    outcomes=list,
    offline=offline,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    return run_example(EXAMPLE, argv)


if __name__ == "__main__":
    leave(main())
