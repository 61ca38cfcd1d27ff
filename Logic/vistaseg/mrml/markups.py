"""Markups and slice views as prompts in the coordinates of a volume."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np
import slicer

from vistaseg.errors import InputError
from vistaseg.geometry.grid import Grid, apply_affine
from vistaseg.mrml.transforms import array_from_matrix, to_local, transform_between
from vistaseg.mrml.volumes import grid_of
from vistaseg.prompts import Point, Ras, RegionOfInterest


def points_of(markups_node: Any, volume_node: Any, positive: bool) -> list[Point]:
    """The placed points of a list, in their order; one that is still at the cursor is not placed."""
    placed = slicer.vtkMRMLMarkupsNode.PositionDefined
    return [
        Point(to_local(volume_node, markups_node.GetNthControlPointPositionWorld(n)), positive)
        for n in range(markups_node.GetNumberOfControlPoints())
        if markups_node.GetNthControlPointPositionStatus(n) == placed
    ]


def box_of(roi_node: Any, volume_node: Any) -> RegionOfInterest:
    """The box with sides along the volume's R, A and S around a markups ROI, however that is turned.

    Raises:
        InputError: the ROI is not drawn yet or has no size, or lies outside the volume.
    """
    if roi_node is None or min(roi_node.GetSize()) <= 0:
        raise InputError("The region of interest is empty: draw it in a slice view first.")
    corners = apply_affine(
        array_from_matrix(roi_node.GetObjectToNodeMatrix()),
        list(product(*[(-size / 2, size / 2) for size in roi_node.GetSize()])),
    )
    return _box_around(_transformed(transform_between(roi_node, volume_node), corners), volume_node)


def visible_region(volume_node: Any, slice_nodes: Iterable[Any]) -> RegionOfInterest:
    """The part of a volume that all of the slice views show, each taken as deep as the volume.

    Raises:
        InputError: the views have no common part in the volume.
    """
    grid = grid_of(volume_node)
    low, high = _bounds(grid)
    depth = float(np.linalg.norm(high - low))
    for node in slice_nodes:
        corners = _transformed(transform_between(None, volume_node), _view_corners(node, depth))
        low, high = np.maximum(low, corners.min(axis=0)), np.minimum(high, corners.max(axis=0))
    if (high <= low).any():
        raise InputError("The slice views show no common part of the volume: zoom out, or centre them on one place.")
    return RegionOfInterest.between(_ras(low), _ras(high))


def _box_around(corners: np.ndarray, volume_node: Any) -> RegionOfInterest:
    """The box around points (N, 3) in the coordinates of a volume.

    Raises:
        InputError: it has no size, or lies outside the volume.
    """
    low, high = corners.min(axis=0), corners.max(axis=0)
    if not np.isfinite(corners).all() or (high <= low).any():
        raise InputError("The region of interest is empty: draw a box with a width, a height and a depth.")
    region = RegionOfInterest.between(_ras(low), _ras(high))
    grid = grid_of(volume_node)
    index = grid.ras_to_index(region.corners())
    if (index.max(axis=0) < -0.5).any() or (index.min(axis=0) > np.array(grid.shape_ijk) - 0.5).any():
        raise InputError(f"The region of interest lies outside {volume_node.GetName()}: move it onto the volume.")
    return region


def _view_corners(slice_node: Any, depth: float) -> np.ndarray:
    """(8, 3) world RAS: the rectangle that a view shows, made `depth` mm thick to both sides."""
    width, height = slice_node.GetDimensions()[:2]
    xy_to_ras = array_from_matrix(slice_node.GetXYToRAS())
    rectangle = apply_affine(xy_to_ras, [(x, y, 0) for x, y in product((0, width), (0, height))])
    normal = np.cross(xy_to_ras[:3, 0], xy_to_ras[:3, 1])
    normal *= depth / np.linalg.norm(normal)
    return np.vstack([rectangle - normal, rectangle + normal])


def _bounds(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest R, A and S of a grid, its outer voxels included in full."""
    ends = [(-0.5, size - 0.5) for size in grid.shape_ijk]
    corners = grid.index_to_ras(list(product(*ends)))
    return corners.min(axis=0), corners.max(axis=0)


def _transformed(transform: Any, points: np.ndarray) -> np.ndarray:
    return np.array([transform.TransformPoint(point) for point in points.tolist()])


def _ras(values: np.ndarray) -> Ras:
    r, a, s = values.tolist()
    return r, a, s
