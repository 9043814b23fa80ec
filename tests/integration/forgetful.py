"""A translation that a check finds fault with."""

import asyncio
import re

from llm_composition_patterns import Scenario, connect
from llm_composition_patterns.patterns import brindlehaw
from llm_composition_patterns.patterns.brindlehaw import Texts
from llm_composition_patterns.patterns.parallelization.product_translation.languages import languages
from llm_composition_patterns.patterns.parallelization.product_translation.translate import ProductResult, Translator


def without_numbers(request):
    """A translator into Spanish that forgets the numbers of the fabric; into French there are none of its faults."""
    if "Spanish" not in request["messages"][0]["content"]:
        return None
    texts = Texts.model_validate_json(request["messages"][-1]["content"]).fields()
    texts["fabric_details"] = [re.sub(r"\d", "", text) for text in texts["fabric_details"]]
    return dict.fromkeys(Texts.model_fields) | {field: [f"[es] {one}" for one in some] for field, some in texts.items()}


def translated() -> ProductResult:
    """Product 5 in Spanish and French, each in its span."""
    result = ProductResult(brindlehaw.select(brindlehaw.load(), ["5"])[0], languages(["spanish", "french"]))
    asyncio.run(translate(result))
    return result


async def translate(result: ProductResult) -> None:
    """Translate it with a model that fails a check in Spanish."""
    async with connect("simulated:", scenario=Scenario(answer=without_numbers)) as model:
        models = dict.fromkeys(result.languages, ("simulated:", model))
        await Translator(models=models, timeout=30, keep=lambda _: None).product(result)
