from __future__ import annotations

from collections.abc import Callable, Iterator
from unittest.mock import patch

import numpy as np
import pytest
import torch
from monai.networks.nets.vista3d import VISTA3D

from vistaseg.compute import Compute
from vistaseg.errors import CancelledError, MemoryLimitError, WeightsError
from vistaseg.geometry.box import VoxelBox
from vistaseg.models.vista3d import automatic, features
from vistaseg.models.vista3d.automatic import AutomaticBranch
from vistaseg.models.vista3d.classify import ClassQuestion
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.network import build_network
from vistaseg.models.vista3d.preprocessing import NetworkImage
from vistaseg.progress import silent

MakeBranch = Callable[..., AutomaticBranch]
AsImage = Callable[[np.ndarray], NetworkImage]
SIZE = (20, 44, 30)
ENOUGH = 1 << 24
ORGANS = ClassQuestion((1, 3, 5, 14, 115))


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(5).random(SIZE, np.float32)


@pytest.fixture
def encoded() -> Iterator[list[int]]:
    """One entry for every window that went through the network."""
    calls: list[int] = []
    original = features.window_features

    def counting(*arguments: object) -> object:
        calls.append(1)
        return original(*arguments)  # type: ignore[arg-type]

    with patch.object(features, "window_features", counting):
        yield calls


def test_a_later_question_encodes_nothing(
    make_branch: MakeBranch, as_image: AsImage, noise: np.ndarray, encoded: list[int]
) -> None:
    branch = make_branch(as_image(noise), ENOUGH)
    branch.answer(ORGANS, None, silent)
    first = len(encoded)
    assert first > 1
    assert branch.windows() == 0
    branch.answer(ClassQuestion((6,), (23,)), None, silent)
    assert len(encoded) == first


def test_kept_features_answer_as_fresh_ones(make_branch: MakeBranch, as_image: AsImage, noise: np.ndarray) -> None:
    branch = make_branch(as_image(noise), ENOUGH)
    fresh = branch.answer(ORGANS, None, silent).labels
    assert len(np.unique(fresh)) > 2
    same = ClassQuestion(ORGANS.competing[::-1])
    assert (branch.answer(same, None, silent).labels == fresh).mean() > 0.999


def test_the_same_question_has_the_same_answer_also_after_another(
    make_branch: MakeBranch, as_image: AsImage, noise: np.ndarray
) -> None:
    branch = make_branch(as_image(noise), ENOUGH)
    fresh = branch.answer(ORGANS, None, silent)
    labels, confidences = fresh.labels.copy(), fresh.confidences
    branch.answer(ClassQuestion((6,), (23,)), None, silent)
    again = branch.answer(ORGANS, None, silent)
    assert np.array_equal(again.labels, labels) and again.confidences == confidences


def test_a_region_within_kept_features_encodes_nothing_and_keeps_them(
    make_branch: MakeBranch, as_image: AsImage, noise: np.ndarray, encoded: list[int]
) -> None:
    branch = make_branch(as_image(noise), ENOUGH)
    whole = branch.answer(ORGANS, None, silent).labels
    first = len(encoded)
    region = VoxelBox((3, 10, 4), (9, 12, 26))
    part = branch.answer(ORGANS, region, silent).labels
    assert (part[region.slices] == whole[region.slices]).mean() > 0.999
    part[region.slices] = 0
    assert not part.any()
    assert (branch.windows(), len(encoded)) == (0, first)


def test_features_beyond_the_budget_are_not_kept(
    make_branch: MakeBranch, as_image: AsImage, noise: np.ndarray, encoded: list[int]
) -> None:
    needed = 8 * 2 * noise.size
    for budget, kept in ((needed - 1, False), (needed, True)):
        branch = make_branch(as_image(noise), budget)
        branch.answer(ORGANS, None, silent)
        assert (branch.windows() == 0) is kept


def test_windows_of_air_are_skipped_without_changing_the_body(
    make_branch: MakeBranch, as_image: AsImage, noise: np.ndarray, encoded: list[int]
) -> None:
    voxels = np.zeros((20, 90, 30), np.float32)
    voxels[:, :25] = noise[:, :25]
    image = as_image(voxels)
    skipping = make_branch(image).answer(ORGANS, None, silent).labels
    few = len(encoded)
    with patch.object(features, "holds_only_air", lambda *_: False):
        complete = make_branch(image).answer(ORGANS, None, silent).labels
    assert few < len(encoded) - few
    body = voxels > image.air_level
    assert np.array_equal(skipping[body], complete[body])
    assert not skipping[:, 50:].any()


