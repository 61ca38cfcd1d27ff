"""Windows of air are skipped, and no label of the body depends on it."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from vistaseg.compute import Compute
from vistaseg.geometry.box import VoxelBox
from vistaseg.models.protocol import ModelIdentity
from vistaseg.models.recipe import Recipe
from vistaseg.models.vista3d import features
from vistaseg.models.vista3d.channels_last import to_channels_last
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.model import Vista3d
from vistaseg.models.vista3d.network import build_network
from vistaseg.models.vista3d.preprocessing import network_image
from vistaseg.models.vista3d.windows import plan_windows
from vistaseg.session import Session
from vistaseg.volume import Volume

CONFIGURATION = Vista3dConfiguration(
    width=8, features=8, blocks_down=(1, 1), spacing=(3.0, 3.0, 3.0), window=(16, 16, 16), foreground_margin=1
)
IDS = (1, 3, 5, 14, 115)
BODY_HU = -500
SPACING = 0.9


def model(air: str = "scan") -> Vista3d:
    torch.manual_seed(2)
    network = to_channels_last(build_network(CONFIGURATION).requires_grad_(False))
    identity = ModelIdentity("test", "Test", "", recipe=Recipe(air=air))
    return Vista3d(network, CONFIGURATION, Compute(torch.device("cpu"), torch.float32), identity, keep_bytes=0)


MODEL = model()
FIRST = replace(MODEL, identity=replace(MODEL.identity, recipe=Recipe(air="image")))


def two_objects(edge: int, thickness: int, seed: int) -> Volume:
    """A body with a surface at a plane and a fin of a few voxels, air, and a second object far away."""
    generator = np.random.default_rng(seed)
    array = np.full((30, 260, 30), -1000.0, np.float32)
    array[:, :edge] = generator.normal(60, 60, (30, edge, 30))
    array[10 : 10 + thickness, edge : edge + 45] = 30.0
    array[5:25, 240:255, 5:25] = 300.0
    return Volume.from_array(array, np.diag([SPACING, SPACING, SPACING, 1.0]), axes="kji")


def labels(volume: Volume, used: Vista3d) -> np.ndarray:
    found = np.zeros(volume.array.shape, np.uint8)
    for segment in Session(volume, used).segment(IDS).segments:
        found[segment.mask.box.slices_kji][segment.mask.array] = segment.label_value
    return found


def without_skipping(volume: Volume) -> np.ndarray:
    with patch.object(features, "is_skipped", lambda *_: False):
        return labels(volume, MODEL)


def body_of(volume: Volume) -> np.ndarray:
    """The largest component above -500 HU."""
    parts, _ = ndimage.label(volume.array > BODY_HU, np.ones((3, 3, 3)))
    found: np.ndarray = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    return found


@given(st.integers(40, 120), st.integers(0, 2), st.integers(0, 100))
@settings(max_examples=8, deadline=None)
def test_labels_in_the_body_are_those_without_skipping(edge: int, thickness: int, seed: int) -> None:
    volume = two_objects(edge, thickness, seed)
    body = body_of(volume)
    assert np.array_equal(labels(volume, MODEL)[body], without_skipping(volume)[body])


def is_missed(volume: Volume) -> bool:
    """Whether a window that shows nothing but air has labels of the body."""
    image = network_image(volume, CONFIGURATION)
    windows = plan_windows(image.size, CONFIGURATION).windows
    only_air = [window for window in windows if features.is_skipped(image, window, FIRST.identity.recipe)]
    return any(image.labels_tissue(window.intersection(VoxelBox.whole(image.size))) for window in only_air)


def test_a_surface_that_the_resampled_scan_misses_keeps_its_labels() -> None:
    """The nearest of the network's voxels may lie in air, and in a window of nothing else."""
    missed = [edge for edge in range(60, 110) if is_missed(two_objects(edge, 0, 1))][:2]
    assert missed, "no surface shows the difference"
    differing = 0
    for edge in missed:
        volume = two_objects(edge, 0, 1)
        body, complete = body_of(volume), without_skipping(volume)
        assert np.array_equal(labels(volume, MODEL)[body], complete[body]), edge
        differing += not np.array_equal(labels(volume, FIRST)[body], complete[body])
    assert differing, "the rule of the first versions gives the same labels"


def test_a_window_of_air_is_encoded_only_for_the_labels_of_the_body() -> None:
    volume = next(two_objects(edge, 0, 1) for edge in range(60, 110) if is_missed(two_objects(edge, 0, 1)))
    image = network_image(volume, CONFIGURATION)
    windows = plan_windows(image.size, CONFIGURATION).windows
    ours, first = (
        [features.is_skipped(image, window, used.identity.recipe) for window in windows] for used in (MODEL, FIRST)
    )
    assert 0 < sum(ours) < sum(first)


def test_windows_far_from_the_body_are_still_skipped() -> None:
    encoded: list[int] = []
    hook = MODEL.network.image_encoder.register_forward_hook(lambda *_: encoded.append(1))
    volume = two_objects(60, 0, 1)
    labels(volume, MODEL)
    few = len(encoded)
    without_skipping(volume)
    hook.remove()
    assert few < 0.8 * (len(encoded) - few)
