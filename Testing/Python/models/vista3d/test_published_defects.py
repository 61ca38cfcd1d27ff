"""Defects of the published click code: each is shown on MONAI's own functions, and not found here.

Three more are in `test_clicks.py`, beside what both do alike: clicks at coordinate 0, sums over overlapping windows,
and images smaller than a window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
import pytest
import torch
from monai.apps.vista3d.inferer import point_based_window_inferer
from monai.apps.vista3d.transforms import VistaPostTransformd, VistaPreTransformd
from monai.inferers import sliding_window_inference
from monai.networks.nets.vista3d import VISTA3D
from torch import Tensor

from vistaseg.compute import Compute
from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import Mask
from vistaseg.masks.components import components_at
from vistaseg.models.correction import VoxelClick
from vistaseg.models.protocol import ModelIdentity
from vistaseg.models.vista3d import interactive
from vistaseg.models.vista3d.click_windows import ClickWindows
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.interactive import ClickQuestion, PointBranch
from vistaseg.models.vista3d.model import Vista3d
from vistaseg.models.vista3d.network import build_network
from vistaseg.models.vista3d.point_head import ClickTarget
from vistaseg.models.vista3d.preprocessing import NetworkImage
from vistaseg.progress import silent
from vistaseg.prompts import Point
from vistaseg.session import Session
from vistaseg.volume import Volume

WINDOW = (16, 16, 16)
CONFIGURATION = Vista3dConfiguration(width=8, features=8, blocks_down=(1, 1), window=WINDOW)
CPU = Compute(torch.device("cpu"), torch.float32)
SUPPORTED = ClickTarget(supported=True)
NO_ANSWER = -9999
AsImage = Callable[[np.ndarray], NetworkImage]


@pytest.fixture(scope="module")
def network() -> VISTA3D:
    torch.manual_seed(5)
    return build_network(CONFIGURATION).requires_grad_(False)


def noise(as_image: AsImage, *size: int) -> NetworkImage:
    return as_image(np.random.default_rng(1).random(size))


def branch_of(network: VISTA3D, image: NetworkImage) -> PointBranch:
    return PointBranch(network, ClickWindows(network, image, CPU, 10**8), WINDOW, image.size)


def answered(branch: PointBranch, before: Mask, *clicks: VoxelClick, limit: VoxelBox | None = None) -> Mask:
    """The mask (x, y, z) after the last click."""
    return branch.answer(ClickQuestion(clicks, SUPPORTED, limit), before, silent).mask


def sent(clicks: Sequence[VoxelClick]) -> dict[str, Tensor]:
    """Clicks on a supported class as MONAI takes them."""
    return {
        "point_coords": torch.tensor([[click.index for click in clicks]], dtype=torch.float32),
        "point_labels": torch.tensor([[int(click.positive) for click in clicks]]),
        "prompt_class": torch.tensor([[1]]),
    }


@torch.inference_mode()
def by_click_windows(network: VISTA3D, image: Tensor, *clicks: VoxelClick) -> Tensor:
    """Logits (x, y, z) of MONAI's inferer for clicks, called as the published bundle calls it: without a mask."""
    return point_based_window_inferer(image[None, None], WINDOW, network, transpose=True, **sent(clicks))[0, 0]


@torch.inference_mode()
def by_sliding_windows(network: VISTA3D, image: Tensor, *clicks: VoxelClick) -> Tensor:
    """Logits (x, y, z) of MONAI's sliding windows, half of each shared with the next."""
    return sliding_window_inference(
        image[None, None], WINDOW, 1, network, overlap=0.5, with_coord=True, transpose=True, **sent(clicks)
    )[0, 0]


@contextmanager
def encodings(network: VISTA3D) -> Iterator[list[int]]:
    """A list that grows by one with each window that is encoded."""
    calls: list[int] = []
    hook = network.image_encoder.register_forward_hook(lambda *_: calls.append(1))
    yield calls
    hook.remove()


def test_special_classes_are_those_of_the_network(network: VISTA3D) -> None:
    """MONAI's transform has another list than its network, whose training defines what the labels mean."""
    volume = Volume.from_array(np.full((24, 24, 24), 40, np.int16), np.diag([1.5, 1.5, 1.5, 1.0]), axes="kji")
    model = Vista3d(network, CONFIGURATION, CPU, ModelIdentity("test", "Test", "ab" * 32), 0, 10**7)
    session = Session(volume, model)
    by_network, by_transform, ours = set(), set(), set()
    for class_id in model.class_ids:
        if network.convert_point_label(torch.tensor([[1, 0]]), [class_id]).tolist() == [[3, 2]]:
            by_network.add(class_id)
        prompt = {"label_prompt": [class_id], "point_labels": [1, 0]}
        if VistaPreTransformd(keys="image")(prompt)["point_labels"] == [3, 2]:
            by_transform.add(class_id)
        session.start(str(class_id), class_id)
        with patch.object(interactive, "logits", return_value=torch.ones(WINDOW)) as asked:
            session.add(Point((18.0, 18.0, 18.0)), str(class_id))
        if asked.call_args.args[-1].special:
            ours.add(class_id)
    assert by_network - by_transform == {23, 24, 57, 128}
    assert by_transform - by_network == {28, 29, 117}
    assert ours == by_network


