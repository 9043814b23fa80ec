"""`Timeline`: branches over time as a picture that a notebook draws by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from ..files import write_atomically
from ..outcome import Failure, Outcome, Success
from ..printable import printable
from ..tracing import recording
from ._bars import MAX_ROWS, OK_STATE, Bar, bars, sums
from ._finished_span import FinishedSpan
from ._layout import layout
from ._sdk_spans import finished
from ._span_bars import span_bars
from ._svg import write_svg

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

Outcomes: TypeAlias = Union[  # noqa: UP007  # it speaks of itself, and so stands in quotes
    Iterable[Outcome[Any]], Mapping[Any, Outcome[Any]], Mapping[str, "Outcomes"]
]
"""Of one fan-out, or of several by name."""


@dataclass(frozen=True, slots=True, repr=False)
class Timeline:
    """What ran when: a bar for each branch, which shows how long it waited for permits, how long it ran, and failures.

    ```python
    outcomes = await parallelize(translate, languages, on_error="collect")
    Timeline.of(outcomes)  # as the last line of a cell, a notebook draws it
    ```

    Made of outcomes, all the time that a branch waited is drawn before it ran, although calls inside it may have
    waited in between; made of spans (`of_spans`), waits and attempts are drawn where they were. Of more branches than
    `max_rows` the failed and the longest are drawn, below how many ran, waited and failed at each time; the sums are
    of all of them.

    Attributes:
        bars: The branches; nested ones after what they belong to.
        title: What stands above, and what a screen reader says first.
        max_rows: How many bars are drawn at most.
    """

    bars: tuple[Bar, ...]
    title: str = "Timeline"
    max_rows: int = MAX_ROWS

    def __post_init__(self) -> None:
        if self.max_rows < 1:
            raise ValueError(f"max_rows is {self.max_rows}; at least 1 bar is drawn")

    @classmethod
    def of(cls, outcomes: Outcomes, *, title: str = "Timeline", max_rows: int = MAX_ROWS) -> Timeline:
        """Make a timeline of outcomes, as a collecting fan-out gives them.

        Branches with equal names are told apart by their keys. In a dict that you made yourself its keys are the names.

        Args:
            outcomes: A list or a dict of outcomes; or a dict of such by name, nested as you like, each of which is
                drawn below its name. Outcomes know when they started after their own fan-out did, so fan-outs in one
                timeline are drawn as if they had begun at the same time.
            title: What stands above it.
            max_rows: How many bars are drawn at most.

        Raises:
            TypeError: There is something else among the outcomes.
            ValueError: `max_rows` is less than 1.
        """
        return cls(tuple(_bars(outcomes, 0)), title, max_rows)

    @classmethod
    def of_spans(
        cls, spans: Iterable[ReadableSpan | FinishedSpan], *, title: str | None = None, max_rows: int = MAX_ROWS
    ) -> Timeline:
        """Make a timeline of finished spans, which know more than outcomes: each wait and each attempt has its place.

        ```python
        with Timeline.recording() as spans:
            await parallelize(translate, languages)
        Timeline.of_spans(spans)
        ```

        Fan-outs are groups, nested as they ran. A pattern that is alone in a branch is drawn on that branch's bar.

        Args:
            spans: Spans of one run, in any order, as `recording` or OpenTelemetry's SDK gives them.
            title: What stands above it; default the name of what the spans lie in.
            max_rows: How many bars are drawn at most.

        Raises:
            TypeError: There is something else among the spans.
            ValueError: `max_rows` is less than 1.
        """
        name, bars = span_bars(map(finished, spans))
        return cls(tuple(bars), title or name or "Timeline", max_rows)

    @staticmethod
    def recording() -> AbstractContextManager[list[ReadableSpan]]:
        """Keep the spans that end inside the `with` block, for `of_spans`; give the list that they are put into.

        They go wherever they would go without it, too, and nothing need be set up.

        Raises:
            ConfigurationError: The application's tracer provider is none of OpenTelemetry's SDK.
        """
        return recording()

    def svg(self) -> str:
        """Give the picture as SVG, which is for light and dark pages and has a description for screen readers."""
        return write_svg(layout(self.bars, max_rows=self.max_rows), printable(self.title))

    def save(self, path: str | Path) -> None:
        """Write the SVG to a file, which is there whole or not at all.

        Raises:
            OSError: It could not be written; an old file is as it was.
        """
        write_atomically(path, self.svg())

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return f"<Timeline {self.title!r}: {', '.join(sums(self.bars))}>"


def _bars(outcomes: Any, depth: int) -> list[Bar]:
    if not isinstance(outcomes, Mapping):
        return _branches(list(outcomes), depth)
    if all(isinstance(value, Success | Failure) and value.key == name for name, value in outcomes.items()):
        return _branches(list(outcomes.values()), depth)
    return [bar for name, value in outcomes.items() for bar in _group(name, value, depth)]


def _group(name: object, outcomes: Any, depth: int) -> list[Bar]:
    if isinstance(outcomes, Success | Failure):
        return [replace(bar, name=str(name)) for bar in bars([outcomes], depth=depth)]
    inside = _bars(outcomes, depth + 1)
    if not inside:
        return []
    start, end = min(bar.start for bar in inside), max(bar.end for bar in inside)
    failed = [bar.state for bar in inside if bar.failed]
    state = min(failed, key="cancelled".__eq__, default=OK_STATE)  # what somebody stopped is the lesser news
    return [Bar(str(name), start, end, state, depth, role="group"), *inside]


def _branches(outcomes: list[Outcome[Any]], depth: int) -> list[Bar]:
    for outcome in outcomes:
        if not isinstance(outcome, Success | Failure):
            kind = type(outcome).__name__
            raise TypeError(f'a timeline is drawn of outcomes, not of {kind}: run the fan-out with on_error="collect"')
    names = Counter(outcome.name for outcome in outcomes)
    return [
        bar if names[bar.name] == 1 else replace(bar, name=f"{bar.name} {outcome.key}".strip())
        for bar, outcome in zip(bars(outcomes, depth=depth), outcomes, strict=True)
    ]
