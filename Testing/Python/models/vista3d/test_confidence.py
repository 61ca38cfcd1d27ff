"""How sure the class branch says it is: against numbers worked out by hand, and the same however it gets there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vistaseg.geometry.box import VoxelBox
from vistaseg.models.vista3d.automatic import AutomaticBranch
from vistaseg.models.vista3d.classify import ClassMaps, ClassQuestion
from vistaseg.models.vista3d.features import Slab
from vistaseg.models.vista3d.preprocessing import NetworkImage
from vistaseg.progress import silent

E = np.e


def answered(logits: np.ndarray, question: ClassQuestion, axis: int = 2, depth: int = 100) -> ClassMaps:
    """Maps of an image (x, y, z) whose logits are (classes, x, y, z), filled some planes at a time."""
    x, y, z = logits.shape[1:]
    maps = ClassMaps((x, y, z), question)
    vectors = torch.eye(len(logits))  # the logits are their own features
    for first in range(0, logits.shape[1 + axis], depth):
        start, stop = [0, 0, 0], [x, y, z]
        start[axis], stop[axis] = first, min(first + depth, stop[axis])
        box = VoxelBox((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
        part = np.moveaxis(logits[(slice(None), *box.slices)], 1 + axis, 1)
        maps.fill(Slab(box, axis, torch.from_numpy(part.astype(np.float32))), vectors)
    return maps


def row(*voxels: tuple[float, ...]) -> np.ndarray:
    """Logits (classes, 1, 1, voxels)."""
    return np.array(voxels, dtype=np.float64).T[:, None, None, :]


def test_it_is_the_mean_over_the_mask_against_the_strongest_rival() -> None:
    # The liver has two voxels, e²/(1+e²+e) and e/(1+e+1/e³); the spleen one; the last voxel is of neither.
    logits = row((2, 1, -4), (1, -3, -5), (0, 2, 0), (-1, -2, -3))
    found = answered(logits, ClassQuestion((1, 3, 5)))
    assert found.labels.ravel().tolist() == [1, 1, 3, 0]
    assert found.confidences == pytest.approx({
        1: (E**2 / (1 + E**2 + E) + E / (1 + E + E**-3)) / 2,
        3: E**2 / (1 + E**2 + 1),
    })  # fmt: skip


def test_a_class_that_is_asked_for_alone_has_no_rival() -> None:
    found = answered(row((2,), (-1,), (0.5,)), ClassQuestion((1,)))
    assert found.confidences == pytest.approx({1: (1 / (1 + E**-2) + 1 / (1 + E**-0.5)) / 2})


def test_what_lies_within_others_has_no_rival_either() -> None:
    found = answered(row((3, 2, 1), (3, -1, 2)), ClassQuestion((1,), (23, 25)))
    assert found.confidences == pytest.approx({
        1: 1 / (1 + E**-3), 23: 1 / (1 + E**-2), 25: (1 / (1 + E**-1) + 1 / (1 + E**-2)) / 2,
    })  # fmt: skip


def test_nothing_is_said_of_a_class_without_a_voxel_and_air_counts_for_none() -> None:
    found = answered(row((0, 0), (0, 0), (5, -9)), ClassQuestion((1, 3)))
    assert found.confidences == pytest.approx({1: 1 / (1 + E**-5)}, rel=1e-4)


def test_extreme_logits_are_numbers() -> None:
    found = answered(row((300, -300), (300, 300), (1e-3, -1e4)), ClassQuestion((1, 3)))
    assert found.confidences == pytest.approx({1: (1 + 0.5 + 0.5) / 3}, abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(
    logits=arrays.arrays(np.float32, (3, 2, 3, 4), elements=st.floats(-20, 20, width=16)),
    axis=st.integers(0, 2),
    depth=st.integers(1, 3),
)
def test_it_does_not_depend_on_how_the_planes_come(logits: np.ndarray, axis: int, depth: int) -> None:
    found = answered(logits, ClassQuestion((1, 3, 5)), axis, depth)
    second, highest = np.sort(logits.astype(np.float64), axis=0)[1:]
    sure = np.exp(highest) / (1 + np.exp(highest) + np.exp(second))
    expected = {i: sure[found.labels == i].mean() for i in (1, 3, 5) if (found.labels == i).any()}
    assert found.confidences == pytest.approx(expected, rel=1e-5)
    assert answered(logits, ClassQuestion((1, 3, 5)), axis, depth).confidences == found.confidences


def test_kept_features_are_as_sure_as_fresh_ones(
    make_branch: Callable[..., AutomaticBranch], as_image: Callable[[np.ndarray], NetworkImage]
) -> None:
    branch = make_branch(as_image(np.random.default_rng(5).random((20, 44, 30), np.float32)), 1 << 24)
    question = ClassQuestion((1, 3, 5, 14), (23,))
    fresh = branch.answer(question, None, silent).confidences
    assert len(fresh) > 2 and all(0.3 < value < 1 for value in fresh.values())
    assert branch.windows() == 0
    assert branch.answer(question, None, silent).confidences == pytest.approx(fresh, abs=2e-3)
