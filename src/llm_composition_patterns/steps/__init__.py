"""Wrappers of a step: each takes a function and gives back a step with the same signature."""

from ._annotations import answer_type, hints
from ._cache_store import CacheStore, MemoryCache
from ._checks import check_count, check_seconds, is_plain_function
from ._in_threads import in_threads
from ._json_form import JsonForm
from ._made import made_of
from ._micro_batched import micro_batched
from ._sqlite_cache import SqliteCache
from ._step import (
    Step,
    answer_of,
    name_or,
    named,
    not_async,
    refuse_what_cannot_be_called,
    refuse_what_is_no_step,
    run_step,
    step_name,
)
from ._with_cache import with_cache
from ._with_fallback import with_fallback
from ._with_retry import Backoff, with_retry
from ._with_timeout import with_timeout
from .processes import in_processes

__all__ = [
    "Backoff",
    "CacheStore",
    "JsonForm",
    "MemoryCache",
    "SqliteCache",
    "Step",
    "answer_of",
    "answer_type",
    "check_count",
    "check_seconds",
    "hints",
    "in_processes",
    "in_threads",
    "is_plain_function",
    "made_of",
    "micro_batched",
    "name_or",
    "named",
    "not_async",
    "refuse_what_cannot_be_called",
    "refuse_what_is_no_step",
    "run_step",
    "step_name",
    "with_cache",
    "with_fallback",
    "with_retry",
    "with_timeout",
]
