"""Parallelization: one step over many inputs, several steps side by side, several ballots on one question."""

from ...steps import Step
from ._parallelize import OnError, ShowProgress, outcomes_of, parallelize
from ._progress_bar import reporter
from ._settings import Settings, stops_on_failure
from ._source import refuse_what_is_no_source
from ._stream_outcomes import OutcomeStream, stream_outcomes
from ._together import together
from ._vote import Vote, vote

__all__ = [
    "OnError",
    "OutcomeStream",
    "Settings",
    "ShowProgress",
    "Step",
    "Vote",
    "outcomes_of",
    "parallelize",
    "refuse_what_is_no_source",
    "reporter",
    "stops_on_failure",
    "stream_outcomes",
    "together",
    "vote",
]
