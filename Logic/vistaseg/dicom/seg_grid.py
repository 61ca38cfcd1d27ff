"""The grid on which the frames of a DICOM segmentation lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from vistaseg.dicom.seg_file import group_values, shared_groups, whole_number
from vistaseg.errors import InputError
from vistaseg.geometry.box import Index
from vistaseg.geometry.grid import affine
from vistaseg.geometry.matrices import Matrix, flip_lps_ras
from vistaseg.volume.dicom.values import read_numbers

_UNEVEN = 0.1  # of the distance of slices; positions are often rounded to 0.1 mm
_TURNED = 1e-3
_UNIT_TOLERANCE = 5e-3  # directions are often rounded to three decimals
_SAME_SLICE_MM = 1e-3

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SegGrid:
    """The smallest grid that holds all frames.

    Attributes:
        shape_ijk, ijk_to_ras: of the grid; k grows along the normal of the frames.
        k: slice of each frame.
    """

    shape_ijk: Index
    ijk_to_ras: Matrix
    k: tuple[int, ...]


def seg_grid(dataset: Dataset) -> SegGrid:
    """Find the grid of the frames.

    Raises:
        InputError: frames without a position or size, of several orientations, at uneven distances, or off the line.
    """
    positions = frame_numbers(dataset, "PlanePositionSequence", "ImagePositionPatient", 3)
    orientations = frame_numbers(dataset, "PlaneOrientationSequence", "ImageOrientationPatient", 6)
    spacings = frame_numbers(dataset, "PixelMeasuresSequence", "PixelSpacing", 2)
    if np.ptp(orientations, axis=0).max() > _TURNED or np.ptp(spacings, axis=0).max() > _TURNED:
        raise InputError("The frames of the segmentation differ in orientation or pixel spacing, so they fit no grid.")
    _check_plane(orientations[0].reshape(2, 3), spacings[0])
    along_row, down_column = orientations[0].reshape(2, 3)
    normal = np.cross(along_row, down_column)
    k, step = _slices(positions, normal, _told_distance(dataset))
    _check_straight(np.stack([positions @ along_row, positions @ down_column], axis=1), k, float(spacings[0].max()) / 2)
    between_rows, between_columns = spacings[0]
    columns = np.stack([along_row * between_columns, down_column * between_rows, step], axis=1)
    first = positions[int(np.argmin(k))]
    shape = whole_number(dataset, "Columns"), whole_number(dataset, "Rows"), int(k.max()) + 1
    return SegGrid(shape, flip_lps_ras(affine(columns, first)), tuple(int(index) for index in k))


def frame_numbers(dataset: Dataset, sequence: str, keyword: str, count: int) -> Vector:
    """An attribute of a functional group, (N, count): one row that all frames share, or one for each.

    Raises:
        InputError: a frame has none, or it is not a number.
    """
    values = group_values(dataset, sequence, keyword)
    if not values or any(not hasattr(value, "__len__") or len(value) != count for value in values):
        raise InputError(f"The segmentation has frames without {keyword}, so their place is unknown. Export it again.")
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.array([np.nan])
    if not np.isfinite(numbers).all():
        raise InputError(f"The segmentation has frames whose {keyword} is not a number. Export it again.")
    return numbers


def _check_plane(directions: Vector, spacing: Vector) -> None:
    if (spacing <= 0).any():
        raise InputError(
            "The segmentation has a PixelSpacing that is not above zero, so its size is unknown. Export it again."
        )
    if np.abs(directions @ directions.T - np.eye(2)).max() > _UNIT_TOLERANCE:
        raise InputError(
            "The segmentation has an ImageOrientationPatient whose directions are not perpendicular unit vectors, so "
            "its place is unknown. Export it again."
        )


def _check_straight(in_plane: Vector, k: npt.NDArray[np.int64], limit: float) -> None:
    """Whether the frames lie on one line, which may be tilted: the outermost ones alone do not tell.

    Args:
        in_plane: (N, 2) mm along a row and down a column.
    """
    first, last = int(np.argmin(k)), int(np.argmax(k))
    slope = (in_plane[last] - in_plane[first]) / max(int(k[last] - k[first]), 1)
    away = np.linalg.norm(in_plane - in_plane[first] - np.outer(k - k[first], slope), axis=1)
    if away.max() > limit:
        raise InputError(
            f"The frames of the segmentation lie up to {away.max():.1f} mm sideways of one line, so they fit no grid. "
            "Export it again."
        )


def _told_distance(dataset: Dataset) -> float | None:
    """Spacing Between Slices, else the thickness; a negative one says nothing about the frames."""
    shared = shared_groups(dataset).get("PixelMeasuresSequence") or [Dataset()]
    stated = (read_numbers(shared[0], keyword).numbers for keyword in ("SpacingBetweenSlices", "SliceThickness"))
    return next((abs(float(numbers[0])) for numbers in stated if numbers is not None and numbers[0]), None)


def _slices(positions: Vector, normal: Vector, stated: float | None) -> tuple[npt.NDArray[np.int64], Vector]:
    """The slice of each frame, from 0, and the step from slice to slice, LPS mm.

    The distance that the file tells counts where the frames follow it, because frames may be left out between all of
    those that there are. It may also be another one's, or only a thickness.
    """
    places = positions @ normal
    heights = places - places.min()
    distinct = np.unique(np.round(heights / _SAME_SLICE_MM)) * _SAME_SLICE_MM
    nearest = float(np.diff(distinct).min()) if distinct.size > 1 else stated or 1.0
    for distance in (stated or nearest, nearest):
        k = np.rint(heights / distance).astype(np.int64)
        if np.abs(heights / distance - k).max() < _UNEVEN and np.unique(k).size == distinct.size:
            return k, _step(positions, k, normal * distance)
    raise InputError("The slices of the segmentation lie at uneven distances, so they fit no grid. Export it again.")


def _step(positions: Vector, k: npt.NDArray[np.int64], straight: Vector) -> Vector:
    """From the outermost frames, which is exact, and right for a tilted stack, too."""
    first, last = int(np.argmin(k)), int(np.argmax(k))
    if first == last:
        return straight
    step: Vector = (positions[last] - positions[first]) / (k[last] - k[first])
    return step
