"""Translating products: one branch for each language, nothing finished is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from opentelemetry import trace

from ....errors import AuthenticationFailed, ConfigurationError, InsufficientCredit, UnknownModel
from ....llm import ChatModel, ModelSettings, ask
from ....outcome import Failure, Outcome, Success
from ....runs import Progress
from ....usage import NO_USAGE, Usage
from ...brindlehaw import Details, Product, Texts
from .. import parallelize, stream_outcomes
from .checks import findings
from .languages import Language

SYSTEM = """\
You translate the catalog of Brindlehaw, a maker of outdoor apparel, from English into {language}.
You are given a JSON document with texts of one product. Answer with a JSON document of the same shape: the same keys, \
null where there is null, as many entries in each list as before and in the same order.
Translate every text, the names of colors too, as somebody would write who sells clothing in that language.
Keep as they are: numbers and units (UPF 30+, 121 g), placeholders in braces, trademark signs, and the names {names}.\
"""

ShowProgress = bool | Callable[[Progress], object]

FATAL = (AuthenticationFailed, UnknownModel, InsufficientCredit, ConfigurationError)
"""What no other translation by the same model would be spared."""


@dataclass(frozen=True, slots=True)
class Translation:
    """A product in another language, and what the checks found."""

    details: Details
    findings: tuple[str, ...]


@dataclass(slots=True)
class ProductResult:
    """What became of one product: an outcome for each language, and the span of its branch where one was recorded."""

    product: Product
    languages: Sequence[Language]
    outcomes: dict[Language, Outcome[Translation]] = field(default_factory=dict)
    span_ids: dict[Language, str] = field(default_factory=dict)
    offset: float = 0.0
    seconds: float = 0.0
    trace_id: str | None = None

    @property
    def name(self) -> str:
        """What the fan-out over its languages is called."""
        return f"translate_product_{self.product.product_id}"

    def add(self, outcome: Outcome[Translation]) -> None:
        """Take what became of one language."""
        self.outcomes[self.languages[outcome.index]] = outcome

    @property
    def in_order(self) -> dict[Language, Outcome[Translation]]:
        """What there is so far, in the order asked for."""
        return {language: self.outcomes[language] for language in self.languages if language in self.outcomes}

    @property
    def successes(self) -> dict[Language, Success[Translation]]:
        """The translations that there are, in the order asked for."""
        return {language: outcome for language, outcome in self.in_order.items() if isinstance(outcome, Success)}

    @property
    def failures(self) -> dict[Language, Failure]:
        """The languages that failed, in the order asked for."""
        return {language: outcome for language, outcome in self.in_order.items() if isinstance(outcome, Failure)}

    @property
    def usage(self) -> Usage:
        """What the calls for this product used."""
        return sum((outcome.usage for outcome in self.outcomes.values()), NO_USAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Translator:
    """Translates products with the model of each language.

    Attributes:
        models: The model of each language, and its name as `provider:model`.
        timeout: Seconds for one translation, its retries included, waiting for permits not.
        seed: For repeatable answers, where the model offers them.
        keep: Called with each product as soon as nothing of it runs any more, whatever ended it.
    """

    models: Mapping[Language, tuple[str, ChatModel]]
    timeout: float
    seed: int | None = None
    keep: Callable[[ProductResult], None]

    async def products(self, results: Sequence[ProductResult], *, progress: ShowProgress = False) -> None:
        """Translate several products at once, each into its languages; one alone needs no fan-out around it."""
        if len(results) == 1:
            await self.product(results[0], progress=progress)
            return
        began = asyncio.get_running_loop().time()
        step = partial(self.product, began=began)
        await parallelize(step, results, name="translate_products", branch_name="product", progress=progress)

    async def product(
        self, result: ProductResult, *, began: float | None = None, progress: ShowProgress = False
    ) -> None:
        """Translate one product into its languages at once, and add each outcome to its result."""
        clock = asyncio.get_running_loop().time
        here = clock()
        result.offset = 0.0 if began is None else here - began
        stream = stream_outcomes(
            partial(self._translate, result),
            result.languages,
            name=result.name,
            branch_name=lambda language: f"translate_to_{language.slug}",
            timeout=self.timeout,
            progress=progress,
        )
        try:
            async with stream as outcomes:
                result.trace_id = outcomes.trace_id
                async for outcome in outcomes:
                    result.add(outcome)
                    self._raise_if_fatal(outcome)
                outcomes.set_attributes(_measured(result, clock() - here))
        finally:
            for outcome in stream.rest():
                result.add(outcome)
            result.seconds = clock() - here
            await asyncio.to_thread(self.keep, result)

    def _raise_if_fatal(self, outcome: Outcome[Translation]) -> None:
        """Stop everything for what would fail every other translation too, all being by one model."""
        names = {name for name, _ in self.models.values()}
        if len(names) == 1 and isinstance(outcome, Failure) and isinstance(outcome.error, FATAL):
            raise outcome.error

    async def _translate(self, result: ProductResult, language: Language) -> Translation:
        product, (name, model) = result.product, self.models[language]
        span = trace.get_current_span()
        if span.is_recording():
            result.span_ids[language] = trace.format_span_id(span.get_span_context().span_id)
        span.set_attributes({"language": language.name, "model": name, "success": False})
        try:
            texts = await self._texts(product, language, model)
        except BaseException as error:
            span.set_attribute("error", type(error).__name__)
            raise
        source = product.extracted_data
        found = tuple(findings(source.texts, texts))
        length = sum(len(text) for field in texts.fields().values() for text in field)
        span.set_attributes({"success": True, "response_length": length, "num_findings": len(found)})
        return Translation(source.translated(texts), found)

    async def _texts(self, product: Product, language: Language, model: ChatModel) -> Texts:
        source = product.extracted_data.texts
        if not source.fields():
            return source
        name = product.extracted_data.product_name
        kept = "Brindlehaw" if name is None else f"Brindlehaw and {name}"
        settings: ModelSettings = {"temperature": 0.2}
        if self.seed is not None:
            settings["seed"] = self.seed
        system = SYSTEM.format(language=language.in_full, names=kept)
        document = json.dumps(source.model_dump(), ensure_ascii=False, indent=2)  # pydantic's refuses half a character
        return await ask(model, document, system=system, output=Texts, **settings)


def _measured(result: ProductResult, seconds: float) -> dict[str, object]:
    branches = [outcome.elapsed for outcome in result.outcomes.values()]
    return {
        "product_id": result.product.product_id,
        "languages": [language.name for language in result.languages],
        "num_languages": len(result.languages),
        "total_translation_time_seconds": seconds,
        "average_time_per_language_seconds": sum(branches) / len(branches) if branches else 0.0,
    }
