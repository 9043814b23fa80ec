"""The labels, and what an answer must look like: a word that is no label makes it invalid."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

T = TypeVar("T")


class ThreatType(StrEnum):
    """What kind of threat a report is about."""

    RANSOMWARE = "ransomware"
    PHISHING = "phishing"
    MALWARE = "malware"
    VULNERABILITY = "vulnerability"
    DENIAL_OF_SERVICE = "denial of service"
    DATA_BREACH = "data breach"
    SUPPLY_CHAIN = "supply chain"
    INSIDER = "insider"
    ESPIONAGE = "espionage"
    FRAUD = "fraud"


class Industry(StrEnum):
    """Who is hit, or would be."""

    FINANCE = "finance"
    HEALTHCARE = "healthcare"
    ENERGY = "energy"
    GOVERNMENT = "government"
    MANUFACTURING = "manufacturing"
    RETAIL = "retail"
    EDUCATION = "education"
    TECHNOLOGY = "technology"


class Severity(StrEnum):
    """How bad it is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


MEANINGS: Final[Mapping[ThreatType, str]] = {
    ThreatType.RANSOMWARE: "data is encrypted or withheld, and money is asked for it",
    ThreatType.PHISHING: "people are deceived by messages into giving up secrets or running something",
    ThreatType.MALWARE: "harmful programs other than ransomware: stealers, bots, loaders, wipers, miners",
    ThreatType.VULNERABILITY: "a flaw in a product, whether or not it is exploited yet",
    ThreatType.DENIAL_OF_SERVICE: "a service is made unreachable by load",
    ThreatType.DATA_BREACH: "data was stolen, leaked or left open",
    ThreatType.SUPPLY_CHAIN: "the attack comes in by a supplier: a package, an update, a service provider",
    ThreatType.INSIDER: "somebody with legitimate access misuses it",
    ThreatType.ESPIONAGE: "a state or its helpers gather intelligence",
    ThreatType.FRAUD: "money is taken by deception: changed invoices, cards, accounts",
}


def _each_once(labels: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(labels))


ThreatTypes = Annotated[tuple[ThreatType, ...], Field(min_length=1, max_length=3), AfterValidator(_each_once)]
Industries = Annotated[tuple[Industry, ...], Field(max_length=len(Industry)), AfterValidator(_each_once)]


class Classification(BaseModel):
    """What a model says of one report.

    Attributes:
        reasoning: Why, in a sentence; it comes first, so that what follows can follow from it.
        threat_types: What it is about, the main one first.
        industries: Who is hit; empty where it is nobody in particular.
        severity: How bad it is.
        priority: How soon a person should read it, 0 to 100.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reasoning: str = Field(min_length=1, max_length=1_000)
    threat_types: ThreatTypes
    industries: Industries
    severity: Severity
    priority: int = Field(ge=0, le=100)


class Classified(Classification):
    """The same, as the batch records it.

    Attributes:
        model: What said so.
        simulated: Whether that was made up.
        packed: How many reports were in the call.
    """

    model: str
    simulated: bool
    packed: int


class Labels(BaseModel):
    """What a person says of a report."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threat_types: ThreatTypes
    industries: Industries
    severity: Severity