def test_nothing_is_labelled_outside_a_region(make_branch: MakeBranch, as_image: AsImage, noise: np.ndarray) -> None:
    region = VoxelBox((3, 10, 4), (15, 22, 16))
    labels = make_branch(as_image(noise)).answer(ORGANS, region, silent).labels
    assert labels[region.slices].any()
    labels[region.slices] = 0
    assert not labels.any()


def test_competing_classes_exclude_one_another_and_overlays_do_not(
    make_branch: MakeBranch, as_image: AsImage, noise: np.ndarray
) -> None:
    image = as_image(noise)
    alone = make_branch(image).answer(ORGANS, None, silent)
    both = make_branch(image).answer(ClassQuestion(ORGANS.competing, (23, 132)), None, silent)
    assert np.array_equal(alone.labels, both.labels)
    for class_id in (23, 132):
        single = make_branch(image).answer(ClassQuestion((class_id,)), None, silent).labels
        assert np.array_equal(both.overlay(class_id), single > 0)


def test_progress_is_reported_before_each_window_and_at_the_end(
    make_branch: MakeBranch, as_image: AsImage, noise: np.ndarray
) -> None:
    seen: list[tuple[int, int]] = []
    branch = make_branch(as_image(noise))
    total = branch.windows()
    branch.answer(ORGANS, None, lambda stage, done, of: seen.append((done, of)))
    assert seen == [(done, total) for done in range(total + 1)]


def test_cancelling_keeps_what_was_known_and_the_next_answer_right(
    make_branch: MakeBranch, as_image: AsImage, noise: np.ndarray
) -> None:
    image = as_image(noise)
    expected = make_branch(image).answer(ORGANS, None, silent).labels
    branch = make_branch(image, ENOUGH)

    def stop(stage: str, done: int, total: int) -> None:
        if done == 2:
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        branch.answer(ORGANS, None, stop)
    assert branch.windows() > 0
    assert np.array_equal(branch.answer(ORGANS, None, silent).labels, expected)


def test_running_out_of_memory_is_told_in_plain_words(
    make_branch: MakeBranch, as_image: AsImage, noise: np.ndarray, network: VISTA3D
) -> None:
    failure = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate …")
    with (
        patch.object(features, "window_features", side_effect=failure),
        pytest.raises(MemoryLimitError, match="region of interest"),
    ):
        make_branch(as_image(noise)).answer(ORGANS, None, silent)


def test_only_the_planes_of_one_row_of_windows_are_held(
    make_branch: MakeBranch, as_image: AsImage, noise: np.ndarray
) -> None:
    held: list[int] = []
    original = features._Stitcher.add

    def watching(self: features._Stitcher, *arguments: object) -> None:
        held.append(self.sums.shape[1])
        original(self, *arguments)  # type: ignore[arg-type]

    with patch.object(features._Stitcher, "add", watching):
        make_branch(as_image(noise)).answer(ORGANS, None, silent)
    assert set(held) == {16}


def test_what_cannot_fit_is_refused_before_it_starts(
    make_branch: MakeBranch, as_image: AsImage, noise: np.ndarray, encoded: list[int]
) -> None:
    branch = make_branch(as_image(noise))
    with patch.object(automatic, "available_bytes", lambda _: 1000), pytest.raises(MemoryLimitError, match="GB"):
        branch.answer(ORGANS, None, silent)
    assert encoded == []


def test_damaged_weights_are_told_apart_from_an_empty_scan(
    as_image: AsImage, noise: np.ndarray, small: Vista3dConfiguration, compute: Compute
) -> None:
    network = build_network(small).requires_grad_(False)
    network.class_head.image_post_mapping[0].layer.conv1.conv.weight.fill_(torch.nan)
    branch = AutomaticBranch(network, small, as_image(noise), compute, 0)
    with pytest.raises(WeightsError, match="damaged"):
        branch.answer(ORGANS, None, silent)
