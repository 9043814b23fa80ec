"""What one attempt asks of the budgets around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import runs
from ..errors import ConfigurationError
from ..usage import MONEY, NO_USAGE
from ._bounds import prompt_bound, rooms, template_bound, with_room
from ._connection import Call, Connection
from ._wire import Body


class Needs:
    """The most that an attempt can use, for each length that its answer may have.

    What is known of the model when there may be room counts, not when the attempt began to wait.

    Args:
        connection: What the attempt is made through.
        call: The call.
        body: The request.

    Raises:
        ConfigurationError: There is a budget in US dollars among `purses`, and the model's price is not known.
    """

    def __init__(self, connection: Connection, call: Call[Any], body: Body, purses: Sequence[runs.Purse]) -> None:
        self._connection = connection
        self._call = call
        self._body = body
        self._simulated = connection.address.provider.sdk == "simulated"
        self._texts = prompt_bound(body, simulated=self._simulated)
        self._rooms: dict[runs.Amount, int] = {}
        if connection.pricing.most(0, 0) is None:
            _refuse_unknown_price(connection.address.name, purses)

    def __call__(self) -> Sequence[runs.Amount]:
        """The amounts that would do, the best first."""
        connection, call, prompt = self._connection, self._call, self._texts
        if not self._simulated:
            prompt += template_bound(len(call.messages), connection.estimate.shortest)
        self._rooms = {}
        for room in rooms(call.settings["max_tokens"], connection.estimate.longest, fixed=call.names_room):
            usd = connection.pricing.most(prompt, room) or NO_USAGE.known_cost
            self._rooms.setdefault(runs.amount(MONEY.multiply(usd, connection.markup), prompt + room), room)
        return list(self._rooms)

    def body(self, granted: runs.Amount) -> Body:
        """The request, with as much room for its answer as was granted."""
        return with_room(self._body, self._rooms[granted])


def _refuse_unknown_price(model: str, purses: Sequence[runs.Purse]) -> None:
    for purse in purses:
        if purse.budget.usd is not None:
            raise ConfigurationError(
                f"the price of {model} is not known, so the budget of {purse.scope!r} in US dollars would not hold: "
                f"say it by connect(..., price=Price(input=..., output=...)), US dollars per million tokens, or give "
                f"Budget(tokens=...)"
            )
