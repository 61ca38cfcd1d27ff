"""Which volume a result in a segment was made of, and how the two lay to each other: noted with the segment."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from vtk.util.numpy_support import vtk_to_numpy

from vistaseg.errors import InputError
from vistaseg.geometry.grid import apply_affine
from vistaseg.mrml.geometry import BINARY_LABELMAP, Lattice, has_voxels, lattice_of_grid, lattice_of_image
from vistaseg.mrml.reading import holds_voxels
from vistaseg.mrml.reference import reference_lattice, reference_volume
from vistaseg.mrml.tags import PLACE_TAG, read_tag
from vistaseg.mrml.transforms import transform_between
from vistaseg.mrml.volumes import grid_of
from vistaseg.segmentation.tags import json_tag, values_of_json_tag

_AGREEMENT_MM = 0.02  # more than hardening, writing and reading change of a position
_SAMPLES = 4096


@dataclass(frozen=True, eq=False)
class Placement:
    """A volume and a segment.

    Attributes:
        voxels: `voxels_key` of the volume.
        name: of the volume.
        points: (27, 3), corners and middles of the volume's grid in the coordinates of the segmentation, mm.
        lattice: (4, 4), voxel index of the segment's label map to these coordinates; None where it has no voxels.
    """

    voxels: str
    name: str
    points: np.ndarray
    lattice: np.ndarray | None

    def is_apart(self, now: Placement) -> bool:
        """Whether the segment's voxels do not lie any more where they lay on the same volume."""
        if self.lattice is None or now.lattice is None or self.voxels != now.voxels or _agree(self.points, now.points):
            return False
        # Hardening moves both in their own coordinates, and so the label map along with the volume.
        return not _agree(apply_affine(now.lattice @ np.linalg.inv(self.lattice), self.points), now.points)


def placement_of(volume_node: Any, segmentation_node: Any, segment_id: str) -> Placement:
    """How they lie to each other now; the volume has an image."""
    image = segmentation_node.GetSegmentation().GetSegment(segment_id).GetRepresentation(BINARY_LABELMAP)
    return Placement(
        voxels_key(volume_node),
        volume_node.GetName() or "",
        points_between(volume_node, segmentation_node),
        lattice_of_image(image).ijk_to_local if has_voxels(image) else None,
    )


def points_between(volume_node: Any, segmentation_node: Any) -> np.ndarray:
    """`Placement.points`."""
    grid, transform = grid_of(volume_node), transform_between(volume_node, segmentation_node)
    places = np.array(list(product(*((0.0, (size - 1) / 2, size - 1.0) for size in grid.shape_ijk))))
    return np.array([transform.TransformPoint(point) for point in apply_affine(grid.ijk_to_ras, places).tolist()])


