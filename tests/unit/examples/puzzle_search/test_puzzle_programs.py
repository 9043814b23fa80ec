"""Programs of the grid language."""

import pytest

from examples.puzzle_search._grids import NotApplicable, grid_of
from examples.puzzle_search._operations import OPERATIONS
from examples.puzzle_search._programs import NoProgram, Step, enumerated, parse, run


def test_operations_are_applied_one_after_the_other():
    """From the left."""
    assert run(parse("turn_right | flip_across"), grid_of(["12", "30"])) == grid_of(["13", "20"])


def test_a_loop_goes_on_until_nothing_changes():
    """As often as it takes."""
    program = parse("until_stable( grow ) | shift_up")
    assert program == (Step("grow", until_stable=True), Step("shift_up"))
    assert run(program, grid_of(["0000", "0000", "0003"])) == grid_of(["3333"] * 3)


def test_what_cannot_be_applied_says_so():
    """It is no empty result."""
    with pytest.raises(NotApplicable, match="odd number of rows"):
        run(parse("top_half"), grid_of(["1"]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("turn_rigth", "no operation 'turn_rigth'; did you mean 'turn_right'"),
        ("", "no operation ''"),
        ("until_stable(fold)", "no operation 'fold'"),
        ("until_stable(grow", "no operation 'until_stable"),
        (" | ".join(["grow"] * 9), "at most 8 operations, not 9"),
    ],
)
def test_what_is_no_program_is_refused(text, said):
    """And the error says why."""
    with pytest.raises(NoProgram) as refused:
        parse(text)
    assert said in str(refused.value)


def test_every_program_of_two_operations_is_enumerated_once():
    """The short ones first, without those that cannot be applied."""
    programs = [program for program, _ in enumerated(grid_of(["12", "30"]))]
    assert len(programs) == len(set(programs))
    assert programs[: len(OPERATIONS)] == [*OPERATIONS]
    assert "left_half | left_half" not in programs
    assert "left_half | top_half" in programs


def test_the_enumerated_grids_are_what_the_programs_make():
    """The enumeration shares the first operation among programs, and nothing else."""
    grid = grid_of(["1200", "0310", "0041", "2000"])
    assert all(run(parse(program), grid) == made for program, made in enumerated(grid))
