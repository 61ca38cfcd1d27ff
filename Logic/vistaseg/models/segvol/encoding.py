"""What SegVol has seen of one volume and read of texts, and what is kept of it."""

from __future__ import annotations

import torch
from torch import Tensor

from vistaseg.compute import Compute
from vistaseg.geometry.box import VoxelBox
from vistaseg.models.cache import TensorCache
from vistaseg.models.segvol.network import SegVolNetwork
from vistaseg.models.segvol.preprocessing import SegVolImage
from vistaseg.models.segvol.tokenizer import token_ids

TEXT_BYTES = 2**22
"""Memory for embedded texts: more than a thousand of the published size."""


class Texts:
    """Embedded texts of one model.

    Args:
        network: in evaluation mode, on the device of `compute`.
    """

    def __init__(self, network: SegVolNetwork, compute: Compute) -> None:
        self._network, self._compute = network, compute
        self._kept: TensorCache[str] = TensorCache(TEXT_BYTES)

    def embedding(self, text: str) -> Tensor:
        """(1, width).

        Raises:
            UsageError: the text is too long, or the vocabulary is not installed.
        """
        return self._kept.get(text, lambda: self._embed(text))

    def _embed(self, text: str) -> Tensor:
        ids = token_ids(text)[None].to(self._compute.device)
        with torch.inference_mode():
            return self._network.embed_texts(ids).float()


class Encoding:
    """The embeddings of one volume.

    Args:
        network: in evaluation mode, on the device of `compute`.
        budget: bytes that kept windows may take; the embedding of the whole volume is always kept.
    """

    def __init__(self, network: SegVolNetwork, image: SegVolImage, compute: Compute, budget: int) -> None:
        self._network, self._image, self._compute = network, image, compute
        self._whole: Tensor | None = None
        self._windows: TensorCache[tuple[VoxelBox, VoxelBox]] = TensorCache(budget)

    @property
    def held_bytes(self) -> int:
        """Memory of what is kept."""
        return self._windows.held_bytes + (0 if self._whole is None else self._whole.nbytes)

    @property
    def has_whole(self) -> bool:
        """Whether the whole volume has been embedded."""
        return self._whole is not None

    def whole(self) -> Tensor:
        """Of the shrunk volume, (1, width, d, h, w)."""
        if self._whole is None:
            self._whole = self._embed(self._image.whole())
        return self._whole

    def window(self, window: VoxelBox, region: VoxelBox) -> Tensor:
        """Of a window of the cropped volume that is 0 outside a region, (1, width, d, h, w)."""
        # What lies outside the region is not seen, so that it does not count for the key.
        seen = (window, window.intersection(region))
        return self._windows.get(seen, lambda: self._embed(self._image.window(window, region)))

    def _embed(self, image: Tensor) -> Tensor:
        with torch.inference_mode(), self._compute.autocast():
            return self._network.embed(image.to(self._compute.device)).float()
