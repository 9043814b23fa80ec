"""The timeline of a command's run as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigurationError
from ..files import check_writable
from ..timeline import Timeline
from ._terminal import say

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


@contextmanager
def drawn_into(path: Path | None) -> Iterator[None]:
    """Draw what runs inside the `with` block into an SVG; with None, do nothing.

    Enter it where spans go already, and before a call is paid: that the file cannot be written is found then.

    Raises:
        ConfigurationError: The file cannot be written, or is none of that kind.
    """
    if path is None:
        yield
        return
    if path.is_dir():
        raise ConfigurationError(f"--timeline {path} is a directory: name a file, as timeline.svg")
    if path.suffix != ".svg":
        raise ConfigurationError(f"--timeline {path}: an SVG is drawn, so name a file that ends in .svg")
    check_writable(path.parent)
    with Timeline.recording() as spans:
        yield
    if spans:
        _draw(spans, path)


def _draw(spans: Sequence[ReadableSpan], path: Path) -> None:
    try:
        Timeline.of_spans(spans).save(path)
    except OSError as error:  # what was run is done, and shown all the same
        say(f"no timeline written into {path}: {error.strerror}")
    else:
        say(f"timeline written: {path}")
