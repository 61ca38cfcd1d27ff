"""Connected parts of masks, and how deep a voxel lies in one. Arrays may have their axes in any order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy import ndimage

from vistaseg.geometry.box import Index, as_index
from vistaseg.masks.boxed import Mask

TOUCHING = np.ones((3, 3, 3), dtype=bool)
"""26-connectivity."""


def components_at(mask: Mask, places: Iterable[Index]) -> Mask:
    """The 26-connected components of a mask that hold one of some voxels, or a neighbour of it."""
    places = list(places)
    if not places or not mask.any():
        return np.zeros_like(mask)
    components, _ = ndimage.label(mask, TOUCHING)
    touched = {value for place in places for value in _labels_at(components, place)}
    found: Mask = np.isin(components, sorted(touched))
    return found


def components_with(mask: Mask, seeds: Mask) -> Mask:
    """The 26-connected components of a mask that hold a seed."""
    components, _ = ndimage.label(mask, TOUCHING)
    found: Mask = np.isin(components, np.setdiff1d(np.unique(components[seeds]), [0]))
    return found


def largest_component(mask: Mask) -> Mask:
    """The 26-connected component with the most voxels, of several the first, of a mask that is not empty."""
    components, _ = ndimage.label(mask, TOUCHING)
    found: Mask = components == 1 + np.bincount(components.ravel())[1:].argmax()
    return found


def depths(mask: Mask, spacing: Sequence[float] | None = None) -> np.ndarray:
    """Distance of each voxel to the nearest one that is not set; beyond the array no voxel is.

    Args:
        spacing: of the voxels along the axes of the array; the distance is in voxels without it.
    """
    found: np.ndarray = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=spacing)
    return found[(slice(1, -1),) * mask.ndim]


def deepest_voxel(mask: Mask, spacing: Sequence[float] | None = None) -> Index:
    """The voxel with the largest of `depths`, the first of several, of a mask that is not empty."""
    place = np.unravel_index(int(depths(mask, spacing).argmax()), mask.shape)
    return as_index(int(p) for p in place)


def _labels_at(components: np.ndarray, place: Index) -> set[int]:
    own = int(components[place])
    if own:
        return {own}
    around = components[tuple(slice(max(p - 1, 0), p + 2) for p in place)]
    return {int(value) for value in np.unique(around) if value}
