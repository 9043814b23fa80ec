"""The operations for many grids of one shape at once, in NumPy: an array of grids, rows and columns each.

They give what `_operations` gives for each grid alone; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._grids import COLORS, MOST, NotApplicable

Grids: TypeAlias = NDArray[np.int8]
_Flags: TypeAlias = NDArray[np.bool_]


def _transpose(grids: Grids) -> Grids:
    return grids.transpose(0, 2, 1)


def _slide(grids: Grids, *, right: bool) -> Grids:
    order = np.argsort(grids != 0 if right else grids == 0, axis=2, kind="stable")
    return np.take_along_axis(grids, order, axis=2)


def _mirror_right(grids: Grids) -> Grids:
    width = grids.shape[2]
    return np.concatenate([grids[:, :, : (width + 1) // 2], grids[:, :, : width // 2][:, :, ::-1]], axis=2)


def _beside(grids: Grids) -> list[Grids]:
    """What is above, below, left and right of each cell; outside is background."""
    padded = np.pad(grids, ((0, 0), (1, 1), (1, 1)))
    return [padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], padded[:, 1:-1, :-2], padded[:, 1:-1, 2:]]


def _enclosed(grids: Grids) -> _Flags:
    above, below, left, right = _beside(grids)
    enclosed: _Flags = (above != 0) & (below != 0) & (left != 0) & (right != 0)
    return enclosed


def _grow(grids: Grids) -> Grids:
    above, below, left, right = _beside(grids)
    highest = np.maximum(np.maximum(above, below), np.maximum(left, right))
    return np.where(grids != 0, grids, highest)


def _drop_dots(grids: Grids) -> Grids:
    above, below, left, right = _beside(grids)
    return np.where((above | below | left | right) != 0, grids, np.int8(0))


def _fill_holes(grids: Grids) -> Grids:
    background = grids == 0
    outside = background.copy()
    outside[:, 1:-1, 1:-1] = False
    while True:
        padded = np.pad(outside, ((0, 0), (1, 1), (1, 1)))
        near = padded[:, :-2, 1:-1] | padded[:, 2:, 1:-1] | padded[:, 1:-1, :-2] | padded[:, 1:-1, 2:]
        further = background & (outside | near)
        if np.array_equal(further, outside):
            return np.where(background & ~outside, _most_seen(grids), grids)
        outside = further


def _keep_largest(grids: Grids) -> Grids:
    """Each object is known by its last cell's number, which spreads over it; the highest of the largest wins."""
    count, height, width = grids.shape
    numbers = np.arange(1, height * width + 1, dtype=np.int16).reshape(1, height, width)
    marks = np.where(grids != 0, numbers, np.int16(0))
    while True:
        padded = np.pad(marks, ((0, 0), (1, 1), (1, 1)))
        spread = np.maximum(np.maximum(padded[:, :-2, 1:-1], padded[:, 2:, 1:-1]), marks)
        spread = np.maximum(spread, np.maximum(padded[:, 1:-1, :-2], padded[:, 1:-1, 2:]))
        spread = np.where(grids != 0, spread, np.int16(0))
        if np.array_equal(spread, marks):
            break
        marks = spread
    each = height * width + 1
    offsets = np.arange(count, dtype=np.int64).reshape(count, 1, 1) * each
    sizes = np.bincount((marks + offsets).ravel(), minlength=count * each).reshape(count, each)
    sizes[:, 0] = 0
    best = each - 1 - np.argmax(sizes[:, ::-1], axis=1)
    return np.where((marks != 0) & (marks == best.reshape(count, 1, 1)), grids, np.int8(0))


def _join_rows(grids: Grids) -> Grids:
    """Fill where the last color to the left and the next one to the right are the same."""
    before, after = _last_seen(grids), _last_seen(grids[:, :, ::-1])[:, :, ::-1]
    return np.where((grids == 0) & (before == after), before, grids)


def _last_seen(grids: Grids) -> Grids:
    columns = np.arange(grids.shape[2], dtype=np.int64)
    last = np.maximum.accumulate(np.where(grids != 0, columns, 0), axis=2)
    return np.take_along_axis(grids, last, axis=2)


