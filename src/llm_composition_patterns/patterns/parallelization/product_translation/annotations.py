"""What the checks say of translations, as annotations on their spans in Phoenix: to filter by, to sort by, to count."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any, Final

from ....tracing import PhoenixError, PhoenixServer
from .checks import verdicts
from .translate import ProductResult

IDENTIFIER: Final = "product-translation-checks"
"""Whose annotations these are: written again, they replace themselves and nobody else's."""

ARRIVING_MAY_TAKE: Final = 15.0
_BETWEEN_TRIES: Final = 0.25
_AT_ONCE: Final = 500


def as_annotations(results: Iterable[ProductResult], *, explain: bool) -> Iterator[dict[str, Any]]:
    """An annotation for each check of each translation whose span was recorded, as Phoenix takes it.

    Args:
        results: The products.
        explain: Say what was found; it may quote a translation.
    """
    for result in results:
        source = result.product.extracted_data.texts
        for language, success in result.successes.items():
            span_id = result.span_ids.get(language)
            for verdict in verdicts(source, success.value.details.texts) if span_id else ():
                passed = not verdict.findings
                explanation = {"explanation": "; ".join(verdict.findings)} if explain and not passed else {}
                yield {
                    "span_id": span_id,
                    "name": verdict.check,
                    "annotator_kind": "CODE",
                    "result": {"label": "pass" if passed else "fail", "score": float(passed), **explanation},
                    "identifier": IDENTIFIER,
                }


def annotate(server: PhoenixServer, results: Iterable[ProductResult]) -> int:
    """Write what the checks say on the spans of the translations, which were handed over before; how many were written.

    It waits on the calling thread until Phoenix has the spans. Where tracing hides inputs or outputs, annotations say
    only what passed and what failed.

    Raises:
        PhoenixError: Phoenix cannot be reached, refuses, or has not all of the spans.
    """
    written = list(as_annotations(results, explain=not _hidden()))
    for first in range(0, len(written), _AT_ONCE):
        _write(server, written[first : first + _AT_ONCE])
    return len(written)


def _write(server: PhoenixServer, some: list[dict[str, Any]]) -> None:
    until = time.monotonic() + ARRIVING_MAY_TAKE
    while True:
        try:
            server.post("/v1/span_annotations?sync=true", {"data": some})
        except PhoenixError as error:  # spans are taken first, and found a moment later
            if error.status != HTTPStatus.NOT_FOUND or time.monotonic() > until:
                raise
            time.sleep(_BETWEEN_TRIES)
        else:
            return


def _hidden() -> bool:
    from openinference.instrumentation import TraceConfig  # noqa: PLC0415 - costs 0.1 s

    config = TraceConfig()
    return bool(config.hide_inputs or config.hide_outputs)
