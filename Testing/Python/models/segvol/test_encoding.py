"""What is kept is given back for the same view alone, and is used where it does no harm."""

from __future__ import annotations

import pytest
import torch
from prompted_network import CONFIGURATION, CPU, PromptedNetwork, body, noise

from vistaseg.geometry.box import VoxelBox
from vistaseg.models.segvol.encoding import Encoding
from vistaseg.models.segvol.placing import PlacedPrompts
from vistaseg.models.segvol.preprocessing import SegVolImage, segvol_image
from vistaseg.models.segvol.zoom import ZoomOutZoomIn
from vistaseg.progress import silent


@pytest.fixture
def image() -> SegVolImage:
    return segvol_image(body(), CONFIGURATION.image_size)


def test_a_window_of_another_region_is_another_view() -> None:
    image = segvol_image(noise((20, 40, 44)), CONFIGURATION.image_size)
    network, window = PromptedNetwork(), VoxelBox((-2, 0, 0), (6, 16, 16))
    encoding = Encoding(network, image, CPU, 10**8)
    small, large = VoxelBox.whole((1, 16, 16)), VoxelBox.whole((6, 16, 16))
    one, other = encoding.window(window, small), encoding.window(window, large.union(VoxelBox.whole((9, 9, 9))))
    assert torch.equal(encoding.window(window, large), other) and not torch.equal(one, other)
    assert len(network.embedded) == 2


def test_an_earlier_region_is_used_again_only_where_it_costs_no_more(image: SegVolImage) -> None:
    network = PromptedNetwork()
    zoom = ZoomOutZoomIn(network, image, Encoding(network, image, CPU, 10**8), CPU)
    placed = PlacedPrompts(box=VoxelBox((6, 10, 10), (8, 14, 14)))
    everything = VoxelBox.whole(image.crop.shape)
    fresh = zoom.find(placed, None, 1, [everything], silent).box
    fresh = fresh.reversed.relative_to(image.crop.start)
    assert fresh != everything
    moved = fresh.shifted((1, 1, 1))

    def on_volume(region):
        return region.shifted(image.crop.start).reversed

    assert zoom.find(placed, None, 1, [everything, moved, fresh], silent).box == on_volume(moved)
    assert zoom.find(placed, None, 1, [fresh.shifted((8, 0, 0))], silent).box == on_volume(fresh)
