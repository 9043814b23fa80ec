"""What the simulated model finds: what a few rules find in the invented documents. It is no model, and says so."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from llm_composition_patterns import Price, Scenario

from ._entities import Type
from ._invented_texts import MONTHS

MARK: Final = "simulated"
_PRICE: Final = Price(input=0.03, output=0.14)
"""In US dollars a million tokens: about what a small model costs."""

_WORD: Final = r"[A-ZÀ-Þ][\w'-]+"
RULES: Final[Mapping[Type, re.Pattern[str]]] = {
    Type.PERSON: re.compile(rf"\b(?:Mr|Ms|Dr) {_WORD} {_WORD}"),
    Type.PARCEL: re.compile(r"\bParcel [A-Z]{2}-\d+"),
    Type.DATE: re.compile(rf"\b\d{{1,2}} (?:{'|'.join(MONTHS)}) \d{{4}}"),
    Type.AMOUNT: re.compile(r"[€$£]\d[\d,]*(?:\.\d\d)?"),
    Type.ORG: re.compile(rf"\b(?:{_WORD} )+(?:Trust|Council|Ltd|Bank|GmbH)\b"),
}


def rehearsed(seed: int | None) -> Scenario:
    """The simulated model."""
    return Scenario(seed=seed or 0, price=_PRICE, answer=answer)


def answer(request: Mapping[str, Any]) -> Any:
    """What it answers; None where nobody asks for entities."""
    try:
        asked = next(message for message in request["messages"] if message["role"] == "user")
        text = json.loads(asked["content"])["text"]
    except (ValueError, TypeError, KeyError, StopIteration):
        return None
    plain = " ".join(text.split())
    found = [(kind, words) for kind, rule in RULES.items() for words in dict.fromkeys(rule.findall(plain))]
    return {"entities": [{"text": words, "type": kind, "role": MARK, "confidence": 0.5} for kind, words in found]}
