"""Simulated translators, one careful and one hasty, so that the comparison runs and shows something without a key.

Each says a share of the words of a person's translation, or of the original where there is none, and loses the others.
They are no translators, and their scores say nothing of any model.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Final

from llm_composition_patterns import Scenario
from llm_composition_patterns.patterns import brindlehaw
from llm_composition_patterns.patterns.brindlehaw import Texts

from ._cases import Case, cases

CAREFUL: Final = "simulated:simulated/careful"
HASTY: Final = "simulated:simulated/hasty"
MARK: Final = "[simulated]"
_KEPT: Final[Mapping[str, float]] = {CAREFUL: 0.97, HASTY: 0.75}
"""The share of words that each keeps."""


def rehearsed(model: str) -> Scenario | None:
    """How the model of that name is simulated; None for every other."""
    if model not in _KEPT:
        return None
    known = {(case.source.model_dump_json(), case.language.in_full): case for case in cases(brindlehaw.load().values())}

    def answer(request: Mapping[str, Any]) -> Any:
        system, source = (message["content"] for message in request["messages"][:2])
        document = Texts.model_validate_json(source).model_dump_json()
        case = next((case for (text, name), case in known.items() if text == document and name in system), None)
        return None if case is None else _said(case, model)

    return Scenario(answer=answer)


def _said(case: Case, model: str) -> dict[str, Any]:
    chance = random.Random(f"{model} {case.key}")  # noqa: S311 - no secret
    texts = (case.reference or case.source).model_dump()
    return {
        field: entries and [_worn(entry, _KEPT[model], chance) for entry in entries] for field, entries in texts.items()
    }


def _worn(text: str, share: float, chance: random.Random) -> str:
    words = text.split(" ")
    return " ".join([MARK, *[word for word in words if chance.random() < share]])
