"""Where the labels of a label map lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vistaseg.geometry.box import VoxelBox, as_index

if TYPE_CHECKING:
    import numpy.typing as npt


def label_boxes(labels: npt.NDArray[np.integer[Any]]) -> dict[int, VoxelBox]:
    """The smallest box (i, j, k) of each label above 0, by ascending label, found in one pass over the map.

    It goes by runs of one label along i, which are far fewer than voxels, and plane by plane, which stays in
    the processor's cache. `scipy.ndimage.find_objects` gives the same, voxel by voxel.

    Args:
        labels: (k, j, i), no number below 0.
    """
    if not labels.size:
        return {}
    count = int(labels.max()) + 1
    low, high = np.full((count, 3), max(labels.shape)), np.zeros((count, 3), dtype=int)
    for k, plane in enumerate(np.ascontiguousarray(labels)):
        if plane.any():
            found, first, stop = _boxes_in_plane(plane)
            low[found] = np.minimum(low[found], np.insert(first, 0, k, axis=1))
            high[found] = np.maximum(high[found], np.insert(stop, 0, k + 1, axis=1))
    return {int(label): _box(low[label], high[label]) for label in np.flatnonzero(high[:, 0])}


def _boxes_in_plane(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The labels of a plane (j, i) that is not empty, and where each begins and stops: (labels, 2) of (j, i)."""
    labels, first, stop = runs_of(plane)
    order = np.argsort(labels, kind="stable")
    labels = labels[order]
    groups = np.flatnonzero(np.append(True, labels[1:] != labels[:-1]))
    return labels[groups], np.minimum.reduceat(first[order], groups), np.maximum.reduceat(stop[order], groups)


def runs_of(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The label of each run along i in a plane (j, i), where it begins, and where it stops: (runs, 2) of (j, i)."""
    begins = np.ones(plane.shape, dtype=bool)
    np.not_equal(plane[:, 1:], plane[:, :-1], out=begins[:, 1:])
    places = np.flatnonzero(begins)
    labels, lengths = plane.ravel()[places], np.diff(places, append=plane.size)
    used = labels != 0
    j, i = np.divmod(places[used], plane.shape[1])
    return labels[used], np.column_stack([j, i]), np.column_stack([j + 1, i + lengths[used]])


def _box(low: np.ndarray, high: np.ndarray) -> VoxelBox:
    """The box (i, j, k) from its first and last places (k, j, i)."""
    return VoxelBox(as_index(low[::-1]), as_index(high[::-1]))
