"""The operations on grids, one by one and in NumPy."""

import random

import numpy as np
import pytest

from examples.puzzle_search._arrays import ARRAY_OPERATIONS
from examples.puzzle_search._grids import NotApplicable, grid_of, rows
from examples.puzzle_search._operations import OPERATIONS

EXAMPLES = {
    "turn_right": ("12 30", "31 02"),
    "turn_left": ("12 30", "20 13"),
    "turn_around": ("12 30", "03 21"),
    "flip_across": ("12 30", "21 03"),
    "flip_over": ("12 30", "30 12"),
    "transpose": ("12 30", "13 20"),
    "slide_left": ("0102 3000", "1200 3000"),
    "slide_right": ("0102 3000", "0012 0003"),
    "slide_up": ("01 20 03", "21 03 00"),
    "slide_down": ("01 20 03", "00 01 23"),
    "shift_left": ("123", "231"),
    "shift_right": ("123", "312"),
    "shift_up": ("1 2 3", "2 3 1"),
    "shift_down": ("1 2 3", "3 1 2"),
    "mirror_right": ("12345", "12321"),
    "mirror_down": ("1 2 3 4", "1 2 2 1"),
    "grow": ("000 010 002", "010 112 022"),
    "shrink": ("111 111 111", "000 010 000"),
    "outline": ("111 111 111", "111 101 111"),
    "drop_dots": ("1100 0002", "1100 0000"),
    "fill_holes": ("1110 1010 1110", "1110 1110 1110"),
    "keep_largest": ("1002 1022", "0002 0022"),
    "join_rows": ("10012", "11112"),
    "join_columns": ("1 0 1 0 2", "1 1 1 0 2"),
    "keep_most": ("1123", "1100"),
    "drop_most": ("1123", "0023"),
    "swap_colors": ("1122203", "1133302"),
    "invert": ("1102", "0012"),
    "top_half": ("1 2", "1"),
    "left_half": ("1234", "12"),
    "double": ("12", "1122 1122"),
}


def drawn(text):
    return grid_of(text.split())


@pytest.mark.parametrize(("name", "given", "wanted"), [(name, *pair) for name, pair in EXAMPLES.items()])
def test_an_operation(name, given, wanted):
    """Does to a small grid what its name says."""
    assert rows(OPERATIONS[name](drawn(given))) == wanted.split()


def test_every_operation_has_its_example():
    """And its twin in NumPy."""
    assert [*OPERATIONS] == [*EXAMPLES] == [*ARRAY_OPERATIONS]


def random_grids(shape, count):
    chance = random.Random(str(shape))
    for _ in range(count):
        full = chance.random()
        yield tuple(
            tuple(chance.choice((1, 2, 3, 9)) if chance.random() < full else 0 for _ in range(shape[1]))
            for _ in range(shape[0])
        )


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (3, 4), (7, 8)])
@pytest.mark.parametrize("name", OPERATIONS)
def test_numpy_gives_the_same(name, shape):
    """For 60 grids at once, from empty to full; and it refuses the same shapes."""
    grids = [*random_grids(shape, 60)]
    array = np.array(grids, dtype=np.int8)
    try:
        wanted = [*map(OPERATIONS[name], grids)]
    except NotApplicable as refused:
        with pytest.raises(NotApplicable, match=str(refused)):
            ARRAY_OPERATIONS[name](array)
        return
    assert [tuple(map(tuple, grid)) for grid in ARRAY_OPERATIONS[name](array).tolist()] == wanted


def test_a_grid_does_not_grow_for_ever():
    """Doubling ends at the longest side that there is."""
    grid = drawn("1")
    for _ in range(6):
        grid = OPERATIONS["double"](grid)
    assert len(grid) == 64
    with pytest.raises(NotApplicable, match="longer than 64"):
        OPERATIONS["double"](grid)


@pytest.mark.parametrize("lines", [[], [""], ["12", "1"], ["1x"], ["1" * 65], ["²"]])
def test_what_is_no_grid_is_refused(lines):
    """Nothing, lines of unlike length, too long ones, and what are no digits."""
    with pytest.raises(ValueError, match="a grid"):
        grid_of(lines)
