"""Models behind one protocol: `connect` to one, `ask` it, or plug in your own `ChatModel`."""

from ..simulation import Price
from ._addresses import Address, resolve
from ._ask import ask
from ._choice import ModelChoice, choose_model
from ._connect import connect
from ._connect_batched import connect_batched
from ._connect_simulated import connect_simulated
from ._costs import known_price
from ._model import ConnectedModel
from ._providers import PROVIDERS, SUCCESSORS, Provider
from ._types import ChatModel, Completion, Message, ModelSettings, ResponseSchema

__all__ = [
    "PROVIDERS",
    "SUCCESSORS",
    "Address",
    "ChatModel",
    "Completion",
    "ConnectedModel",
    "Message",
    "ModelChoice",
    "ModelSettings",
    "Price",
    "Provider",
    "ResponseSchema",
    "ask",
    "choose_model",
    "connect",
    "connect_batched",
    "connect_simulated",
    "known_price",
    "resolve",
]
