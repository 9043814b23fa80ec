"""The span of one attempt at a provider, as OpenInference describes an LLM call.

Built only while somebody listens and the span is recorded; where anything is masked, every value passes OpenInference's
own span.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import Span, use_span

from ..tracing import Spans, names, without_known_keys
from ._addresses import Address
from ._costs import Bill
from ._endpoint import Reply
from ._replies import Answer, Tokens
from ._wire import Body

if TYPE_CHECKING:
    from openinference.instrumentation import TokenCount

_REASONING: Final = "llm.token_count.completion_details.reasoning"
_COST: Final = "llm.cost."
_MODEL_NAME: Final = "llm.model_name"
_as_json: Final = json.JSONEncoder(
    ensure_ascii=False
).encode  # `dumps` would build one each time, at the same cost again
_CONTENT: Final = frozenset({"model", "messages"})


class AttemptSpan:
    """The open span of one attempt. What is known is added as it comes; `end` writes it."""

    def __init__(self, spans: Spans, address: Address) -> None:
        self._spans = spans
        self._span: Span = spans.start(f"chat {address.model}", "LLM", spans.ambient())
        self._attributes: dict[str, Any] = {}
        self.recording = self._span.is_recording()
        if self.recording:
            self._attributes |= _identity(address)

    def request(self, body: Body) -> None:
        """Show what is asked of the provider."""
        if not self.recording:
            return
        from openinference.instrumentation import get_input_attributes, get_llm_attributes  # noqa: PLC0415

        messages = body["messages"]
        parameters = {name: value for name, value in body.items() if name not in _CONTENT}
        self._attributes |= get_llm_attributes(invocation_parameters=_as_json(parameters), input_messages=messages)
        shown = messages[0]["content"] if len(messages) == 1 else _as_json(messages)
        self._attributes |= get_input_attributes(
            shown, mime_type="text/plain" if len(messages) == 1 else "application/json"
        )
        if self._spans.hides:
            self._attributes |= self._spans.ambient()

    def note(self, attributes: dict[str, Any]) -> None:
        """Keep attributes for the end; those that are None are left out."""
        if self.recording:
            self._attributes |= {key: value for key, value in attributes.items() if value is not None}

    def reply(self, reply: Reply, retry_after: float | None) -> None:
        """Show how the provider replied."""
        self.note(
            {
                names.HTTP_STATUS: reply.status,
                names.TIME_TO_FIRST_TOKEN_SECONDS: reply.time_to_first_token,
                names.RETRY_AFTER_SECONDS: retry_after,
            }
        )

    def simulated(self, model: str) -> None:
        """Show the name by which a simulated model answered, so that no viewer puts a real one's price on it."""
        if self.recording:
            self._span.update_name(f"chat {model}")
            self._attributes |= {_MODEL_NAME: model, names.SIMULATED: True}

    def answer(self, answer: Answer, bill: Bill) -> None:
        """Show what the model answered and what it cost."""
        if not self.recording:
            return
        from openinference.instrumentation import get_llm_attributes, get_output_attributes  # noqa: PLC0415

        self._attributes |= get_llm_attributes(
            output_messages=[{"role": "assistant", "content": answer.text}],
            token_count=None if answer.tokens is None else _counts(answer.tokens),
        )
        self._attributes |= get_output_attributes(answer.text, mime_type="text/plain")
        costs = {"total": bill.total, "prompt": bill.prompt, "completion": bill.completion}
        self.note(
            {
                names.FINISH_REASON: answer.finish_reason,
                names.COST_SOURCE: bill.source,
                _REASONING: answer.tokens and answer.tokens.reasoning,
                **{_COST + part: None if cost is None else float(cost) for part, cost in costs.items()},
            }
        )

    def fail(self, error: BaseException) -> None:
        """Mark the attempt as failed, cancellation included."""
        self._spans.fail(self._span, error)

    def end(self) -> None:
        """Write the span."""
        if self.recording:
            self._span.set_attributes({key: _clean(value) for key, value in self._attributes.items()})
        self._span.end()

    def current(self) -> AbstractContextManager[Any]:
        """A context in which events are written on this span."""
        return use_span(self._span, record_exception=False, set_status_on_exception=False)

    def around(self) -> Any:
        """A context for the call itself, in which an instrumentation of the SDK stays silent: the span is ours."""
        from openinference.instrumentation import suppress_tracing  # noqa: PLC0415

        return suppress_tracing()


def _clean(value: Any) -> Any:
    return without_known_keys(value) if type(value) is str else value


def _counts(tokens: Tokens) -> TokenCount:
    return {
        "prompt": tokens.input,
        "completion": tokens.output,
        "total": tokens.input + tokens.output,
        "prompt_details": {"cache_read": tokens.cached},
    }


@lru_cache(maxsize=256)
def _identity(address: Address) -> dict[str, Any]:
    from openinference.instrumentation import get_llm_attributes  # noqa: PLC0415

    return get_llm_attributes(provider=traced_provider(address), model_name=address.model)


def traced_provider(address: Address) -> str:
    """The provider as a viewer of traces knows it, so that it prices the tokens as the provider does."""
    from openinference.instrumentation import infer_llm_provider_from_host  # noqa: PLC0415

    if address.own_endpoint or address.base_url is None:
        return address.provider.name
    host = address.base_url.partition("://")[2].partition("/")[0].partition(":")[0]
    known = infer_llm_provider_from_host(host)
    return known.value if known is not None else "openai-compatible"
