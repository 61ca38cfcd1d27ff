"""The one function of scikit-image that MONAI's merging of clicks asks for, without installing it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
from monai.transforms import utils
from scipy import ndimage


def label(image: np.ndarray, connectivity: int, return_num: bool) -> tuple[np.ndarray, int]:
    """`skimage.measure.label`: components, in the order of their first voxels."""
    found, count = ndimage.label(image, ndimage.generate_binary_structure(image.ndim, connectivity))
    first = [int(np.flatnonzero(found.ravel() == number)[0]) for number in range(1, count + 1)]
    ranks = np.argsort(np.argsort(first)) + 1
    return np.concatenate([[0], ranks])[found], count


@contextmanager
def scikit_image_or_stand_in() -> Iterator[None]:
    """scikit-image where it is installed, else a stand-in."""
    if utils.has_measure:
        yield
        return
    measure = SimpleNamespace(label=label)
    with patch.object(utils, "measure", measure), patch.object(utils, "has_measure", True):
        yield
