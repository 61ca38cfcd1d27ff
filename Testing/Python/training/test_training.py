"""The parts of the demo model's training whose failure nobody would see in a loss curve."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from augmentation import Patch, Subject, random_affine, random_patch
from cases import vista_name
from click_attention import attend_by_place
from clicks import NEGATIVE, POSITIVE, as_tensors
from losses import LOOK_ALIKE, grouped, label_map_loss
from monai.networks.nets.vista3d import PointMappingSAM
from phantoms import with_bodies
from widening import widened

from vistaseg import catalog
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.network import build_network


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_sides_are_never_swapped() -> None:
    assert all(torch.linalg.det(random_affine(generator(seed))) > 0 for seed in range(200))


def test_image_and_labels_stay_together() -> None:
    """Labels are painted into the image: after any geometry the bright voxels are the labelled ones."""
    labels = torch.zeros(1, 1, 60, 60, 60)
    labels[..., 20:40, 25:45, 15:50] = 1
    image = -1000 + 2000 * labels
    subject = Subject(image, labels, {1: (0, 60)}, {1: labels[0, 0].nonzero()})
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


def test_clicks_are_padded_to_the_longest() -> None:
    at = torch.tensor([1, 2, 3])
    coordinates, labels = as_tensors([[(at, POSITIVE)], [(at, POSITIVE), (at, NEGATIVE)]])
    assert coordinates.shape == (2, 2, 3)
    assert labels.tolist() == [[1, -1], [1, 0]]


def loss_of(logits: torch.Tensor, labels: torch.Tensor, ids: torch.Tensor) -> float:
    """Of classes that were all looked for everywhere."""
    everywhere = torch.ones_like(labels, dtype=torch.bool)
    return float(label_map_loss(logits, labels, ids, dict.fromkeys(ids.tolist(), everywhere)))


def test_the_loss_prefers_the_right_answer() -> None:
    labels = torch.tensor([0, 1, 1, 3, 3, 0, 5])
    ids = torch.tensor([1, 3, 5])
    right = torch.full((3, 7), -6.0)
    for row, class_id in enumerate(ids):
        right[row, labels == class_id] = 6.0
    wrong = right.roll(1, dims=0)
    assert loss_of(right, labels, ids) < 0.3 < loss_of(wrong, labels, ids)


def test_a_rib_taken_for_the_next_is_better_than_no_rib() -> None:
    labels = torch.tensor([0, 0, 63, 63, 64, 64])
    ids = torch.tensor([63, 64])
    other, nothing = torch.full((2, 6), -4.0), torch.full((2, 6), -4.0)
    other[1, 2:4], other[0, 4:6] = 0.5, 0.5
    other[0, 2:4], other[1, 4:6] = 0.0, 0.0
    assert loss_of(other, labels, ids) < loss_of(nothing, labels, ids)


def test_only_background_is_a_target_too() -> None:
    ids = torch.tensor([1, 3])
    quiet, loud = torch.full((2, 5), -6.0), torch.full((2, 5), 6.0)
    nothing = torch.zeros(5, dtype=torch.long)
    assert loss_of(quiet, nothing, ids) < 0.1 < loss_of(loud, nothing, ids)


def test_every_class_is_in_one_group() -> None:
    everyone = [member for members in LOOK_ALIKE for member in members]
    assert len(everyone) == len(set(everyone))
    assert np.isin(everyone, catalog.everything()).all()
    ids = torch.tensor(sorted({1, 28, 29, 30, 31, 32, 5, 63, 64, 118}))
    rows = sorted(int(row) for group in grouped(ids) for row in group)
    assert rows == list(range(len(ids)))
    assert sorted(len(group) for group in grouped(ids)) == [1, 1, 1, 2, 5]


def test_bodies_are_seen_in_the_image_and_hide_one_another() -> None:
    patch = Patch(torch.full((1, 1, 32, 32, 32), 0.5), torch.zeros(32, 32, 32, dtype=torch.long), {})
    for seed in range(5):
        changed, masks = with_bodies(patch, 3, generator(seed))
        assert masks
        assert sum(mask.int() for mask in masks).max() == 1
        for mask in masks:
            assert (changed.image[0, 0][mask] - 0.5).abs().median() > 0.005


def test_an_untrained_point_head_attends_to_what_is_near_the_click() -> None:
    torch.manual_seed(0)
    head = PointMappingSAM(32)
    attend_by_place(head)
    places = torch.tensor([[[4.0, 20.0, 10.0], [4.5, 20.5, 10.5], [28.0, 4.0, 25.0]]])
    encoded = head.pe_layer.forward_with_coords(places, (32, 32, 32))[0]
    attention = head.transformer.layers[0].cross_attn_token_to_image
    query, keys = attention.q_proj(encoded[:1]), attention.k_proj(encoded)
    near, beside, far = (query * keys).detach()[:, :12].sum(1)
    assert near > far + 5
    assert beside > far + 5


def test_a_widened_network_gives_the_same_class_logits() -> None:
    torch.manual_seed(0)
    narrow, wide = (
        build_network(Vista3dConfiguration(width=8, features=features, blocks_down=(1, 1))) for features in (8, 16)
    )
    wide.load_state_dict(widened(narrow.state_dict(), wide.state_dict()))
    image, classes = torch.rand(1, 1, 16, 16, 16), torch.tensor([[1], [7], [115]])
    with torch.inference_mode():
        expected, found = (
            network.class_head(network.image_encoder(image, with_point=False, with_label=True)[1], classes)[0]
            for network in (narrow, wide)
        )
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
