"""Progress where there is no terminal."""

from examples.paper_translation._progress import Lines
from llm_composition_patterns import Progress


def test_a_line_is_said_every_half_minute(capsys):
    """With what this run finishes in an hour, not counting what was there before it."""
    lines = Lines()
    for second in range(0, 71, 5):
        done = 100 + 2 * second
        lines(
            Progress(total=None, started=done, done=done, succeeded=done, failed=0, in_flight=1, elapsed=float(second))
        )
    assert capsys.readouterr().err.splitlines() == [
        "papers: 160 finished, 0 failed, 7,200 an hour",
        "papers: 220 finished, 0 failed, 7,200 an hour",
    ]