def test_a_window_without_a_click_does_not_drown_its_neighbour(network: VISTA3D, as_image: AsImage) -> None:
    """MONAI averages "no answer", -9999, into the half of the clicked window that the next window shares."""
    image, click = noise(as_image, 24, 16, 16), VoxelClick((4, 8, 8), True)
    seen = by_click_windows(network, image.voxels[:16], click) > 0
    shared = np.s_[8:16]
    theirs = by_sliding_windows(network, image.voxels, click)
    assert seen[shared].any()
    assert (theirs[shared] < NO_ANSWER / 3).all()
    assert (theirs[16:] == NO_ANSWER).all()
    ours = answered(branch_of(network, image), np.zeros(image.size, bool), click)
    asked_for = components_at(np.asarray(seen), [click.index])
    assert asked_for[shared].any()
    assert ours[:16][asked_for].all()


def test_a_click_is_moved_with_a_padded_image(network: VISTA3D, as_image: AsImage) -> None:
    """MONAI's sliding windows pad a small image and leave the click where it was: here outside the image."""
    image, click = noise(as_image, 10, 15, 5), VoxelClick((5, 14, 2), True)
    meant = by_click_windows(network, image.voxels, click)
    padded = torch.nn.functional.pad(image.voxels, (5, 6, 0, 1, 3, 3))
    misplaced = by_click_windows(network, padded, click)[3:13, :15, 5:10]
    theirs = by_sliding_windows(network, image.voxels, click)
    torch.testing.assert_close(theirs, torch.as_tensor(misplaced), atol=1e-4, rtol=0, check_device=False)
    assert (theirs - meant).abs().max() > 1e-2
    ours = answered(branch_of(network, image), np.zeros(image.size, bool), click)
    assert np.array_equal(ours, components_at(np.asarray(meant > 0), [click.index]))


def test_what_is_kept_of_one_window_does_not_answer_for_another(network: VISTA3D, as_image: AsImage) -> None:
    """MONAI's `keep_cache` keeps features without noting of what."""
    image = noise(as_image, 16, 16, 40)
    first, second = image.voxels[None, None, ..., :16], image.voxels[None, None, ..., 24:]
    click = sent([VoxelClick((8, 8, 8), True)])
    fresh = build_network(CONFIGURATION).requires_grad_(False)
    fresh.load_state_dict(network.state_dict())
    with torch.inference_mode():
        of_first = fresh(first, keep_cache=True, **click)
        of_second = fresh(second, keep_cache=True, **click)
        right = network(second, **click)
    assert torch.equal(of_second, of_first)
    assert not torch.equal(of_second > 0, right > 0)
    nothing, branch = np.zeros(image.size, bool), branch_of(network, image)
    here, there = VoxelClick((8, 8, 8), True), VoxelClick((8, 8, 32), True)
    answered(branch, nothing, here)
    limit = VoxelBox((0, 0, 24), (16, 16, 40))
    ours = answered(branch, nothing, there, limit=limit)
    assert np.array_equal(ours, answered(branch_of(network, image), nothing, there, limit=limit))


def test_a_window_is_encoded_once_whatever_the_clicks(network: VISTA3D, as_image: AsImage) -> None:
    """MONAI encodes it again for each click, and for each of the points that only fill up a list (label -1)."""
    image = noise(as_image, *WINDOW)
    clicks = [VoxelClick((8, 8, 8), True), VoxelClick((5, 10, 6), False)]
    points = sent(clicks)
    points["point_coords"] = torch.nn.functional.pad(points["point_coords"], (0, 0, 0, 2))
    points["point_labels"] = torch.nn.functional.pad(points["point_labels"], (0, 2), value=-1)
    with encodings(network) as theirs, torch.inference_mode():
        point_based_window_inferer(image.voxels[None, None], WINDOW, network, transpose=True, **points)
    branch, mask = branch_of(network, image), np.zeros(image.size, bool)
    with encodings(network) as ours:
        for n in range(len(clicks)):
            mask = answered(branch, mask, *clicks[: n + 1])
    assert (len(theirs), len(ours)) == (4, 1)


def test_a_click_corrects_the_mask_there_is(network: VISTA3D, as_image: AsImage) -> None:
    """The published bundle never hands over the mask so far, so a click there begins anew.

    The bundle is no part of MONAI; `by_click_windows` calls MONAI as it does.
    """
    image, click = noise(as_image, 16, 16, 40), VoxelClick((8, 8, 8), True)
    before = np.zeros(image.size, bool)
    before[2:10, 2:10, 30:38] = True
    assert not (by_click_windows(network, image.voxels, click)[before] > 0).any()
    ours = answered(branch_of(network, image), before, click, limit=VoxelBox.whole(WINDOW))
    assert ours[before].all()


def test_outside_the_windows_of_the_clicks_is_background(network: VISTA3D, as_image: AsImage) -> None:
    """MONAI's logits are NaN there, and its own postprocessing lets them pass: a saved label map has 255 there."""
    image, click = noise(as_image, 16, 16, 40), VoxelClick((8, 8, 8), True)
    theirs = by_click_windows(network, image.voxels, click)
    assert torch.isnan(theirs[..., 16:]).all()
    prompt = {"label_prompt": torch.tensor([1]), "pred": torch.as_tensor(theirs)[None].clone()}
    labels = VistaPostTransformd(keys="pred")(prompt)["pred"]
    assert torch.isnan(labels[..., 16:]).all()
    ours = answered(branch_of(network, image), np.zeros(image.size, bool), click, limit=VoxelBox.whole(WINDOW))
    assert ours.dtype == bool
    assert ours.any()
    assert not ours[..., 16:].any()
