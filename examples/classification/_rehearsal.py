"""How the simulated model answers: by words that it looks for. Its scores say nothing of any model."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

from ._labels import Industry, Severity, ThreatType

_MARK: Final = "[simulated]"

_TYPES: Final[Mapping[ThreatType, tuple[str, ...]]] = {
    ThreatType.RANSOMWARE: ("encrypted", "locker", "ransom", "decrypt", "scrambled", "locked"),
    ThreatType.PHISHING: ("mails", "texts", "login page", "code", "message"),
    ThreatType.MALWARE: ("stealer", "bot", "loader", "worm", "wiper", "script", "program"),
    ThreatType.VULNERABILITY: ("flaw", "version", "request", "exploit", "password", "patch"),
    ThreatType.DENIAL_OF_SERVICE: ("flood", "unreachable", "offline", "gigabits", "requests", "load"),
    ThreatType.DATA_BREACH: ("records", "for sale", "storage", "copied", "names", "table"),
    ThreatType.SUPPLY_CHAIN: ("supplier", "update", "package", "service firm", "maker"),
    ThreatType.INSIDER: ("employee", "administrator", "staff", "colleague", "account"),
    ThreatType.ESPIONAGE: ("state", "service", "group", "intruders", "ministry"),
    ThreatType.FRAUD: ("invoice", "voice", "transfer", "money", "deposit", "payments"),
}
_INDUSTRIES: Final[Mapping[Industry, tuple[str, ...]]] = {
    Industry.FINANCE: ("bank", "broker", "insurer", "lender", "loan"),
    Industry.HEALTHCARE: ("hospital", "clinic", "practice", "patient"),
    Industry.ENERGY: ("grid", "gas", "voltaria", "solar", "charging"),
    Industry.GOVERNMENT: ("town", "ministr", "court", "council", "police"),
    Industry.MANUFACTURING: ("press shop", "bearings", "shipyard", "factor", "engineer"),
    Industry.RETAIL: ("grocer", "garden", "shop", "store"),
    Industry.EDUCATION: ("college", "school", "universit", "student", "teacher"),
    Industry.TECHNOLOGY: ("hosting", "chip", "software", "developer", "packages"),
}
_SEVERITIES: Final[Mapping[Severity, tuple[str, ...]]] = {
    Severity.CRITICAL: ("lives", "no fix", "patients", "ambulances"),
    Severity.LOW: ("nothing", "over", "study", "survey", "old"),
    Severity.HIGH: ("weeks", "more", "million", "hundred"),
    Severity.MEDIUM: ("limited", "contained", "day"),
}
_PRIORITIES: Final[Mapping[str, int]] = {"low": 5, "medium": 30, "high": 55, "critical": 80}
_SPREAD: Final = 20


def rehearsed(request: Mapping[str, Any]) -> dict[str, Any] | None:
    """The answer to a request for labels; None for every other request."""
    texts = [message["content"] for message in request["messages"] if message["role"] == "user"]
    try:
        reports = json.loads(texts[0])["reports"]
    except (IndexError, ValueError, KeyError, TypeError):
        return None
    return {name: _answer(f"{report['title']} {report['text']}".lower()) for name, report in reports.items()}


def _answer(text: str) -> dict[str, Any]:
    kind, word = _most_named(text, _TYPES)
    industry, _ = _most_named(text, _INDUSTRIES)
    severity, _ = _most_named(text, _SEVERITIES)
    severity = severity or Severity.MEDIUM
    return {
        "reasoning": f"{_MARK} it says {word!r}" if word else f"{_MARK} it says nothing known",
        "threat_types": [kind or ThreatType.MALWARE],
        "industries": [industry] if industry else [],
        "severity": severity,
        "priority": _PRIORITIES[severity] + zlib.crc32(text.encode()) % _SPREAD,
    }


def _most_named(text: str, words: Mapping[Any, tuple[str, ...]]) -> tuple[Any, str]:
    """The label whose words are in the text most often, and one of them; None where there is none."""
    found = {label: [word for word in known if word in text] for label, known in words.items()}
    label = max(found, key=lambda one: len(found[one]))
    return (label, found[label][0]) if found[label] else (None, "")
