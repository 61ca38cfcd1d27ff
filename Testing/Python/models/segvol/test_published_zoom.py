"""Zoom-out-zoom-in against the published steps, put together from MONAI's and PyTorch's parts, on whole volumes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from monai.inferers import sliding_window_inference
from monai.transforms import Resize
from prompted_network import CPU
from torch import Tensor

from vistaseg.geometry.box import VoxelBox
from vistaseg.models.protocol import ModelIdentity
from vistaseg.models.segvol.configuration import SegVolConfiguration
from vistaseg.models.segvol.encoding import Encoding
from vistaseg.models.segvol.model import SegVol
from vistaseg.models.segvol.network import SegVolNetwork, build_network
from vistaseg.models.segvol.placing import PlacedPrompts
from vistaseg.models.segvol.preprocessing import segvol_image
from vistaseg.models.segvol.prompt_encoder import PromptBatch
from vistaseg.models.segvol.tokenizer import token_ids
from vistaseg.models.segvol.zoom import ZoomOutZoomIn
from vistaseg.progress import silent
from vistaseg.prompts import RegionOfInterest, Text
from vistaseg.session import Session
from vistaseg.volume import Volume

SHAPE = (20, 37, 120)
ONE, SEVERAL = (24, 90, 100), (48, 60, 70)
"""Shapes of scans for which the full-size network needs one window, and several."""


def corners(mask: Tensor) -> Tensor:
    """(1, 6): the first and last voxel of the box around a mask, -1 around nothing."""
    places = mask.nonzero()
    if len(places) == 0:
        return torch.full((1, 6), -1.0)
    return torch.cat([places.min(dim=0).values, places.max(dim=0).values])[None].float()


def published(network: SegVolNetwork, whole: Tensor, text: Tensor | None, drawn: Tensor | None) -> Tensor:
    """Mask (d, h, w) of a cropped volume, of a text and of the box around the voxels that are 1 in `drawn`.

    As in inference_demo.py and monai_inferers_utils.py, but that what is padded with the image is padded with its
    prompts too, and that in a single window the box is not one of shrunk voxels: see `window_prompts`.
    """
    window = network.configuration.image_size
    box = None if drawn is None else corners(Resize(window, mode="nearest-exact")(drawn[None])[0])
    shrunk = Resize(window, mode="nearest-exact")(whole[None]).as_tensor()[None]
    logits = network.decode(network.embed(shrunk), PromptBatch(boxes=box, texts=text))
    logits = functional.interpolate(logits[None], size=whole.shape, mode="nearest")[0, 0]
    predicted = torch.sigmoid(logits) > 0.5
    low, high = corners(predicted)[0].long().split(3)
    margins = [max(0, w - int(b - a + 1)) // 2 for a, b, w in zip(low, high, window, strict=True)]
    region = tuple(
        slice(max(0, int(a) - m), min(n, int(b) + m + 1))
        for a, b, m, n in zip(low, high, margins, whole.shape, strict=True)
    )
    lacking = [max(w - (s.stop - s.start), 0) for w, s in zip(window, region, strict=True)]
    padding = [side for n in reversed(lacking) for side in (n // 2, n - n // 2)]
    seen = functional.pad(predicted[region].float(), padding)
    if drawn is not None and seen.shape == window:
        seen = functional.pad(drawn[region], padding)

    def predictor(patch: Tensor, slices: list[list[slice]]) -> Tensor:
        own = None if box is None else corners(seen[tuple(slices[0][2:])])
        return network.decode(network.embed(patch), PromptBatch(boxes=own, texts=text))[None]

    closer = sliding_window_inference(
        whole[region][None, None], window, 1, predictor, overlap=0.5, mode="constant", with_coord=True
    )
    logits[region] = closer[0, 0]
    return torch.sigmoid(logits) > 0.5


def filled(box: VoxelBox, shape: tuple[int, int, int]) -> Tensor:
    """1 in a box, else 0."""
    drawn = torch.zeros(shape)
    drawn[box.slices] = 1
    return drawn


@pytest.mark.parametrize(
    "shape", [SHAPE, (6, 12, 40), (12, 14, 44)], ids=["large", "one window", "thinner than a window"]
)
@pytest.mark.parametrize("with_box", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_texts_and_boxes_give_the_published_mask(
    network: SegVolNetwork, small: SegVolConfiguration, seed: int, with_box: bool, shape: tuple[int, int, int]
) -> None:
    generator = np.random.default_rng(seed)
    volume = Volume.from_array(generator.normal(0, 400, shape).astype(np.float32), np.eye(4), axes="kji")
    image = segvol_image(volume, small.image_size)
    every = VoxelBox.whole(image.crop.shape)
    whole = image.window(every, every)[0, 0]
    torch.manual_seed(seed)
    text = 3 * torch.randn(1, small.width)
    own = VoxelBox((1, 4, 10), (shape[0] - 2, shape[1] - 3, shape[2] - 6)) if with_box else None
    with torch.inference_mode():
        expected = published(network, whole, text, None if own is None else filled(own, image.crop.shape))
    zoom = ZoomOutZoomIn(network, image, Encoding(network, image, CPU, 10**8), CPU)
    found = zoom.find(PlacedPrompts(box=own, text="liver"), text, 1, (), silent)
    answered = found.within(image.crop.reversed)
    assert 0.01 < answered.mean() < 0.99
    # Logits that are 0 but for rounding may fall on either side.
    assert (answered != expected.numpy()).mean() < 1e-4


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("shape", "asked"), [(ONE, "text"), (ONE, "box"), (SEVERAL, "box"), (SEVERAL, "both")])
def test_full_size_segvol_gives_the_published_mask_from_end_to_end(shape: tuple[int, int, int], asked: str) -> None:
    """180,891,216 random parameters, a text and a box in a session; in one window of the scan, or in several."""
    torch.manual_seed(4)
    network = build_network(SegVolConfiguration()).requires_grad_(False)
    array = np.random.default_rng(2).normal(0, 400, shape).astype(np.float32)
    volume = Volume.from_array(array, np.eye(4), axes="kji")
    model = SegVol(network, network.configuration, CPU, ModelIdentity("segvol", "SegVol", "ab" * 32), 10**8)
    session = Session(volume, model)
    session.start("a")
    image = segvol_image(volume, network.configuration.image_size)
    every = VoxelBox.whole(image.crop.shape)
    # Of the voxels of the volume, from centre to centre.
    low, high = np.array((2, 8, 6)), np.array(shape) - (5, 20, 9)
    if asked != "text":
        session.add(RegionOfInterest(tuple(map(float, low[::-1])), tuple(map(float, high[::-1]))), "a")
    if asked != "box":
        session.add(Text("liver"), "a")
    drawn = torch.zeros(shape)
    drawn[tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))] = 1
    with torch.inference_mode():
        text = None if asked == "box" else network.embed_texts(token_ids("liver")[None])
        box = None if asked == "text" else drawn[image.crop.slices]
        expected = published(network, image.window(every, every)[0, 0], text, box)
    found = session.result("a")
    answered = np.zeros(volume.array.shape, bool)
    answered[found.mask.box.slices_kji] = found.mask.array
    whole = np.zeros(volume.array.shape, bool)
    whole[image.crop.slices] = expected.numpy()
    assert 0.001 < whole.mean() < 0.999
    # Logits that are 0 but for rounding may fall on either side.
    assert (answered != whole).mean() < 1e-3