def voxels_key(volume_node: Any) -> str:
    """A text that tells the voxels of a volume from those of others wherever they lie; reads a few thousand of them."""
    image = volume_node.GetImageData()
    values = vtk_to_numpy(image.GetPointData().GetScalars())
    sample = values[:: max(1, len(values) // _SAMPLES)]
    return hashlib.sha256(f"{image.GetDimensions()}{values.dtype.name}".encode() + sample.tobytes()).hexdigest()[:32]


def note_placement(vtk_segment: Any, placement: Placement) -> None:
    """Note with a segment how a result was written into it."""
    document: dict[str, Any] = {
        "voxels": placement.voxels,
        "name": placement.name,
        "points": placement.points.round(4).tolist(),
    }
    if placement.lattice is not None:
        document["lattice"] = placement.lattice.tolist()
    vtk_segment.SetTag(PLACE_TAG, json_tag(document))


def noted_placement(vtk_segment: Any) -> Placement | None:
    """What `note_placement` noted; None where there is nothing, or nothing that can be read."""
    values = values_of_json_tag(read_tag(vtk_segment, PLACE_TAG) or "") or {}
    try:
        points = np.array(values["points"], dtype=float).reshape(27, 3)
        lattice = np.array(values["lattice"], dtype=float).reshape(4, 4) if "lattice" in values else None
        return Placement(str(values["voxels"]), str(values["name"]), points, lattice)
    except (KeyError, TypeError, ValueError):
        return None


def is_displaced(volume_node: Any, segmentation_node: Any, segment_id: str) -> bool:
    """Whether volume and segment were moved against each other since the last result in the segment.

    Nothing is noted with a segment that was drawn by hand: there the voxels tell that it was drawn on.
    """
    noted = noted_placement(segmentation_node.GetSegmentation().GetSegment(segment_id))
    if noted is None:
        return is_beside_its_scan(volume_node, segmentation_node) and holds_voxels(segmentation_node, segment_id)
    return noted.is_apart(placement_of(volume_node, segmentation_node, segment_id))


def is_beside_its_scan(volume_node: Any, segmentation_node: Any) -> bool:
    """Whether the reference geometry of a segmentation is a box as large as the volume that it was made for, elsewhere.

    Hardening a transform moves the reference geometry along. Geometries of other extents tell nothing, and no more does
    a reflection that leaves the box in its place, or a move by less than half a voxel: by as much Slicer displaces a
    geometry that it makes isotropic.
    """
    lattice = reference_lattice(segmentation_node)
    if lattice is None or lattice.box.empty or reference_volume(segmentation_node) is not volume_node:
        return False
    transform, of_volume = transform_between(volume_node, segmentation_node), lattice_of_grid(grid_of(volume_node))
    volume = np.array([transform.TransformPoint(each) for each in _corners(of_volume).tolist()])
    own = _corners(lattice)
    apart = np.linalg.norm(own[:, np.newaxis] - volume[np.newaxis], axis=2).min(axis=1).max()
    longest = max(np.linalg.norm(each.ijk_to_local[:3, :3], axis=0).max() for each in (lattice, of_volume))
    return bool(apart > longest / 2 + _AGREEMENT_MM) and _agree(_edges(own), _edges(volume))


def _corners(lattice: Lattice) -> np.ndarray:
    """(8, 3) outer corners of the first and last voxels, mm."""
    ends = zip(lattice.box.start, lattice.box.stop, strict=True)
    return lattice.index_to_local(np.array(list(product(*((first - 0.5, stop - 0.5) for first, stop in ends)))))


def _edges(corners: np.ndarray) -> np.ndarray:
    """Lengths of the edges of a box, ascending, and of its diagonal, mm."""
    return np.sort(np.linalg.norm(corners[[1, 2, 4, 7]] - corners[0], axis=1))


def require_in_place(volume_node: Any, segmentation_node: Any, segment_id: str, begun: Placement | None = None) -> None:
    """Refuse to work on a segment that was moved against the volume since the last result, or since a job began.

    Args:
        begun: how they lay to each other when it began.

    Raises:
        InputError: they were.
    """
    is_moved = is_displaced(volume_node, segmentation_node, segment_id)
    if not is_moved and begun is not None:
        is_moved = begun.is_apart(placement_of(volume_node, segmentation_node, segment_id))
    if not is_moved:
        return
    segment = segmentation_node.GetSegmentation().GetSegment(segment_id)
    raise InputError(
        f"{volume_node.GetName()} and {segmentation_node.GetName()} were moved against each other since the last "
        f"result in {segment.GetName()}, which does not lie on the scan any more: nothing was written. Put both under "
        "the same transform, or undo the move; or use a new segment for the scan where it lies now."
    )


def noted_volume(vtk_segment: Any, volume_node: Any) -> bool | None:
    """Whether the last result in a segment was made of this volume; None where nothing is noted."""
    noted = noted_placement(vtk_segment)
    return None if noted is None or volume_node.GetImageData() is None else noted.voxels == voxels_key(volume_node)


def _agree(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.abs(one - other).max() <= _AGREEMENT_MM)
