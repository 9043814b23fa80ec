"""Composable LLM patterns as plain async functions: one fan-out primitive, one limiter, a span for every branch.

A step is any async function of one input. `parallelize` runs a step over many inputs at once and loses nothing;
`together` and `vote` run different steps, or one step several times. `connect` gives a model, `ask` asks it, `track`
adds up what it cost, and `setup_tracing` sends spans to Arize Phoenix. Importing this does nothing but define names.
"""

from typing import TYPE_CHECKING, Any

from .errors import (
    AuthenticationFailed,
    BatchError,
    BranchTimeout,
    BudgetExceeded,
    ConfigurationError,
    DeadlineExceeded,
    FailureKind,
    GateRefused,
    InsufficientCredit,
    InvalidOutput,
    LLMCompositionError,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
    NoQuorum,
    NoRoute,
    RateLimited,
    Refused,
    StepTimeout,
    TooManyFailures,
    TooManySubtasks,
    UnknownModel,
    WorkerLost,
)
from .limits import Limiter, LimiterStatistics
from .llm import ChatModel, Completion, ConnectedModel, Message, ModelSettings, Price, ask, connect
from .outcome import Failure, Outcome, Success
from .patterns.evaluator_optimizer import Refined, Round, Verdict, refine
from .patterns.orchestrator_workers import orchestrate
from .patterns.parallelization import OutcomeStream, Step, Vote, parallelize, stream_outcomes, together, vote
from .patterns.prompt_chaining import chain, gate
from .patterns.routing import Choice, route
from .runs import Budget, Progress, Tracked, track
from .simulation import Capacity, Change, Fault, RateLimit, Scenario
from .steps import (
    Backoff,
    CacheStore,
    MemoryCache,
    SqliteCache,
    in_processes,
    in_threads,
    micro_batched,
    with_cache,
    with_fallback,
    with_retry,
    with_timeout,
)
from .timeline import Timeline
from .tracing import Tracing, TracingStatistics, setup_tracing
from .usage import Usage

if TYPE_CHECKING:
    from .batch import BatchReport, once, read_results, run_batch

__all__ = [
    "AuthenticationFailed",
    "Backoff",
    "BatchError",
    "BatchReport",
    "BranchTimeout",
    "Budget",
    "BudgetExceeded",
    "CacheStore",
    "Capacity",
    "Change",
    "ChatModel",
    "Choice",
    "Completion",
    "ConfigurationError",
    "ConnectedModel",
    "DeadlineExceeded",
    "Failure",
    "FailureKind",
    "Fault",
    "GateRefused",
    "InsufficientCredit",
    "InvalidOutput",
    "LLMCompositionError",
    "Limiter",
    "LimiterStatistics",
    "MemoryCache",
    "Message",
    "ModelError",
    "ModelSettings",
    "ModelTimeout",
    "ModelUnavailable",
    "NoQuorum",
    "NoRoute",
    "Outcome",
    "OutcomeStream",
    "Price",
    "Progress",
    "RateLimit",
    "RateLimited",
    "Refined",
    "Refused",
    "Round",
    "Scenario",
    "SqliteCache",
    "Step",
    "StepTimeout",
    "Success",
    "Timeline",
    "TooManyFailures",
    "TooManySubtasks",
    "Tracing",
    "TracingStatistics",
    "Tracked",
    "UnknownModel",
    "Usage",
    "Verdict",
    "Vote",
    "WorkerLost",
    "ask",
    "chain",
    "connect",
    "gate",
    "in_processes",
    "in_threads",
    "micro_batched",
    "once",
    "orchestrate",
    "parallelize",
    "read_results",
    "refine",
    "route",
    "run_batch",
    "setup_tracing",
    "stream_outcomes",
    "together",
    "track",
    "vote",
    "with_cache",
    "with_fallback",
    "with_retry",
    "with_timeout",
]


def __getattr__(name: str) -> Any:
    # Batches need SQLite, which nobody else pays for.
    if name in {"BatchReport", "once", "read_results", "run_batch"}:
        from . import batch  # noqa: PLC0415

        return getattr(batch, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
