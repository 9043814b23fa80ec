"""Invents reports by a seed, to run and measure with at any size.

Each is made for a threat type, an industry (or none) and a severity, which are its labels. A third mention another
kind of threat as well, as what it was not, or as what was feared.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ._items import Item
from ._labels import Industry, Labels, Severity, ThreatType

_LEADS: Final[Mapping[ThreatType, Sequence[tuple[str, str]]]] = {
    ThreatType.RANSOMWARE: (
        (
            "{Who} works on paper after a locker struck",
            "Servers of {who} were encrypted {when}; a note asks for coins.",
        ),
        ("Gang {gang} names {who}", "{gang} claims to have encrypted file shares of {who} and sets a countdown."),
    ),
    ThreatType.PHISHING: (
        (
            "Deceptive mails in the name of {who}",
            "Mails that look like those of {who} lead to a copy of its login page.",
        ),
        ("Texts ask for codes of {who}", "People who deal with {who} get texts {when} that ask for a one-time code."),
    ),
    ThreatType.MALWARE: (
        (
            "{gang} found on computers of {who}",
            "A stealer called {gang} was found {when} on {number} computers of {who}.",
        ),
        (
            "Loader {gang} spreads by installers",
            "Installers of a free tool bring the bot {gang}; {who} was first to see it.",
        ),
    ),
    ThreatType.VULNERABILITY: (
        (
            "Flaw in {product} reported",
            "A missing check in {product} before version {number} lets strangers run commands.",
        ),
        ("{product} skips its login", "By a malformed request one gets past the login of {product}, as {who} uses it."),
    ),
    ThreatType.DENIAL_OF_SERVICE: (
        ("Pages of {who} unreachable", "A flood of {number} gigabits a second kept {who} offline {when}."),
        (
            "{gang} claims outage of {who}",
            "Requests from many countries overloaded the service of {who} for {number} minutes.",
        ),
    ),
    ThreatType.DATA_BREACH: (
        ("Records of {who} for sale", "A table with {number},000 records of {who} was offered on a forum {when}."),
        ("Open storage at {who}", "Files of {who} with names and addresses lay in a storage that anyone could list."),
    ),
    ThreatType.SUPPLY_CHAIN: (
        (
            "Supplier of {who} was the way in",
            "Whoever entered {who} {when} came by the remote access of a service firm.",
        ),
        (
            "Package {product} sends secrets away",
            "An update of the package {product}, which {who} builds with, posts keys.",
        ),
    ),
    ThreatType.INSIDER: (
        ("Employee of {who} sold data", "An employee of {who} copied what he was allowed to see, and sold it."),
        (
            "Former administrator of {who} came back",
            "With an account that nobody had closed {number} machines were deleted.",
        ),
    ),
    ThreatType.ESPIONAGE: (
        ("State group read mail of {who}", "{gang}, held to work for a state, has read mailboxes of {who} for months."),
        (
            "{gang} maps networks",
            "Intruders who take nothing and draw maps were found {when} at {who}; a service is blamed.",
        ),
    ),
    ThreatType.FRAUD: (
        ("{Who} pays a wrong account", "An invoice with a changed account number cost {who} {number},000."),
        (
            "Voice of the director deceives {who}",
            "A machine spoke with the director's voice, and {who} transferred money.",
        ),
    ),
}

_WHO: Final[Mapping[Industry, Sequence[str]]] = {
    Industry.FINANCE: ("Larch Bank", "the broker Penrose", "an insurer in Ostley", "the lender Quickmark"),
    Industry.HEALTHCARE: ("the hospital of Ellerby", "a chain of dental practices", "the Marrow Vale clinics"),
    Industry.ENERGY: ("the grid operator Nordnetz", "a gas storage company", "the utility Voltaria"),
    Industry.GOVERNMENT: ("the town of Ostley", "the ministry of transport", "a provincial court"),
    Industry.MANUFACTURING: ("the press shop Dorrick", "a maker of bearings", "the shipyard of Holm"),
    Industry.RETAIL: ("the grocer Hallam Fresh", "a chain of garden centers", "the shoe shop Solemate"),
    Industry.EDUCATION: ("Wexley College", "the schools of a county", "Northmere university"),
    Industry.TECHNOLOGY: ("the hosting firm Corvid", "a maker of password managers", "the chip designer Lumen"),
}
_NOBODY: Final = ("many organizations", "people everywhere", "users of all kinds")
_WHEN: Final = ("on Monday", "over the weekend", "since last week", "during the night", "in the spring")
_GANGS: Final = ("Tin Lantern", "Copperfinch", "Quillback", "Grey Heron", "Slateworm", "Hedgerow", "Drybrook")
_PRODUCTS: Final = ("Fennick Gateway", "Anvil Build", "Rotabel Control", "Postern Mail", "Sanivor Viewer")
_HOW_BAD: Final[Mapping[Severity, Sequence[str]]] = {
    Severity.LOW: ("Nothing was lost, and it is over.", "It is of interest to those who study such things."),
    Severity.MEDIUM: ("The damage is limited.", "It was noticed within a day and contained."),
    Severity.HIGH: ("Work will be disturbed for weeks.", "More cases are expected."),
    Severity.CRITICAL: (
        "It goes on now, against many, and lives may depend on it.",
        "There is no fix, and it is used.",
    ),
}
_ASIDES: Final[Mapping[ThreatType, str]] = {
    ThreatType.RANSOMWARE: "Nothing was encrypted, and no ransom was asked for.",
    ThreatType.PHISHING: "That it began with a deceptive mail has been ruled out.",
    ThreatType.MALWARE: "Scans for harmful programs found none.",
    ThreatType.VULNERABILITY: "No flaw in a product was needed for it.",
    ThreatType.DENIAL_OF_SERVICE: "An outage on the same day had to do with load and is unrelated.",
    ThreatType.DATA_BREACH: "No records have turned up for sale so far.",
    ThreatType.SUPPLY_CHAIN: "Suppliers have been asked and are not concerned.",
    ThreatType.INSIDER: "Employees are not suspected.",
    ThreatType.ESPIONAGE: "Nothing points to a state.",
    ThreatType.FRAUD: "No money was transferred.",
}
_WEIGHTS: Final = (2, 4, 3, 1)
_NOBODY_SHARE: Final = 0.1
_ASIDE_SHARE: Final = 1 / 3


def invented(count: int, *, seed: int = 0) -> Iterator[Item]:
    """So many reports; more of the same seed begin with the same ones."""
    for number in range(1, count + 1):
        yield _item(f"invented-{seed}-{number:06d}", random.Random(f"{seed} {number}"))  # noqa: S311 - no secret


def _item(name: str, chance: random.Random) -> Item:
    kind = chance.choice(list(ThreatType))
    industry = None if chance.random() < _NOBODY_SHARE else chance.choice(list(Industry))
    severity = chance.choices(list(Severity), _WEIGHTS)[0]
    title, lead = chance.choice(_LEADS[kind])
    words = _words(industry, chance)
    sentences = [lead.format(**words), chance.choice(_HOW_BAD[severity])]
    if chance.random() < _ASIDE_SHARE:
        other = chance.choice([one for one in ThreatType if one != kind])
        sentences.insert(1, _ASIDES[other])
    text = " ".join(sentence[0].upper() + sentence[1:] for sentence in sentences)
    labels = Labels(threat_types=(kind,), industries=() if industry is None else (industry,), severity=severity)
    return Item(id=name, title=title.format(**words), text=text, source="invented", labels=labels)


def _words(industry: Industry | None, chance: random.Random) -> dict[str, str]:
    who = chance.choice(_NOBODY if industry is None else _WHO[industry])
    return {
        "who": who,
        "Who": who[0].upper() + who[1:],
        "when": chance.choice(_WHEN),
        "gang": chance.choice(_GANGS),
        "product": chance.choice(_PRODUCTS),
        "number": str(chance.randrange(3, 400)),
    }
