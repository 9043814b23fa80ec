"""The operations of the grid language, in plain Python.

Each takes a grid and gives one whose shape depends on the shape alone; `_arrays` has the same for many grids at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from ._grids import COLORS, MOST, Grid, NotApplicable

Operation: TypeAlias = Callable[[Grid], Grid]


def turn_right(grid: Grid) -> Grid:
    return tuple(zip(*grid[::-1], strict=True))


def turn_left(grid: Grid) -> Grid:
    return tuple(zip(*grid, strict=True))[::-1]


def turn_around(grid: Grid) -> Grid:
    return tuple(row[::-1] for row in grid[::-1])


def flip_across(grid: Grid) -> Grid:
    return tuple(row[::-1] for row in grid)


def flip_over(grid: Grid) -> Grid:
    return grid[::-1]


def transpose(grid: Grid) -> Grid:
    return tuple(zip(*grid, strict=True))


def slide_left(grid: Grid) -> Grid:
    return tuple(tuple(sorted(row, key=_is_background)) for row in grid)


def slide_right(grid: Grid) -> Grid:
    return tuple(tuple(sorted(row, key=bool)) for row in grid)


def slide_up(grid: Grid) -> Grid:
    return transpose(slide_left(transpose(grid)))


def slide_down(grid: Grid) -> Grid:
    return transpose(slide_right(transpose(grid)))


def _is_background(cell: int) -> bool:
    return not cell


def shift_left(grid: Grid) -> Grid:
    return tuple((*row[1:], row[0]) for row in grid)


def shift_right(grid: Grid) -> Grid:
    return tuple((row[-1], *row[:-1]) for row in grid)


def shift_up(grid: Grid) -> Grid:
    return (*grid[1:], grid[0])


def shift_down(grid: Grid) -> Grid:
    return (grid[-1], *grid[:-1])


def mirror_right(grid: Grid) -> Grid:
    """Let the right half be the mirror image of the left one."""
    return tuple(_mirrored(row) for row in grid)


def mirror_down(grid: Grid) -> Grid:
    """Let the lower half be the mirror image of the upper one."""
    return transpose(mirror_right(transpose(grid)))


def _mirrored(row: tuple[int, ...]) -> tuple[int, ...]:
    kept = (len(row) + 1) // 2
    return (*row[:kept], *row[: len(row) // 2][::-1])


def _beside(grid: Grid, y: int, x: int) -> tuple[int, int, int, int]:
    """The cells above, below, left and right; outside is background."""
    row = grid[y]
    return (
        grid[y - 1][x] if y else 0,
        grid[y + 1][x] if y + 1 < len(grid) else 0,
        row[x - 1] if x else 0,
        row[x + 1] if x + 1 < len(row) else 0,
    )


def _by_cell(grid: Grid, cell_of: Callable[[int, tuple[int, int, int, int]], int]) -> Grid:
    return tuple(tuple(cell_of(cell, _beside(grid, y, x)) for x, cell in enumerate(row)) for y, row in enumerate(grid))


def grow(grid: Grid) -> Grid:
    """Give each background cell the highest color beside it."""
    return _by_cell(grid, lambda cell, beside: cell or max(beside))


def shrink(grid: Grid) -> Grid:
    """Remove the cells that have background, or the border, beside them."""
    return _by_cell(grid, lambda cell, beside: cell if all(beside) else 0)


def outline(grid: Grid) -> Grid:
    """Keep the cells that have background, or the border, beside them."""
    return _by_cell(grid, lambda cell, beside: 0 if all(beside) else cell)


def drop_dots(grid: Grid) -> Grid:
    """Remove the cells that have no cell beside them."""
    return _by_cell(grid, lambda cell, beside: cell if any(beside) else 0)


def fill_holes(grid: Grid) -> Grid:
    """Give background that no way of background leads out of the color that is seen most."""
    height, width = len(grid), len(grid[0])
    edge = [(y, x) for y in range(height) for x in range(width) if y in {0, height - 1} or x in {0, width - 1}]
    outside = _reached(grid, [(y, x) for y, x in edge if not grid[y][x]], background=True)
    color = most_seen(grid)
    return tuple(
        tuple(color if not cell and (y, x) not in outside else cell for x, cell in enumerate(row))
        for y, row in enumerate(grid)
    )


def keep_largest(grid: Grid) -> Grid:
    """Keep the object with the most cells, the last of several."""
    best: set[tuple[int, int]] = set()
    seen: set[tuple[int, int]] = set()
    for y, row in enumerate(grid):
        for x, cell in enumerate(row):
            if cell and (y, x) not in seen:
                found = _reached(grid, [(y, x)], background=False)
                seen |= found
                best = max(best, found, key=lambda cells: (len(cells), max(cells, default=(0, 0))))
    return tuple(tuple(cell if (y, x) in best else 0 for x, cell in enumerate(row)) for y, row in enumerate(grid))


def _reached(grid: Grid, starts: Sequence[tuple[int, int]], *, background: bool) -> set[tuple[int, int]]:
    """The cells that steps through background alone, or through objects alone, lead to."""
    reached, left = set(starts), list(starts)
    height, width = len(grid), len(grid[0])
    while left:
        y, x = left.pop()
        for there in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            inside = 0 <= there[0] < height and 0 <= there[1] < width
            if inside and there not in reached and bool(grid[there[0]][there[1]]) is not background:
                reached.add(there)
                left.append(there)
    return reached


def join_rows(grid: Grid) -> Grid:
    """Fill the background between a cell and the next one of its row, if they are of one color."""
    return tuple(_joined(row) for row in grid)


def join_columns(grid: Grid) -> Grid:
    """Fill the background between a cell and the next one of its column, if they are of one color."""
    return transpose(join_rows(transpose(grid)))


def _joined(row: tuple[int, ...]) -> tuple[int, ...]:
    joined, last = list(row), -1
    for x, cell in enumerate(row):
        if cell:
            if last >= 0 and row[last] == cell:
                joined[last:x] = [cell] * (x - last)
            last = x
    return tuple(joined)


def most_seen(grid: Grid) -> int:
    """The color of the most cells that are no background, the lowest of several; 0 where there are none."""
    counts = [sum(row.count(color) for row in grid) for color in range(1, COLORS)]
    return counts.index(max(counts)) + 1 if any(counts) else 0


def _least_seen(grid: Grid) -> int:
    counts = [sum(row.count(color) for row in grid) or MOST * MOST + 1 for color in range(1, COLORS)]
    return counts.index(min(counts)) + 1 if most_seen(grid) else 0


def keep_most(grid: Grid) -> Grid:
    """Keep the color that is seen most."""
    color = most_seen(grid)
    return tuple(tuple(cell if cell == color else 0 for cell in row) for row in grid)


def drop_most(grid: Grid) -> Grid:
    """Remove the color that is seen most."""
    color = most_seen(grid)
    return tuple(tuple(0 if cell == color else cell for cell in row) for row in grid)


def swap_colors(grid: Grid) -> Grid:
    """Swap the colors that are seen most and least."""
    most, least = most_seen(grid), _least_seen(grid)
    return _recolored(grid, {most: least, least: most})


def invert(grid: Grid) -> Grid:
    """Swap the background and the color that is seen most."""
    color = most_seen(grid)
    return _recolored(grid, {0: color, color: 0})


def _recolored(grid: Grid, colors: Mapping[int, int]) -> Grid:
    return tuple(tuple(colors.get(cell, cell) for cell in row) for row in grid)


def top_half(grid: Grid) -> Grid:
    """Keep the upper half."""
    if len(grid) % 2:
        raise NotApplicable("there is no half of an odd number of rows")
    return grid[: len(grid) // 2]


def left_half(grid: Grid) -> Grid:
    """Keep the left half."""
    if len(grid[0]) % 2:
        raise NotApplicable("there is no half of an odd number of columns")
    return tuple(row[: len(row) // 2] for row in grid)


def double(grid: Grid) -> Grid:
    """Make four cells of each."""
    if 2 * max(len(grid), len(grid[0])) > MOST:
        raise NotApplicable(f"a side would be longer than {MOST} cells")
    wide = [tuple(cell for cell in row for _ in range(2)) for row in grid]
    return tuple(row for row in wide for _ in range(2))


OPERATIONS: Final[Mapping[str, Operation]] = {
    operation.__name__: operation
    for operation in (
        turn_right, turn_left, turn_around, flip_across, flip_over, transpose, slide_left, slide_right, slide_up,
        slide_down, shift_left, shift_right, shift_up, shift_down, mirror_right, mirror_down, grow, shrink, outline,
        drop_dots, fill_holes, keep_largest, join_rows, join_columns, keep_most, drop_most, swap_colors, invert,
        top_half, left_half, double,
    )
}  # fmt: skip
"""Each by its name."""