def _counts(grids: Grids) -> NDArray[np.int64]:
    """How many cells of each color a grid has."""
    count = len(grids)
    offsets = np.arange(count, dtype=np.int64).reshape(count, 1, 1) * COLORS
    return np.bincount((grids + offsets).ravel(), minlength=count * COLORS).reshape(count, COLORS)


def _most_seen(grids: Grids) -> Grids:
    counts = _counts(grids)[:, 1:]
    colors = np.where(counts.any(axis=1), counts.argmax(axis=1) + 1, 0)
    return colors.astype(np.int8).reshape(-1, 1, 1)


def _least_seen(grids: Grids) -> Grids:
    counts = _counts(grids)[:, 1:]
    seldom = np.where(counts == 0, MOST * MOST + 1, counts).argmin(axis=1) + 1
    return np.where(counts.any(axis=1), seldom, 0).astype(np.int8).reshape(-1, 1, 1)


def _swapped(grids: Grids, one: Grids | np.int8, other: Grids) -> Grids:
    return np.where(grids == one, other, np.where(grids == other, one, grids))


def _top_half(grids: Grids) -> Grids:
    if grids.shape[1] % 2:
        raise NotApplicable("there is no half of an odd number of rows")
    return grids[:, : grids.shape[1] // 2]


def _left_half(grids: Grids) -> Grids:
    if grids.shape[2] % 2:
        raise NotApplicable("there is no half of an odd number of columns")
    return grids[:, :, : grids.shape[2] // 2]


def _double(grids: Grids) -> Grids:
    if 2 * max(grids.shape[1:]) > MOST:
        raise NotApplicable(f"a side would be longer than {MOST} cells")
    return grids.repeat(2, axis=1).repeat(2, axis=2)


def _upright(of_rows: Callable[[Grids], Grids]) -> Callable[[Grids], Grids]:
    """The same for columns."""
    return lambda grids: _transpose(of_rows(_transpose(grids)))


_ZERO: Final = np.int8(0)

ARRAY_OPERATIONS: Final[Mapping[str, Callable[[Grids], Any]]] = {
    "turn_right": lambda grids: np.rot90(grids, -1, axes=(1, 2)),
    "turn_left": lambda grids: np.rot90(grids, 1, axes=(1, 2)),
    "turn_around": lambda grids: grids[:, ::-1, ::-1],
    "flip_across": lambda grids: grids[:, :, ::-1],
    "flip_over": lambda grids: grids[:, ::-1],
    "transpose": _transpose,
    "slide_left": lambda grids: _slide(grids, right=False),
    "slide_right": lambda grids: _slide(grids, right=True),
    "slide_up": _upright(lambda grids: _slide(grids, right=False)),
    "slide_down": _upright(lambda grids: _slide(grids, right=True)),
    "shift_left": lambda grids: np.roll(grids, -1, axis=2),
    "shift_right": lambda grids: np.roll(grids, 1, axis=2),
    "shift_up": lambda grids: np.roll(grids, -1, axis=1),
    "shift_down": lambda grids: np.roll(grids, 1, axis=1),
    "mirror_right": _mirror_right,
    "mirror_down": _upright(_mirror_right),
    "grow": _grow,
    "shrink": lambda grids: np.where(_enclosed(grids), grids, _ZERO),
    "outline": lambda grids: np.where(_enclosed(grids), _ZERO, grids),
    "drop_dots": _drop_dots,
    "fill_holes": _fill_holes,
    "keep_largest": _keep_largest,
    "join_rows": _join_rows,
    "join_columns": _upright(_join_rows),
    "keep_most": lambda grids: np.where(grids == _most_seen(grids), grids, _ZERO),
    "drop_most": lambda grids: np.where(grids == _most_seen(grids), _ZERO, grids),
    "swap_colors": lambda grids: _swapped(grids, _most_seen(grids), _least_seen(grids)),
    "invert": lambda grids: _swapped(grids, _ZERO, _most_seen(grids)),
    "top_half": _top_half,
    "left_half": _left_half,
    "double": _double,
}
"""Each by its name, as in `_operations.OPERATIONS`."""
