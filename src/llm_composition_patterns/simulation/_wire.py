"""Answers and errors as the JSON that OpenAI-compatible providers send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ._faults import Answer
from ._price import Price
from ._request import LETTERS_OF_A_TOKEN, Request, count_tokens

PREFIX = "simulated/"
"""Before the name of every model that answers, so that no answer passes for a real model's and no price fits it."""

FINGERPRINT = "simulated"
DEFAULT_MODEL = PREFIX + "translator-small"


@dataclass(frozen=True, slots=True)
class ErrorShape:
    """How a kind of error looks; `{model}` in its message stands for the model asked for."""

    status: int
    type: str
    code: str
    message: str
    is_at_the_door: bool = True
    """Whether it is said at once; else it takes the time to the first token."""


ERRORS: dict[str, ErrorShape] = {
    "rate_limit": ErrorShape(429, "requests", "rate_limit_exceeded", "Rate limit reached for model `{model}`."),
    "server_error": ErrorShape(500, "internal_server_error", "internal_error", "Internal Server Error.", False),
    "server_overloaded": ErrorShape(503, "service_unavailable", "overloaded", "The model is overloaded."),
    "too_many": ErrorShape(429, "too_many_requests", "too_many_requests", "Too many requests."),
    "unauthorized": ErrorShape(401, "invalid_request_error", "invalid_api_key", "Invalid API Key."),
    "no_credit": ErrorShape(402, "insufficient_quota", "insufficient_quota", "Insufficient credit: add some first."),
    "unknown_model": ErrorShape(
        404,
        "invalid_request_error",
        "model_not_found",
        "The model `{model}` does not exist or you do not have access to it.",
    ),
    "no_json_schema": ErrorShape(
        400,
        "invalid_request_error",
        "unsupported_response_format",
        "This model does not support response format `json_schema`.",
    ),
    "json_validate_failed": ErrorShape(
        400,
        "invalid_request_error",
        "json_validate_failed",
        "Failed to generate JSON that fits. See 'failed_generation' for what was generated.",
        False,
    ),
    "bad_request": ErrorShape(400, "invalid_request_error", "invalid_request", "Invalid request."),
    "not_found": ErrorShape(404, "invalid_request_error", "unknown_url", "Unknown request URL."),
    "method_not_allowed": ErrorShape(405, "invalid_request_error", "method_not_allowed", "Use another method."),
    "answer_failed": ErrorShape(500, "internal_server_error", "internal_error", "The scenario's answer raised."),
}


def error_body(kind: str, *, message: str = "", model: str = "", **more: Any) -> dict[str, Any]:
    """The body of an error; `more` replaces or adds what it says."""
    shape = ERRORS[kind]
    text = message or f"{shape.message.replace('{model}', model)} (simulated)"
    error = {"message": text, "type": shape.type, "param": None, "code": shape.code}
    return {"error": error | {name: value for name, value in more.items() if value is not None}}


def reported_model(model: str) -> str:
    """The name under which a model answers."""
    return model if model.startswith(PREFIX) else PREFIX + model


def usage(request: Request, answer: Answer, price: Price | None) -> dict[str, Any]:
    """What an answer used, and its cost where the scenario has a price."""
    prompt, completion = request.prompt_tokens, count_tokens(answer.text)
    counted = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return counted if price is None else {**counted, "cost": float(price.total(prompt, completion))}


def completion_body(number: int, request: Request, answer: Answer, used: Mapping[str, Any]) -> dict[str, Any]:
    """The body of an answer in one piece."""
    said = {"content": None, "refusal": answer.text} if answer.is_refusal else {"content": answer.text}
    choice = {"index": 0, "message": {"role": "assistant", **said}, "finish_reason": answer.finish_reason}
    return _envelope(number, request, "chat.completion") | {"choices": [choice], "usage": dict(used)}


def chunk_bodies(
    number: int, request: Request, answer: Answer, used: Mapping[str, Any]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The chunks of a streamed answer, one a token, each with the number of tokens before it."""
    envelope = _envelope(number, request, "chat.completion.chunk")
    usage_so_far: dict[str, Any] = {"usage": None} if request.include_usage else {}
    field = "refusal" if answer.is_refusal else "content"

    def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return envelope | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]} | usage_so_far

    yield 0, chunk({"role": "assistant", field: ""})
    tokens = 0
    for start in range(0, len(answer.text), LETTERS_OF_A_TOKEN):
        yield tokens, chunk({field: answer.text[start : start + LETTERS_OF_A_TOKEN]})
        tokens += 1
    yield tokens, chunk({}, answer.finish_reason)
    if request.include_usage:
        yield tokens, envelope | {"choices": [], "usage": dict(used)}


def _envelope(number: int, request: Request, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-simulated-{number}",
        "object": kind,
        "created": 0,
        "model": reported_model(request.model),
        "system_fingerprint": FINGERPRINT,
    }


def models_body(models: tuple[str, ...]) -> dict[str, Any]:
    """The list of models."""
    return {"object": "list", "data": [model_body(model) for model in models or (DEFAULT_MODEL,)]}


def model_body(model: str) -> dict[str, Any]:
    """One model."""
    return {"id": model, "object": "model", "created": 0, "owned_by": FINGERPRINT, "active": True}
