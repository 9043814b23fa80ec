"""How good a translation is: close to a person's where there is one, and what the checks say in any case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from llm_composition_patterns.patterns.brindlehaw import Texts
from llm_composition_patterns.patterns.parallelization.product_translation.checks import verdicts

from ._cases import Case

if TYPE_CHECKING:
    from sacrebleu.metrics.chrf import CHRF

CHRF_PLUS: Final = "chrF++"
CHECKS: Final = "checks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What one measure says of a translation.

    Attributes:
        name: The measure.
        score: From 0 to 1, whatever it is, because Phoenix draws all of them on one axis.
        label: `pass` or `fail`, where it is one of them.
        explanation: Why, where there is something to say.
    """

    name: str
    score: float
    label: str | None = None
    explanation: str | None = None


def scores(case: Case, translated: Texts) -> Iterator[Score]:
    """What can be said of a translation of that case."""
    if case.reference is not None:
        yield Score(name=CHRF_PLUS, score=chrf(translated, case.reference) / 100)
    found = verdicts(case.source, translated)
    failed = [verdict for verdict in found if verdict.findings]
    yield Score(
        name=CHECKS,
        score=1 - len(failed) / len(found),
        label="fail" if failed else "pass",
        explanation="; ".join(text for verdict in failed for text in verdict.findings) or None,
    )


def chrf(translated: Texts, reference: Texts) -> float:
    """chrF++ (Popović, 2017): the F-score of character n-grams up to 6 and word n-grams up to 2, from 0 to 100."""
    return float(_metric().sentence_score(_whole(translated), [_whole(reference)]).score)


@cache
def _metric() -> CHRF:
    from sacrebleu.metrics.chrf import CHRF  # noqa: PLC0415 - an extra, and 0.2 s

    return CHRF(word_order=2)


def _whole(texts: Texts) -> str:
    return "\n".join(text for field in texts.fields().values() for text in field)
