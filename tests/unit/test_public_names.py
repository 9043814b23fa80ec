"""What the package offers, and what importing it costs."""

import subprocess
import sys
from types import FunctionType

import llm_composition_patterns as package

NAMES = [
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

HEAVY = ("groq", "openai", "aiohttp", "httpx", "rich", "phoenix", "ray", "pandas", "numpy", "opentelemetry.exporter",
         "opentelemetry.sdk", "openinference.instrumentation", "genai_prices", "dotenv")  # fmt: skip


def test_the_public_names_are_these():
    """A name is added or taken away on purpose, and here."""
    assert package.__all__ == sorted(NAMES)


def test_each_public_name_has_a_docstring():
    """Whoever asks for help on a class or function of ours is helped."""
    undocumented = [
        name
        for name in NAMES
        if isinstance(getattr(package, name), type | FunctionType) and not getattr(package, name).__doc__
    ]
    assert undocumented == []


def test_importing_defines_names_and_nothing_else():
    """No SDK, exporter or terminal library is loaded, no provider set, no environment read, by the import alone."""
    program = (
        "import os, sys\n"
        "before = dict(os.environ)\n"
        "import llm_composition_patterns\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "from opentelemetry import trace\n"
        "assert loaded == [], loaded\n"
        "assert type(trace.get_tracer_provider()).__name__ == 'ProxyTracerProvider'\n"
        "assert before == dict(os.environ)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
