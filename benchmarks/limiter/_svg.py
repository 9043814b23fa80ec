"""Numbers over time as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from examples.drawing import drawing, line, text, ticks

Points = Sequence[tuple[float, float]]


@dataclass(slots=True, kw_only=True)
class TimeChart:
    """Numbers over time.

    Attributes:
        title: What there is to see.
        seconds: How much time is shown.
        most: The highest number that is shown.
        parts: What is drawn so far.
    """

    title: str
    seconds: float
    most: float
    parts: list[str] = field(default_factory=list)
    width: int = 760
    height: int = 300
    left: int = 56
    right: int = 150
    top: int = 62
    bottom: int = 46

    def x(self, seconds: float) -> float:
        """Where a time is."""
        return self.left + (self.width - self.left - self.right) * seconds / self.seconds

    def y(self, number: float) -> float:
        """Where a number is."""
        return self.height - self.bottom - (self.height - self.top - self.bottom) * min(number, self.most) / self.most

    def steps(self, points: Points, kind: str, label: str, *, label_at: float) -> None:
        """A line that keeps each number until the next; its label stands at the right, at the height of `label_at`."""
        shown = [(when, number) for when, number in points if when <= self.seconds]
        path = f"M{self.x(shown[0][0]):.1f} {self.y(shown[0][1]):.1f}"
        path += "".join(f"H{self.x(when):.1f}V{self.y(number):.1f}" for when, number in shown[1:])
        self.parts.append(f'<path d="{path}H{self.x(self.seconds):.1f}" class="line {kind}"/>')
        color = kind.partition(" ")[0]
        self.parts.append(text(self.width - self.right + 10, self.y(label_at) + 4, label, kind=color))

    def crosses(self, points: Points, kind: str) -> None:
        """A cross at each point."""
        for when, number in points:
            x, y = self.x(when), self.y(number)
            self.parts += [
                line(x - 4, y - 4, x + 4, y + 4, f"line {kind}"),
                line(x - 4, y + 4, x + 4, y - 4, f"line {kind}"),
            ]

    def svg(self, above: str) -> str:
        """The chart; `above` says what the numbers are."""
        bottom, right = self.y(0), self.width - self.right
        parts = [text(16, 26, self.title, kind="title"), text(16, 47, above, kind="small")]
        for number in ticks(self.most, 5):
            parts += [line(self.left, self.y(number), right, self.y(number), "grid")]
            parts += [text(self.left - 8, self.y(number) + 4, f"{number:g}", anchor="end", kind="small")]
        for when in ticks(self.seconds, 7):
            parts += [line(self.x(when), bottom, self.x(when), bottom + 5, "axis")]
            parts += [text(self.x(when), bottom + 19, f"{when:g}", anchor="middle", kind="small")]
        parts += [line(self.left, bottom, right, bottom, "axis")]
        parts += [text((self.left + right) / 2, bottom + 38, "seconds since the start", anchor="middle", kind="small")]
        return drawing(self.width, self.height, self.title, [*parts, *self.parts])
