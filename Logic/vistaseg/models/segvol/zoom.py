"""Zoom-out-zoom-in: where something is, from the whole volume shrunk to one window; what it is like, from windows.

The steps are those of `BAAI-DCAI/SegVol` (inference_demo.py, `zoom_in_zoom_out`); see `window_prompts` for the
prompts of each window.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from vistaseg.compute import Compute
from vistaseg.geometry.box import Index, VoxelBox, as_index
from vistaseg.masks.boxed import NO_VOXELS, BoxedMask, Mask
from vistaseg.models.answers import require_numbers
from vistaseg.models.covering import covering_windows
from vistaseg.models.segvol.encoding import Encoding
from vistaseg.models.segvol.network import SegVolNetwork
from vistaseg.models.segvol.placing import PlacedPrompts
from vistaseg.models.segvol.preprocessing import SegVolImage
from vistaseg.models.segvol.prompt_encoder import PromptBatch
from vistaseg.models.segvol.window_prompts import WindowPrompts, prompt_batch, whole_prompts
from vistaseg.progress import Progress

OVERLAP = 0.5
"""Share of a window that neighbours have in common; overlapping logits are averaged with equal weights."""


class ZoomOutZoomIn:
    """Answers prompts about one volume.

    Args:
        network: in evaluation mode, on the device of `compute`.
    """

    def __init__(self, network: SegVolNetwork, image: SegVolImage, encoding: Encoding, compute: Compute) -> None:
        self._network, self._image, self._encoding, self._compute = network, image, encoding, compute

    @property
    def _window(self) -> Index:
        return self._image.zoom.zoomed

    def find(
        self, placed: PlacedPrompts, text: Tensor | None, seed: int, regions: Sequence[VoxelBox], progress: Progress
    ) -> BoxedMask:
        """What the prompts mean, on the volume's grid: in the box of all windows, which may be empty.

        Args:
            text: embedding (1, width) of the text among the prompts.
            seed: of the voxels that are drawn.
            regions: of earlier answers: the first that will do is used again, since its windows may be known.

        Raises:
            CancelledError: nothing is left half-done.
            WeightsError: the network's answer is not finite.
        """
        predicted = self.predict(placed, text, progress)
        content = self._image.zoom.grown_content(predicted)
        if content is None:
            return NO_VOXELS
        region = self._region(content, regions)
        windows = covering_windows(region, self._window, OVERLAP)
        wanted = WindowPrompts(placed, predicted, self._image.zoom, region, single=len(windows) == 1)
        found = self._look_closer(wanted, windows, text, seed, progress)
        return BoxedMask(found, region.shifted(self._image.crop.start).reversed)

    def predict(self, placed: PlacedPrompts, text: Tensor | None, progress: Progress) -> Mask:
        """What the prompts mean in the shrunk volume, bool (D, H, W)."""
        progress("looks", 0, 1)
        prompts = whole_prompts(placed, self._image.zoom, text, self._compute.device)
        found: Mask = (self._decode(self._encoding.whole(), prompts) > 0).numpy()
        return found

    def _region(self, content: VoxelBox, earlier: Sequence[VoxelBox]) -> VoxelBox:
        """A region to look closer at."""
        fresh = grown_region(content, self._window, self._image.crop.shape)
        cost = len(covering_windows(fresh, self._window, OVERLAP))
        whole = VoxelBox.whole(self._image.crop.shape)
        for region in earlier:
            fits = region.union(content) == region and region.intersection(whole) == region
            if fits and len(covering_windows(region, self._window, OVERLAP)) <= cost:
                return region
        return fresh

    def _look_closer(
        self, wanted: WindowPrompts, windows: Sequence[VoxelBox], text: Tensor | None, seed: int, progress: Progress
    ) -> Mask:
        # Logits are averaged over as many windows as see a voxel: the sum has the same sign.
        total = torch.zeros(wanted.region.shape)
        for number, window in enumerate(windows):
            progress("looks", 1 + number, 1 + len(windows))
            # NumPy keeps what this generator draws the same for ever.
            points, box = wanted.of(window, np.random.RandomState([seed, number]))
            prompts = prompt_batch(points, box, text, self._compute.device)
            logits = self._decode(self._encoding.window(window, wanted.region), prompts)
            seen = window.intersection(wanted.region)
            total[seen.relative_to(wanted.region.start).slices] += logits[seen.relative_to(window.start).slices]
        progress("looks", 1 + len(windows), 1 + len(windows))
        found: Mask = (total > 0).numpy()
        return found

    def _decode(self, embedding: Tensor, prompts: PromptBatch) -> Tensor:
        """Logits (D, H, W); a probability of 0.5 is a logit of 0."""
        with torch.inference_mode():
            logits = self._network.decode(embedding, prompts)
        require_numbers(logits)
        return logits[0].float().cpu()


def grown_region(content: VoxelBox, window: Index, size: Index) -> VoxelBox:
    """A box grown by equal amounts on both sides to a window where it is smaller, cut off at the volume's borders.

    As published, where it may end up a voxel smaller than the window; `covering_windows` makes up for it.
    """
    margins = [max(w - n, 0) // 2 for n, w in zip(content.shape, window, strict=True)]
    start = as_index(a - margin for a, margin in zip(content.start, margins, strict=True))
    stop = as_index(b + margin for b, margin in zip(content.stop, margins, strict=True))
    return VoxelBox(start, stop).intersection(VoxelBox.whole(size))
