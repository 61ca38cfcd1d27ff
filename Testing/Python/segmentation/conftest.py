from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment

OBLIQUE = np.array([[0.68, -0.4, 0.1, -120.5], [0.41, 0.66, 0.05, 33.25], [-0.18, 0.02, 2.49, -700.1], [0, 0, 0, 1]])
SHAPE_IJK = (7, 6, 5)


@pytest.fixture
def make_segment() -> Callable[..., Segment]:
    """A segment of the voxels (i, j, k) given as a slice triple on a grid of 7 x 6 x 5."""

    def make(name: str, label: int, box: tuple[slice, slice, slice] | None = None, **more: object) -> Segment:
        mask = np.zeros(SHAPE_IJK[::-1], dtype=bool)
        if box is not None:
            mask[box[2], box[1], box[0]] = True
        fields = {"structure_id": None, "color": (10, 20, 30), "terminology": None} | more
        return Segment(name, label, mask=BoxedMask.of(mask), **fields)

    return make
