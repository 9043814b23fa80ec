"""Every name and attribute key that this package writes into spans.

OpenInference's own keys come from its package; ours start with `llm_composition.`. `docs/tracing.md` has the table of
them, and a test compares the two.
"""

from __future__ import annotations

PREFIX = "llm_composition."

# A fan-out
BRANCHES = PREFIX + "branches"
BRANCHES_OK = PREFIX + "branches.ok"
BRANCHES_FAILED = PREFIX + "branches.failed"
BRANCHES_CANCELLED = PREFIX + "branches.cancelled"
WALL_SECONDS = PREFIX + "wall_seconds"
BRANCH_SECONDS_SUM = PREFIX + "branch_seconds.sum"
BRANCH_SECONDS_P50 = PREFIX + "branch_seconds.p50"
BRANCH_SECONDS_P95 = PREFIX + "branch_seconds.p95"
SPEED_UP = PREFIX + "speed_up"
SLOWEST_BRANCH = PREFIX + "slowest_branch"
PEAK_CONCURRENCY = PREFIX + "peak_concurrency"

# A fan-out whose branches are traces of their own, and such a branch
BRANCHES_RECORDED = PREFIX + "branches.recorded"
BRANCHES_SAMPLED_OUT = PREFIX + "branches.sampled_out"
FAN_OUT_SPAN_ID = PREFIX + "fan_out_span_id"

# A branch
INDEX = PREFIX + "index"
KEY = PREFIX + "key"
ATTEMPTS = PREFIX + "attempts"
QUEUED_SECONDS = PREFIX + "queued_seconds"
START_OFFSET_SECONDS = PREFIX + "start_offset_seconds"
OUTCOME = PREFIX + "outcome"
FAILURE_KIND = PREFIX + "failure_kind"

# A vote
BALLOTS = PREFIX + "ballots"
QUORUM = PREFIX + "quorum"
SHARE = PREFIX + "share"
DECIDED = PREFIX + "decided"

# A chain
STEPS = PREFIX + "steps"
STOPPED_BY = PREFIX + "stopped_by"

# A route
LABEL = PREFIX + "label"
CONFIDENCE = PREFIX + "confidence"
HANDLER = PREFIX + "handler"

# An orchestration
SUBTASKS = PREFIX + "subtasks"

# A refinement, and its evaluations
ROUNDS = PREFIX + "rounds"
BEST_ROUND = PREFIX + "best_round"
ROUND = PREFIX + "round"
ACCEPTED = PREFIX + "accepted"
SCORE = PREFIX + "score"

# A tracked run, and the sums of any scope
CALLS = PREFIX + "calls"
RETRIES = PREFIX + "retries"
INPUT_TOKENS = PREFIX + "tokens.input"
OUTPUT_TOKENS = PREFIX + "tokens.output"
REASONING_TOKENS = PREFIX + "tokens.reasoning"
COST_USD = PREFIX + "cost_usd"
KNOWN_COST_USD = PREFIX + "known_cost_usd"
ESTIMATED_COST_USD = PREFIX + "estimated_cost_usd"

# A tracked run with a budget
BUDGET_USD = PREFIX + "budget_usd"
BUDGET_TOKENS = PREFIX + "budget_tokens"
SPENT_USD = PREFIX + "spent_usd"
SPENT_TOKENS = PREFIX + "spent_tokens"

# One attempt at a provider
ATTEMPT = PREFIX + "attempt"
FINISH_REASON = PREFIX + "finish_reason"
TIME_TO_FIRST_TOKEN_SECONDS = PREFIX + "time_to_first_token_seconds"
PERMIT_WAIT_SECONDS = PREFIX + "permit_wait_seconds"
HTTP_STATUS = PREFIX + "http_status"
RETRY_AFTER_SECONDS = PREFIX + "retry_after_seconds"
COST_SOURCE = PREFIX + "cost_source"
SIMULATED = PREFIX + "simulated"
RETRY = PREFIX + "retry"
HEDGE = PREFIX + "hedge"
HEDGED_AWAY = PREFIX + "hedged_away"

# Waiting for a permit
WAIT_FOR_PERMIT = "wait for permit"
WAIT_REASON = PREFIX + "wait_reason"

# What the end of a call changed in its limiter: events on the span of that call, and their attributes
LIMIT_CHANGED = "limit changed"
LIMIT = PREFIX + "limit"
LIMIT_CHANGED_BECAUSE = PREFIX + "limit_changed_because"
RATE_LEARNED = "rate learned"
REQUESTS_PER_MINUTE = PREFIX + "requests_per_minute"
TOKENS_PER_MINUTE = PREFIX + "tokens_per_minute"
LEARNED_FROM = PREFIX + "learned_from"
CALLS_PAUSED = "calls paused"
PAUSED_SECONDS = PREFIX + "paused_seconds"
OUTAGE_BEGAN = "outage began"
OUTAGE_ENDED = "outage ended"
OUTAGE_SECONDS = PREFIX + "outage_seconds"

# What wrappers of a step did: events on the current span, and their attributes
STEP_RETRIED = "step retried"
FALLBACK_ANSWERED = "fallback answered"
CACHE_ANSWERED = "cache answered"
CACHE_FAILED = "cache failed"
STEP = PREFIX + "step"
BACKOFF_SECONDS = PREFIX + "backoff_seconds"
ERROR = PREFIX + "error"
ERRORS = PREFIX + "errors"
CACHED = PREFIX + "cached"
