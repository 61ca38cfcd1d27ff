"""Clicks against MONAI's own window inferer: the same logits where it is right, and right where it is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.apps.vista3d.inferer import point_based_window_inferer

from vistaseg.compute import Compute
from vistaseg.geometry.box import Index
from vistaseg.models.correction import VoxelClick
from vistaseg.models.vista3d.channels_last import to_channels_last
from vistaseg.models.vista3d.click_windows import ClickWindows, centred_window
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.network import build_network
from vistaseg.models.vista3d.point_head import ClickTarget, logits
from vistaseg.models.vista3d.preprocessing import NetworkImage, network_image
from vistaseg.volume import read_volume

WINDOW = (32, 32, 32)
CONFIGURATION = Vista3dConfiguration(width=8, features=16, blocks_down=(1, 2, 1), window=WINDOW)
CPU = Compute(torch.device("cpu"), torch.float32)
SUPPORTED, ZERO_SHOT, SPECIAL = (
    ClickTarget(supported=True),
    ClickTarget(supported=False),
    ClickTarget(supported=True, special=True),
)
MONAI_CLASS = {SUPPORTED: 1, ZERO_SHOT: 133, SPECIAL: 23}


@pytest.fixture(scope="module")
def networks() -> tuple[torch.nn.Module, torch.nn.Module]:
    """MONAI's network, and ours with the same weights."""
    torch.manual_seed(5)
    theirs = build_network(CONFIGURATION).requires_grad_(False)
    ours = build_network(CONFIGURATION).requires_grad_(False)
    ours.load_state_dict(theirs.state_dict())
    return theirs, to_channels_last(ours)


@pytest.fixture
def noise(as_image: Callable[[np.ndarray], NetworkImage]) -> NetworkImage:
    return as_image(np.random.default_rng(1).random((50, 45, 61)))


def monai_logits(
    network: torch.nn.Module,
    image: torch.Tensor,
    clicks: list[VoxelClick],
    target: ClickTarget,
    window: Index = WINDOW,
) -> torch.Tensor:
    """(x, y, z), NaN outside the windows."""
    offset = 2 if target.special else 0
    with torch.inference_mode():
        found = point_based_window_inferer(
            image[None, None],
            window,
            network,
            point_coords=torch.tensor([[c.index for c in clicks]], dtype=torch.float32),
            point_labels=torch.tensor([[int(c.positive) + offset for c in clicks]]),
            prompt_class=torch.tensor([[MONAI_CLASS[target]]]),
            transpose=True,
        )
    return found[0, 0].as_tensor() if hasattr(found, "as_tensor") else found[0, 0]


def our_logits(
    network: torch.nn.Module,
    image: NetworkImage,
    clicks: list[VoxelClick],
    target: ClickTarget,
    window: Index = WINDOW,
) -> tuple[torch.Tensor, tuple[slice, slice, slice]]:
    """Logits of the window of the last click, of the part inside the image, and where that lies."""
    box = centred_window(clicks[-1].index, window, image.size)
    inside = tuple(slice(max(a, 0), min(b, n)) for a, b, n in zip(box.start, box.stop, image.size, strict=True))
    own = [VoxelClick(tuple(p - a for p, a in zip(c.index, box.start, strict=True)), c.positive) for c in clicks]
    reduced = ClickWindows(network, image, CPU, 0).reduced(box)
    with torch.inference_mode():
        found = logits(network.point_head, reduced, window, own, target)
    return found[tuple(slice(s.start - a, s.stop - a) for s, a in zip(inside, box.start, strict=True))], inside


@pytest.mark.parametrize("target", [SUPPORTED, ZERO_SHOT, SPECIAL])
@pytest.mark.parametrize("index", [(25, 22, 30), (3, 40, 58), (49, 44, 60), (17, 1, 31)])
def test_one_click_gives_monais_logits(
    networks: tuple[torch.nn.Module, torch.nn.Module], noise: NetworkImage, index: Index, target: ClickTarget
) -> None:
    for positive in (True, False):
        clicks = [VoxelClick(index, positive)]
        theirs = monai_logits(networks[0], noise.voxels, clicks, target)
        ours, inside = our_logits(networks[1], noise, clicks, target)
        assert torch.isnan(theirs).sum() == theirs.numel() - ours.numel()
        torch.testing.assert_close(ours, theirs[inside], atol=1e-4, rtol=0)


