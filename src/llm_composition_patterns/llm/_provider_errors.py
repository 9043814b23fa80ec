"""What went wrong at a provider, as one error of the tree that says how to mend it: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ..errors import (
    AuthenticationFailed,
    InsufficientCredit,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
    Refused,
    UnknownModel,
)
from ..limits import Refusal, read_refusal, retry_after, tells_full
from ..tracing import without_keys
from ._addresses import Address
from ._endpoint import AnswerTooLong, Reply
from ._providers import SUCCESSORS
from ._replies import Complaint, read_complaint

_OK: Final = 200
_NOT_FOUND: Final = 404
_REQUEST_TIMEOUTS: Final = frozenset({408, 504, 524})
_SERVER_ERRORS: Final = 500
UNAVAILABLE: Final = 503
_OVERLOADED: Final = frozenset({425, 498, 499})  # 498 is Groq's flex tier without capacity
_UNSUPPORTED: Final = ("unsupported", "not supported", "does not support", "doesn't support", "unknown parameter")
_SHORTEST_KEY: Final = 6  # what is shorter is no secret, and may be any word of a message
_MOST_QUOTED: Final = 200
_MOST_READ: Final = 10_000
_MODERATED: Final = ("content_filter", "content_policy_violation", "moderation_blocked")
_DROPPABLE: Final = ("temperature", "seed", "stop", "reasoning_effort", "max_completion_tokens", "max_tokens")


class SettingRefused(ModelError):
    """The provider does not take a setting of the call; without it, it may answer.

    Attributes:
        setting: Its name on the wire.
        once: This answer failed; the setting as such is known to the provider.
    """

    def __init__(self, message: str = "", *, setting: str = "", once: bool = False, **details: Any) -> None:
        super().__init__(message, **details)
        self.setting = setting
        self.once = once


def error_of(reply: Reply, address: Address, *, known: bool = False) -> ModelError | None:
    """The error that a reply tells of; None where it is none.

    Errors inside a reply with status 200, as gateways send them, are found too.

    Args:
        reply: The reply.
        address: Who replied.
        known: It has given real answers before.
    """
    if isinstance(reply.body, str):
        error, status = _no_json(reply.body, reply, address, known=known), reply.status
    else:
        complaint = read_complaint(reply.body)
        if reply.status == _OK:
            if complaint is None:
                return None
            status = complaint.status if complaint.status is not None else _status_of_code(complaint.code)
        else:
            status = reply.status
        error = _error(status, complaint or Complaint("no reason given"), reply, address)
    error.model, error.status = address.name, status
    return error


def full(failed: ModelError) -> RateLimited:
    """The error for a failure that only comes on top of what a server takes at once."""
    return RateLimited(
        f"{failed}; it answers while fewer calls are in flight",
        retry_after=failed.retry_after,
        model=failed.model,
        status=failed.status,
    )


def refusal_of(reply: Reply) -> Refusal:
    """What a reply says that refuses a call because there were too many."""
    said = Complaint(reply.body) if isinstance(reply.body, str) else read_complaint(reply.body) or Complaint("")
    return read_refusal(f"{said.message} {said.code}", _headers(said, reply))


def _headers(said: Complaint, reply: Reply) -> Mapping[str, str]:
    """The headers of a reply, and those that a gateway repeats in the body."""
    return {**said.headers, **reply.headers} if said.headers else reply.headers


def _no_json(body: str, reply: Reply, address: Address, *, known: bool) -> ModelError:
    """The error for a reply in no language of chat completions.

    Most likely it comes from another server than was meant; from one that is known, as for maintenance, it will pass.
    """
    is_page = body.lstrip().startswith("<")
    what = "an HTML page" if is_page else f"the text {quotable(body, address)!r}" if body.strip() else "an empty body"
    if reply.status in (_OK, _NOT_FOUND):
        passes = reply.status == _OK and (known or not is_page)
        kind, known = ModelUnavailable if passes else ModelError, known and passes
        return kind(f"{address.name} answered (HTTP {reply.status}) with {what}: {_other_server(address, known=known)}")
    said = body if body.strip() and not is_page else f"{what}: {_other_server(address)}"
    return _error(reply.status, Complaint(said), reply, address)


def _other_server(address: Address, *, known: bool = False) -> str:
    if known:
        return "that is no chat completion, though it gave some before; it may be under maintenance"
    variable = address.provider.base_url_variable if address.own_endpoint else None
    where = f"{variable} / base_url" if variable else "base_url"
    return f"that is no chat completion; check {where}"


def unreadable(reply: Reply, address: Address, *, known: bool = False) -> ModelUnavailable:
    """The error for a reply that is JSON, and neither an answer nor a complaint."""
    return ModelUnavailable(
        f"{address.name} answered (HTTP {reply.status}) with {quotable(str(reply.body), address)}: "
        + _other_server(address, known=known),
        model=address.name,
        status=reply.status,
    )


def unreachable(error: OSError, address: Address) -> ModelUnavailable:
    """The error for a connection that failed or was lost."""
    if isinstance(error, AnswerTooLong):
        return ModelUnavailable(f"{address.name} answered with {error}: {_other_server(address)}", model=address.name)
    where = f" at {address.base_url}" if address.base_url else ""
    happened = "could not be reached" if isinstance(error, ConnectionRefusedError) else "dropped the connection"
    said = quotable(str(error), address)
    return ModelUnavailable(
        f"{address.name} {happened}{where}" + (f" ({said})" if said else "") + f". {address.provider.hint}",
        model=address.name,
    )


def too_slow(timeout: float, address: Address) -> ModelTimeout:
    """The error for an attempt that ran out of time."""
    return ModelTimeout(
        f"{address.name} gave no answer within {timeout:g} s. Pass a larger `timeout` to connect, or ask for less",
        model=address.name,
    )


def quotable(text: str, address: Address) -> str:
    """What a provider said, fit for a message: without keys, ours and others', in one line that is not long."""
    key = address.api_key
    if key and len(key) >= _SHORTEST_KEY:
        text = text.replace(key, "[key]")
    line = " ".join(without_keys(text[:_MOST_READ]).split())
    return line if len(line) <= _MOST_QUOTED else line[: _MOST_QUOTED - 3] + "..."


