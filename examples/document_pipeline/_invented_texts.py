"""Texts for invented documents about land: what each is about, with a question that asks for it in other words."""

from __future__ import annotations

from typing import Final

_TOPICS: Final = """\
The owner of the upper meadow grants a right of way four metres wide to the mill. Carts and tractors may use it in
daylight; gates are to be closed behind them.
? Where may vehicles drive across somebody's field to reach another building?

The tenant keeps bees on the southern slope and gives a tenth of the honey to the landlord each autumn. Hives stand
at least fifty metres from the footpath.
? Who pays with something sweet made by insects?

During the flood of the spring the stream left its bed and carried away the bank. The boundary stones were set again
where they had stood before the water came.
? How was a border restored after a natural disaster?

The well in the courtyard is shared by both houses. Its pump is repaired at common cost, and neither side may draw
more than forty litres a day in a drought.
? How do neighbours divide drinking supply in dry months?

Excavation is stopped because workers found graves of the bronze age. Archaeologists have until the end of the year
to record what lies there.
? Construction halted by a discovery of ancient burials

The roof of the barn is to be covered with solar panels. Electricity that the farm does not need is sold to the
village at the price of the grid.
? Which agreement is about renewable power from a farm building?

The oak at the corner of the churchyard is more than three hundred years old and may not be felled. Its branches are
cut back by a climber every five years.
? Is there protection for a very old tree?

The buyer has not paid the second instalment in spite of two reminders. The seller withdraws from the contract and
keeps the deposit as compensation.
? A sale was cancelled because somebody did not transfer the money

Sheep may graze on the common from the first of May. Each household brings twelve animals at the most, and a
shepherd counts them at the gate.
? How many livestock can a family put on shared pasture?

Oil was found in the soil beneath the former petrol station. The ground is dug out to a depth of three metres and
burnt, before anybody may live there.
? Contaminated ground that has to be cleaned up before housing

The telephone company sets up a mast of thirty metres behind the fire station. It measures the radiation each
quarter and shows the figures to the inhabitants.
? Where will a mobile phone antenna be erected?

The grandmother leaves the vineyard to her three grandchildren in equal parts. Until the youngest is of age it is
managed by the parish priest.
? Inheritance of grapes by minors

The noise of the sawmill was measured at night from the bedroom windows. It exceeds what is allowed, so that the
blades stand still between ten and six.
? Complaint about loud machines while people sleep

The school needs a larger yard for football. The municipality exchanges the strip beside the library for it and
moves the fence.
? Land swap so that children can play sports

Cracks run through the walls since the tunnel was bored under the street. The railway pays an engineer who looks at
them every month.
? Damage to a house caused by underground construction of trains

The fishpond is emptied in October and the carp are counted. Whoever leases it puts in two thousand young fish
before the ice comes.
? Obligations of someone who rents water for aquaculture

A footbridge of larch replaces the ford below the chapel. Wheelchairs can cross it, and lamps light it until
midnight.
? An accessible crossing for pedestrians over a brook

The insurer pays for the greenhouse that hail destroyed in July. Broken glass is removed before the tomatoes are
planted again.
? Compensation after a storm smashed panes

Hikers camped without leave and left a fire burning. The forest owner closes the track above the lake and demands
that the damage be made good.
? Access to the woods restricted after careless tourists

The archive of the manor is given to the university on loan. Scholars may read the letters under supervision, and
nothing leaves the reading room.
? Historical papers that researchers can consult
"""

_COMMON: Final = """\
The parties have read this document and agree to it of their own free will. Changes are only valid in writing and
when both have signed them.

Should one of these provisions be void, the others stay in force. What is void is replaced by what comes nearest to
its purpose.

The register was consulted on the day of signature, and nothing was found in it that stands against this document.

The costs of the notary and of the entry in the register are borne in equal parts, unless something else is said
above.

Notices are sent to the addresses that are given at the head of this document, and count as received after three
days.

Disputes are first brought before the mediator of the district. Only when she has found no solution may a court be
called upon.
"""

FIRST: Final = (
    "José",
    "Zoë",
    "François",
    "Ingrid",
    "Agnès",
    "Jürgen",
    "Núria",
    "Tomás",
    "Märta",
    "Søren",
    "Alice",
    "Paul",
)
LAST: Final = ("Núñez", "Brontë", "Lefèvre", "Ångström", "Møller", "Görres", "Peña", "Whitfield", "Castaño", "Öberg")
ORGANIZATIONS: Final = (
    "Larkfield Trust",
    "Brackwater Council",
    "Señal Telecom Ltd",
    "Crédit Rural Bank",
    "Höhenweg Sägewerk GmbH",
    "Saltmarsh Railways Ltd",
)
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip


def _blocks(text: str) -> list[str]:
    return [" ".join(block.split()) for block in text.split("\n\n")]


TOPICS: Final = tuple((said, asked) for said, _, asked in (block.partition(" ? ") for block in _blocks(_TOPICS)))
"""What a document is about, and a question to which it is the answer; they have few words in common."""

COMMON: Final = tuple(_blocks(_COMMON))
"""What any document may say."""
