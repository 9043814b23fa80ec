"""The search over many samples at once, in NumPy: one operation is applied to hundreds of grids in one call."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._arrays import ARRAY_OPERATIONS, Grids
from ._grids import Grid, NotApplicable
from ._search import Finding, Sample, finding

Shape = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Where grids of one shape are wanted: their places in the batch, and the grids."""

    places: NDArray[np.int64]
    grids: Grids


def examine_many(samples: Sequence[Sample]) -> list[Finding]:
    """The same as `examine` of each."""
    explains: list[Counter[str]] = [Counter() for _ in samples]
    by_shape: defaultdict[Shape, list[tuple[int, Grid, Grid]]] = defaultdict(list)
    for number, sample in enumerate(samples):
        for pair in sample.shown:
            if pair.wanted is not None:
                by_shape[_shape(pair.given)].append((number, pair.given, pair.wanted))
    for group in by_shape.values():
        for program, places in _explained(group):
            for place in places:
                explains[group[place][0]][program] += 1
    return [finding(sample, found) for sample, found in zip(samples, explains, strict=True)]


def _shape(grid: Grid) -> Shape:
    return len(grid), len(grid[0])


def _explained(group: Sequence[tuple[int, Grid, Grid]]) -> Iterator[tuple[str, list[int]]]:
    """Each program that explains pairs of a group, with their places."""
    wanted = _wanted([grid for _, _, grid in group])
    firsts = [*_applied(np.array([grid for _, grid, _ in group], dtype=np.int8))]
    for program, made in firsts:
        yield program, _equal(made, wanted)
    for first, grids in firsts:
        for second, made in _applied(grids):
            yield f"{first} | {second}", _equal(made, wanted)


def _wanted(grids: Sequence[Grid]) -> dict[Shape, _Wanted]:
    places: defaultdict[Shape, list[int]] = defaultdict(list)
    for place, grid in enumerate(grids):
        places[_shape(grid)].append(place)
    return {
        shape: _Wanted(np.array(found), np.array([grids[place] for place in found], dtype=np.int8))
        for shape, found in places.items()
    }


def _applied(grids: Grids) -> Iterator[tuple[str, Grids]]:
    for name, apply in ARRAY_OPERATIONS.items():
        try:
            yield name, apply(grids)
        except NotApplicable:
            continue


def _equal(made: Grids, wanted: dict[Shape, _Wanted]) -> list[int]:
    height, width = made.shape[1:]
    these = wanted.get((height, width))
    if these is None:
        return []
    equal = (made[these.places] == these.grids).all(axis=(1, 2))
    return [int(place) for place in these.places[equal]]
