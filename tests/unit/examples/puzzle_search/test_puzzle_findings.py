"""What the search finds, and that it is the same in NumPy and at each level."""

import asyncio

import pytest

from examples.puzzle_search._candidates import Candidate, Verdict, check, question, rehearsed
from examples.puzzle_search._grids import grid_of
from examples.puzzle_search._levels import LEVELS, on_the_loop
from examples.puzzle_search._programs import NoProgram
from examples.puzzle_search._search import Sample, examine, samples_of, solve_task
from examples.puzzle_search._solve import Tally, Unsearched, by_enumeration, chosen
from examples.puzzle_search._tasks import Pair, Task, invented
from examples.puzzle_search._vectorized import examine_many


def pair(given, wanted):
    return Pair(grid_of(given.split()), grid_of(wanted.split()))


TURNED = Task(
    "turned",
    (pair("120 000 003", "001 002 300"), pair("400 050 000", "004 050 000")),
    (pair("600 700 080", "076 800 000"),),
)
CONTRARY = Task("contrary", (pair("12", "21"), pair("12", "12")), (pair("12", "22"),))


def test_the_rule_is_found_and_applied():
    """The shortest of the programs that explain everything comes first."""
    solution = solve_task(TURNED)
    assert solution.programs[0] == "turn_right"
    assert (solution.right, solution.answers) == (True, (grid_of(["076", "800", "000"]),))


def test_each_demonstration_is_held_out_once():
    """It is explained by the others, and tests by all."""
    samples = samples_of(TURNED)
    assert [(len(sample.shown), sample.is_test) for sample in samples] == [(1, False), (1, False), (2, True)]
    assert all(Pair(sample.given, sample.wanted) not in sample.shown for sample in samples)


def test_nothing_explains_what_contradicts_itself():
    """No program, no answer, and how many demonstrations the best one explains."""
    found = examine(samples_of(CONTRARY)[-1])
    assert (found.programs, found.answer, found.explained, found.right) == ((), None, 1, False)


def test_programs_that_disagree_are_told():
    """The answer is what most of them make of it, with their share."""
    found = examine(Sample("s", (pair("11", "11"),), grid_of(["12"]), None, is_test=True))
    assert found.right is None
    assert 0 < found.share < 1


def test_many_samples_at_once_give_the_same():
    """In NumPy, of different shapes, with and without a solution, in their order."""
    tasks = [*invented(3, seed=7), TURNED, CONTRARY]
    samples = [sample for task in tasks for sample in samples_of(task)]
    assert examine_many(samples) == [*map(examine, samples)]
    assert examine_many([]) == []


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
def test_every_level_finds_the_same(level):
    """Whatever becomes a branch."""

    async def work(piece, given):
        return (await on_the_loop(piece, given)).value

    tasks = [CONTRARY, TURNED]
    assert asyncio.run(level.run(work, tasks)) == [*map(solve_task, tasks)]


def test_a_candidate_is_checked_on_every_demonstration():
    """One that explains them all is applied to the tests."""
    assert check(Candidate("turn_right", TURNED)) == Verdict("turn_right", 2, (grid_of(["076", "800", "000"]),))
    assert check(Candidate("turn_around", CONTRARY)) == Verdict("turn_around", 1, ())
    assert check(Candidate("top_half", CONTRARY)) == Verdict("top_half", 0, ())


def test_a_candidate_that_is_no_program_is_an_error():
    """And not one that explains nothing."""
    with pytest.raises(NoProgram, match="fold_paper"):
        check(Candidate("fold_paper", TURNED))


def test_the_first_candidate_that_explains_everything_is_chosen():
    """Without one there is no answer."""
    wrong, right = Verdict("flip_over", 1, ()), Verdict("turn_right", 2, (TURNED.tests[0].wanted,))
    solution = chosen(TURNED, [wrong, right])
    assert (solution.programs, solution.right) == (("turn_right",), True)
    assert chosen(TURNED, [wrong]).answers == (None,)


def test_the_rehearsed_model_knows_rules_and_proposes_nonsense_too():
    """The same each time; what is no puzzle of its own it does not answer."""
    tasks = [*invented(60)]
    answer = rehearsed(tasks)

    def proposed(task):
        return answer({"messages": [{"content": ""}, {"content": question(task)}]})["programs"]

    said = [proposed(task) for task in tasks]
    assert said == [proposed(task) for task in tasks]
    assert 0.6 < sum(task.program in programs for task, programs in zip(tasks, said, strict=True)) / 60 < 1
    assert {"until_stable(shift_right)", "fold_paper"} < {program for programs in said for program in programs}
    assert answer({"messages": [{"content": ""}, {"content": "another"}]}) is None


async def test_a_sample_that_fails_fails_its_puzzle():
    """What was not searched is not without a solution."""

    async def fails_for_the_second(sample):
        if sample.key == "turned 1":
            raise MemoryError("no room")
        return examine(sample)

    tally = Tally()
    with pytest.raises(Unsearched, match="1 of 3 samples: no room") as failed:
        await by_enumeration(fails_for_the_second, 1.0, tally)(TURNED)
    assert isinstance(failed.value.__cause__, MemoryError)
    assert tally.branches == 3