def test_several_clicks_in_one_window_give_monais_logits(
    networks: tuple[torch.nn.Module, torch.nn.Module], as_image: Callable[[np.ndarray], NetworkImage]
) -> None:
    """In an image of the window's size there is one window only, and nothing is summed."""
    image = as_image(np.random.default_rng(2).random(WINDOW))
    clicks = [VoxelClick((8, 9, 10), True), VoxelClick((20, 9, 30), False), VoxelClick((31, 2, 16), True)]
    ours, _ = our_logits(networks[1], image, clicks, SUPPORTED)
    # MONAI asks once for each click; the sum of equal answers, divided by one.
    theirs = monai_logits(networks[0], image.voxels, clicks, SUPPORTED) / len(clicks)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def test_one_click_on_a_real_ct_gives_monais_logits(
    networks: tuple[torch.nn.Module, torch.nn.Module], shared_data: Callable[[str], Path]
) -> None:
    volume = read_volume(shared_data("totalsegmentator/example_ct_sm.nii.gz"))
    image = network_image(volume, CONFIGURATION)
    clicks = [VoxelClick(tuple(n // 2 + 5 for n in image.size), True)]
    theirs = monai_logits(networks[0], image.voxels, clicks, SUPPORTED)
    ours, inside = our_logits(networks[1], image, clicks, SUPPORTED)
    torch.testing.assert_close(ours, theirs[inside], atol=1e-4, rtol=0)


def test_a_click_at_coordinate_0_counts(networks: tuple[torch.nn.Module, torch.nn.Module], noise: NetworkImage) -> None:
    clicks = [VoxelClick((0, 22, 30), True)]
    assert (monai_logits(networks[0], noise.voxels, clicks, SUPPORTED).nan_to_num(-9999) == -9999).all()
    ours, _ = our_logits(networks[1], noise, clicks, SUPPORTED)
    assert ours.abs().max() < 1000
    beside, _ = our_logits(networks[1], noise, [VoxelClick((1, 22, 30), True)], SUPPORTED)
    assert (ours - beside).abs().max() < (ours.max() - ours.min())


def test_answers_of_overlapping_windows_are_not_summed(
    networks: tuple[torch.nn.Module, torch.nn.Module], noise: NetworkImage
) -> None:
    """Two clicks on one voxel mean one window; MONAI's logits are twice the network's."""
    clicks = [VoxelClick((25, 22, 30), True), VoxelClick((25, 22, 30), True)]
    ours, inside = our_logits(networks[1], noise, clicks, SUPPORTED)
    theirs = monai_logits(networks[0], noise.voxels, clicks, SUPPORTED)[inside]
    assert (ours - theirs).abs().max() > 1e-2
    torch.testing.assert_close(2 * ours, theirs, atol=2e-4, rtol=0)


def test_an_image_smaller_than_the_window_keeps_clicks_in_place(
    networks: tuple[torch.nn.Module, torch.nn.Module], as_image: Callable[[np.ndarray], NetworkImage]
) -> None:
    image = as_image(np.random.default_rng(3).random((20, 31, 9)))
    clicks = [VoxelClick((10, 30, 4), True)]
    ours, inside = our_logits(networks[1], image, clicks, SUPPORTED)
    theirs = monai_logits(networks[0], image.voxels, clicks, SUPPORTED)
    assert ours.shape == (20, 31, 9)
    torch.testing.assert_close(ours, theirs[inside], atol=1e-4, rtol=0)


def test_a_click_in_bf16_is_close_to_one_in_fp32(
    networks: tuple[torch.nn.Module, torch.nn.Module], noise: NetworkImage
) -> None:
    box, clicks = centred_window((25, 22, 30), WINDOW, noise.size), [VoxelClick((16, 16, 16), True)]
    found = []
    for dtype in (torch.float32, torch.bfloat16):
        reduced = ClickWindows(networks[1], noise, Compute(torch.device("cpu"), dtype), 0).reduced(box)
        with torch.inference_mode():
            found.append(logits(networks[1].point_head, reduced, WINDOW, clicks, SUPPORTED))
    assert found[1].dtype == torch.float32
    assert (found[0] - found[1]).abs().mean() < 0.1 * found[0].std()


def test_kept_windows_answer_with_the_same_bits_and_know_which_window_they_are(
    networks: tuple[torch.nn.Module, torch.nn.Module], noise: NetworkImage
) -> None:
    kept = ClickWindows(networks[1], noise, CPU, 10**9)
    here, there = (centred_window(index, WINDOW, noise.size) for index in ((20, 20, 20), (30, 25, 40)))
    first = {box: kept.reduced(box).clone() for box in (here, there)}
    assert not torch.equal(first[here], first[there])
    for box in (there, here):
        assert torch.equal(kept.reduced(box), first[box])


def test_the_budget_holds_over_many_windows(
    networks: tuple[torch.nn.Module, torch.nn.Module], noise: NetworkImage
) -> None:
    one = 4 * 16 * 16**3
    kept = ClickWindows(networks[1], noise, CPU, 3 * one + 5)
    places = np.random.default_rng(4).integers(0, noise.size, (20, 3))
    for index in places:
        kept.reduced(centred_window([int(p) for p in index], WINDOW, noise.size))
        assert kept.held_bytes <= 3 * one
    last = centred_window([int(p) for p in places[-1]], WINDOW, noise.size)
    assert kept.windows[0] == last


def test_nothing_is_kept_without_a_budget(
    networks: tuple[torch.nn.Module, torch.nn.Module], noise: NetworkImage
) -> None:
    kept = ClickWindows(networks[1], noise, CPU, 100)
    kept.reduced(centred_window((20, 20, 20), WINDOW, noise.size))
    assert kept.held_bytes == 0