def _error(status: int, said: Complaint, reply: Reply, address: Address) -> ModelError:  # noqa: PLR0911 - a table
    name, http = address.name, "" if reply.status == _OK else f" (HTTP {status})"
    headers = _headers(said, reply)
    told = replace(said, message=quotable(said.message, address))  # classified by all that was said
    if said.code in _MODERATED or (status == 403 and "moderation" in said.message.lower()):  # noqa: PLR2004 - HTTP's own numbers
        return Refused(f"{name} declined the request: {told.message}")
    if status in (401, 403):
        return AuthenticationFailed(_refused_key(status, told, address))
    if status == 402 or said.code == "insufficient_quota":  # noqa: PLR2004
        return InsufficientCredit(
            f"the account cannot pay for {name} ({told.message}). Add credit, or use another model"
        )
    if _is_unknown_model(status, said):
        return _unknown_model(told, address)
    if status == 429:  # noqa: PLR2004
        return RateLimited(
            f"{name} refused the call by its rate limit: {told.message}", retry_after=retry_after(headers)
        )
    if status == UNAVAILABLE and tells_full(said.message):
        return RateLimited(f"{name} is full{http}: {told.message}", retry_after=retry_after(headers))
    if status in _REQUEST_TIMEOUTS:
        return ModelTimeout(f"{name} gave up waiting for itself: {told.message}", retry_after=retry_after(headers))
    if status >= _SERVER_ERRORS or status in _OVERLOADED:
        return ModelUnavailable(f"{name} failed{http}: {told.message}", retry_after=retry_after(headers))
    if (setting := _refused_setting(said)) is not None:
        return SettingRefused(
            f"{name} does not take {setting}: {told.message}", setting=setting, once=said.code == "json_validate_failed"
        )
    return ModelError(f"{name} refused the request{http}: {told.message}")


def _refused_key(status: int, said: Complaint, address: Address) -> str:
    if address.api_key is None or address.key_name == "api_key":
        mend = "Pass another api_key to connect"
    else:
        mend = f"Set {address.key_name} to a valid key"
    why = "the key was refused" if status == 401 else "the key may not do this"  # noqa: PLR2004
    return f"{address.name}: {why} ({said.message}). {mend}"


def _is_unknown_model(status: int, said: Complaint) -> bool:
    codes = ("model_not_found", "model_decommissioned", "model_not_available")
    text = said.message.lower()
    return said.code in codes or status == 404 or ("model" in text and "not a valid model" in text)  # noqa: PLR2004


def _unknown_model(said: Complaint, address: Address) -> UnknownModel:
    successor = SUCCESSORS.get(address.model)
    if successor is not None:
        mend = f"It was retired; use {address.provider.name}:{successor} instead"
    elif address.provider.name == "ollama":
        mend = f"Fetch it with `ollama pull {address.model}`"
    else:
        mend = "Check the spelling, what the provider offers, and the base_url"
    return UnknownModel(f"there is no model {address.name} ({said.message}). {mend}", successor=successor)


def _refused_setting(said: Complaint) -> str | None:
    if said.code == "json_validate_failed":
        return "response_format"
    text = f"{said.message} {said.param}".lower()
    if "response_format" in text or "json_schema" in text or "response format" in text:
        return "response_format"
    if not said.code.startswith("unsupported") and not any(words in text for words in _UNSUPPORTED):
        return None
    named = [said.param] if said.param else [name for name in _DROPPABLE if name in text]
    return next((name for name in named if name in _DROPPABLE), None)


def _status_of_code(code: str) -> int:
    table = {
        "rate_limit_exceeded": 429,
        "insufficient_quota": 402,
        "invalid_api_key": 401,
        "invalid_request_error": 400,
        "json_validate_failed": 400,
        "context_length_exceeded": 400,
    }
    return table.get(code, 502)
