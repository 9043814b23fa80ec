"""What can be had without a model: each report gets the labels whose reports are nearest to it on average.

Every report is labeled by what is known of the others, itself left out, so that nothing is tested on what it was
learned from.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from ._embedded import WORDS, Vectors
from ._items import Item
from ._labels import Industry, Labels
from ._vectors import Vector, product, scaled, total

L = TypeVar("L", bound=Hashable)


def baseline(items: Sequence[Item], vectors: Vectors = WORDS) -> list[Labels]:
    """What the nearest centroids say of labeled reports, one label of each kind."""
    known = [labels for item in items if (labels := item.labels) is not None]
    if len(known) != len(items):
        raise ValueError("the baseline learns from labels: give labeled reports only")
    found = vectors.of([f"{item.title}\n{item.text}" for item in items])

    def nearest(of: Callable[[Labels], L]) -> list[L]:
        return nearest_centroids(found, [of(labels) for labels in known])

    types = nearest(lambda labels: labels.threat_types[0])
    industries = nearest(lambda labels: labels.industries[0] if labels.industries else None)
    severities = nearest(lambda labels: labels.severity)
    return [
        Labels(threat_types=(kind,), industries=_one(industry), severity=severity)
        for kind, industry, severity in zip(types, industries, severities, strict=True)
    ]


def nearest_centroids(found: Sequence[Vector], labels: Sequence[L]) -> list[L]:
    """For each vector the label of the centroid that is nearest, when the vector itself is left out of it."""
    sums = {label: total(vector for vector, own in zip(found, labels, strict=True) if own == label) for label in labels}
    return [_nearest(vector, own, sums) for vector, own in zip(found, labels, strict=True)]


def _nearest(vector: Vector, own: L, sums: dict[L, dict[str, float]]) -> L:
    def near(label: L) -> float:
        rest = sums[label]
        if label == own:
            rest = {term: value - vector.get(term, 0.0) for term, value in rest.items()}
        return product(vector, scaled(rest))

    return max(sums, key=near)


def _one(industry: Industry | None) -> tuple[Industry, ...]:
    return () if industry is None else (industry,)
