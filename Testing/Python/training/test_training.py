"""The parts of the demo model's training whose failure nobody would see in a loss curve."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from augmentation import Subject, random_affine, random_patch
from cases import vista_name
from clicks import NEGATIVE, POSITIVE, as_tensors, correcting_click, first_clicks
from losses import GROUPS, competing_loss, group_targets

from vistaseg import catalog


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_sides_are_never_swapped() -> None:
    assert all(torch.linalg.det(random_affine(generator(seed))) > 0 for seed in range(200))


def test_image_and_labels_stay_together() -> None:
    """Labels are painted into the image: after any geometry the bright voxels are the labelled ones."""
    labels = torch.zeros(1, 1, 60, 60, 60)
    labels[..., 20:40, 25:45, 15:50] = 1
    image = -1000 + 2000 * labels
    places = {1: labels[0, 0].nonzero()}
    subject = Subject("box", image, labels, frozenset({1}), (1,), places)
    for seed in range(8):
        patch = random_patch(subject, 32, 1.0, (-1000.0, 1000.0), generator(seed))
        bright = patch.image[0, 0] > 0.5
        assert (bright == (patch.labels == 1)).float().mean() > 0.93


def test_every_totalsegmentator_name_is_known(shared_data: Callable[[str], Path]) -> None:
    names = json.loads(shared_data("totalsegmentator/total_labels.json").read_text()).values()
    known = {structure.name for structure in catalog.structures()}
    assert [name for name in names if vista_name(name) not in known] == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [("rib_left_5", "left rib 5"), ("kidney_right", "right kidney"), ("urinary_bladder", "bladder"),
     ("lung_upper_lobe_left", "left lung upper lobe"), ("vertebrae_L1", "vertebrae L1")],
)  # fmt: skip
def test_names_are_respelt(source: str, expected: str) -> None:
    assert vista_name(source) == expected


def test_a_correction_is_placed_in_the_larger_error() -> None:
    truth = torch.zeros(20, 20, 20, dtype=torch.bool)
    truth[5:15, 5:15, 5:15] = True
    missed = correcting_click(truth, torch.zeros_like(truth), generator())
    extra = correcting_click(truth, torch.ones_like(truth), generator())
    assert missed is not None
    assert extra is not None
    assert (missed[1], bool(truth[tuple(missed[0])])) == (POSITIVE, True)
    assert (extra[1], bool(truth[tuple(extra[0])])) == (NEGATIVE, False)
    assert correcting_click(truth, truth.clone(), generator()) is None


def test_clicks_of_special_classes_are_sent_as_two_and_three() -> None:
    at = torch.tensor([1, 2, 3])
    coordinates, labels = as_tensors([[(at, POSITIVE)], [(at, POSITIVE), (at, NEGATIVE)]], [False, True])
    assert coordinates.shape == (2, 2, 3)
    assert labels.tolist() == [[1, -1], [3, 2]]


def test_first_clicks_begin_with_one_inside() -> None:
    mask = torch.zeros(16, 16, 16, dtype=torch.bool)
    mask[4:9, 4:9, 4:9] = True
    for seed in range(20):
        (at, label), *_ = first_clicks(mask, generator(seed))
        assert label == POSITIVE
        assert mask[tuple(at)]


def test_the_loss_prefers_the_right_answer() -> None:
    labels = torch.tensor([0, 1, 1, 3, 3, 0, 5])
    ids = torch.tensor([1, 3, 5])
    right = torch.full((3, 7), -6.0)
    for row, class_id in enumerate(ids):
        right[row, labels == class_id] = 6.0
    wrong = right.roll(1, dims=0)
    assert competing_loss(right, labels, ids) < 0.3 < competing_loss(wrong, labels, ids)


def test_groups_hold_their_members() -> None:
    targets = group_targets(torch.tensor([0, 28, 32, 5]), [400, 401])
    assert targets.tolist() == [[0, 1, 1, 0], [0, 0, 0, 1]]
    everyone = [member for members in GROUPS.values() for member in members]
    assert len(everyone) == len(set(everyone))
    assert np.isin(everyone, catalog.everything()).all()
