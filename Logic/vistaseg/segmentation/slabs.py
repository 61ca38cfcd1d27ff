"""Segments painted slice by slice, so that a file of any size is written with one slice in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vistaseg.geometry.box import Index
from vistaseg.segmentation.model import Segment

Painted = tuple[int, Segment]  # the value to paint with, and where


def label_dtype(segments: Sequence[Segment]) -> np.dtype[Any]:
    """The smallest unsigned type, little-endian, that holds all label values."""
    return np.dtype("<u2" if any(segment.label_value > 255 for segment in segments) else "u1")


def paint_slabs(
    shape_ijk: Index, layers: Sequence[Sequence[Painted]], dtype: np.dtype[Any]
) -> Iterator[npt.NDArray[Any]]:
    """Slice after slice along k: arrays (j, i, layer), each layer painted with its segments."""
    size_i, size_j, size_k = shape_ijk
    for k in range(size_k):
        slab = np.zeros((size_j, size_i, len(layers)), dtype=dtype)
        for layer, painted in enumerate(layers):
            for value, segment in painted:
                _paint(slab[:, :, layer], k, value, segment)
        yield slab


def _paint(image: npt.NDArray[Any], k: int, value: int, segment: Segment) -> None:
    slice_k, slice_j, slice_i = segment.mask.box.slices_kji
    if slice_k.start <= k < slice_k.stop:
        image[slice_j, slice_i][segment.mask.array[k - slice_k.start]] = value
