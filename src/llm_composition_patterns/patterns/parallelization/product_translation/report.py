"""Results as a person reads them."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ....console import counted, printable, usage_line
from ....outcome import Failure, Outcome
from ...brindlehaw import Details, Texts
from .languages import Language
from .records import Models, simulated, total_usage, why
from .translate import ProductResult, Translation

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_SHOWN_WHOLE = 3
"""Of more products than these, each is one line."""

LABELS = {
    "available_colors": "colors",
    "product_features": "features",
    "fabric_details": "fabric",
    "other_details": "other",
}


def report(results: Sequence[ProductResult], models: Models, *, whole: Container[int] = ()) -> Iterator[RenderableType]:
    """What to print: each product with its translations, or a line for each if they are many, but those in `whole`."""
    many = len(results) > MOST_SHOWN_WHOLE
    if many:
        yield _table(results)
    for result in results:
        if not many or result.product.product_id in whole:
            yield from _product(result, simulated(result, models))


def totals(results: Sequence[ProductResult], seconds: float) -> list[str]:
    """What was measured, as lines."""
    outcomes = [outcome for result in results for outcome in result.outcomes.values()]
    wanted = sum(len(result.languages) for result in results)
    ok = sum(len(result.successes) for result in results)
    ended = sum(not cancelled(outcome) for outcome in outcomes)
    stopped = wanted - ended
    busy = sum(outcome.elapsed for outcome in outcomes)
    queued = sum(outcome.queued for outcome in outcomes)
    average = busy / len(outcomes) if outcomes else 0.0
    waits = f", {queued:.2f} s waiting for permits" if queued else ""
    return [
        f"{ok} of {wanted} translations, {wanted - ok - stopped} failed" + (f", {stopped} stopped" if stopped else ""),
        f"{seconds:.2f} s in all, {average:.2f} s a language on average",
        f"{busy:.2f} s of branches{waits}",
        used(results),
    ]


def cancelled(outcome: Outcome[Translation]) -> bool:
    """Whether a translation was stopped before it ended."""
    return isinstance(outcome, Failure) and outcome.kind == "cancelled"


def used(results: Sequence[ProductResult]) -> str:
    """Tokens, calls and cost in one line."""
    usage = total_usage(results)
    outcomes = [outcome for result in results for outcome in result.outcomes.values()]
    repairs = sum(max(outcome.usage.calls - 1, 0) for outcome in outcomes)  # a translation is one call and its repairs
    return usage_line(usage, repairs=repairs)


def failures(results: Sequence[ProductResult], *, said: str = "") -> list[str]:
    """Each failed translation, those that failed alike together; those that were stopped, in one line.

    Args:
        results: The products.
        said: Why the run ended, where that was told already; it is not told again.
    """
    alike: dict[str, list[tuple[int, Language, str]]] = {}
    stopped = 0
    for result in results:
        for language, failure in result.failures.items():
            what = f"{failure.kind}: {why(failure)}"
            if cancelled(failure):
                stopped += 1
            elif not said or why(failure) != said:
                failed = (result.product.product_id, language, what)
                alike.setdefault(_without_names(what, result, failure), []).append(failed)
    lines = [line for failed in alike.values() for line in _alike(failed)]
    return [*lines, f"{counted(stopped, 'translation')} stopped before the end"] if stopped else lines


def _without_names(what: str, result: ProductResult, failure: Failure) -> str:
    """What is left of a failure's text that may be that of another: whose branch it was is said beside it.

    Of calls that a budget cannot pay for, each names its own amount; they are alike all the same.
    """
    if failure.kind == "budget":
        return failure.kind
    return what.replace(f"branch {failure.index} ({failure.name!r}) of {result.name!r}", "branch")


def _alike(failed: Sequence[tuple[int, Language, str]]) -> Iterator[str]:
    """The first in full; of the others, which they are."""
    (product_id, language, what), *others = failed
    yield f"product {product_id}, {language.name}: {what}"
    if not others:
        return
    products: dict[int, list[str]] = {}
    for other_id, other, _ in others:
        products.setdefault(other_id, []).append(other.name)
    named = "; ".join(f"product {other_id}, {', '.join(names)}" for other_id, names in products.items())
    yield f"the same for {len(others)} more: {named}"


def found(results: Sequence[ProductResult]) -> list[str]:
    """What the checks found, a line each."""
    return [
        f"product {result.product.product_id}, {language.name}: {finding}"
        for result in results
        for language, outcome in result.successes.items()
        for finding in outcome.value.findings
    ]


def _product(result: ProductResult, made_up: Container[Language]) -> Iterator[RenderableType]:
    from rich.rule import Rule  # noqa: PLC0415 - only where something is printed

    details = result.product.extracted_data
    price = (details.model_extra or {}).get("price")
    heading = f"{result.product.product_id}  {result.product.name}"
    yield Rule(printable(f"{heading}  {price}" if price else heading), align="left")
    yield from _texts("English", details, "as it is")
    for language, outcome in result.successes.items():
        note = f"{outcome.elapsed:.2f} s"
        yield from _texts(language.title, outcome.value.details, f"SIMULATED, {note}" if language in made_up else note)


def _texts(title: str, details: Details, note: str) -> Iterator[RenderableType]:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    yield ""
    yield Text.assemble((title, "bold"), f"  ({note})")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, min_width=8, style="dim")
    grid.add_column(overflow="fold")
    for label, value in _rows(details.texts.fields()):
        grid.add_row("  " + label, Text(printable(value)))
    yield grid


def _rows(fields: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    for field in Texts.model_fields:
        texts = fields.get(field, ())
        if field == "available_colors" and texts:
            yield LABELS[field], ", ".join(texts)
        else:
            for index, text in enumerate(texts):
                yield "" if index else LABELS[field], text


def _table(results: Sequence[ProductResult]) -> RenderableType:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, padding=(0, 2), pad_edge=False)
    for column, justify in (("id", "right"), ("product", "left"), ("ok", "right"), ("failed", "right"),
                            ("findings", "right"), ("seconds", "right")):  # fmt: skip
        table.add_column(column, justify=justify)  # type: ignore[arg-type]  # rich takes only its own literals
    for result in results:
        ok = len(result.successes)
        noted = sum(len(outcome.value.findings) for outcome in result.successes.values())
        failed = len(result.languages) - ok
        cells = (result.product.product_id, result.product.name, ok, failed or "", noted or "", f"{result.seconds:.2f}")
        table.add_row(*(printable(str(cell)) for cell in cells))
    return table
