"""Results as JSON: the file of a product, and the one object of `--json`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ....console import is_simulated, on_command_line, usage_record
from ....outcome import Failure, Success
from ....usage import NO_USAGE, Usage
from .languages import Language
from .translate import ProductResult

Models = Mapping[Language, str]

STOPPED = "stopped before it ended"


def record(result: ProductResult, models: Models) -> dict[str, Any]:
    """One product: its original, its translations, and what became of each language."""
    return {
        "product_id": result.product.product_id,
        "original": result.product.extracted_data.model_dump(),
        "translations": {
            language.name: outcome.value.details.model_dump() for language, outcome in result.successes.items()
        },
        "status": {language.name: _status(result, language, models) for language in result.languages},
        "simulated": bool(simulated(result, models)),
    }


def simulated(result: ProductResult, models: Models) -> set[Language]:
    """The languages whose translations are simulated: by the model's name, or by what its server said it was."""
    return {
        language
        for language, outcome in result.outcomes.items()
        if any(is_simulated(name) for name in (models[language], *outcome.usage.by_model))
    }


def summary(results: Sequence[ProductResult], models: Models, *, trace: str | None) -> dict[str, Any]:
    """The whole run as one object."""
    return {
        "results": [record(result, models) for result in results],
        "usage": usage_record(total_usage(results)),
        "failures": [
            {"product_id": result.product.product_id, "language": language.name, **_failed(failure)}
            for result in results
            for language, failure in result.failures.items()
        ],
        "simulated": any(simulated(result, models) for result in results),
        "trace": trace,
    }


def total_usage(results: Iterable[ProductResult]) -> Usage:
    """What all calls used."""
    return sum((result.usage for result in results), NO_USAGE)


def _status(result: ProductResult, language: Language, models: Models) -> dict[str, Any]:
    outcome = result.outcomes.get(language)
    status: dict[str, Any] = {"ok": False, "kind": "cancelled", "error": STOPPED, "elapsed": 0.0, "attempts": 0}
    if outcome is not None:
        status |= {"elapsed": round(outcome.elapsed, 3), "attempts": outcome.attempts}
    if isinstance(outcome, Failure):
        status |= _failed(outcome)
    if isinstance(outcome, Success):
        status |= {"ok": True, "kind": None, "error": None}
    found = list(outcome.value.findings) if isinstance(outcome, Success) else []
    return {**status, "model": models[language], "findings": found}


def _failed(failure: Failure) -> dict[str, str]:
    return {"kind": failure.kind, "error": why(failure)}


def why(failure: Failure) -> str:
    """Why a translation failed, for a person."""
    if failure.kind == "cancelled":
        return STOPPED
    return on_command_line(str(failure.error)) or type(failure.error).__name__
