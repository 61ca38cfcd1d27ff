"""From a stack to a regular grid: the slices in order, and their place in the patient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vistaseg.errors import InputError
from vistaseg.volume.dicom.copies import SAME_PLACE_MM, places
from vistaseg.volume.dicom.slices import Slice
from vistaseg.volume.dicom.stacks import Stack
from vistaseg.volume.volume import ras_affine

_GAP_TOLERANCE = 0.1  # part of the usual distance; positions are often rounded to 0.1 mm


@dataclass(frozen=True, eq=False)
class Placement:
    """Slices that lie on a regular grid.

    Attributes:
        slices: slice k of the volume at k; k grows along the normal of the images.
        ijk_to_ras: (4, 4), i grows along a row and j down a column.
        notes: what had to be assumed, a sentence each.
    """

    slices: tuple[Slice, ...]
    ijk_to_ras: np.ndarray
    notes: tuple[str, ...]


def place(stack: Stack) -> Placement:
    """Put a stack in order.

    Raises:
        InputError: the slices make no regular volume; the message says why.
    """
    _check_images(stack.slices)
    along = places(stack.slices)
    order = np.argsort(along, kind="stable")
    ordered = tuple(stack.slices[index] for index in order)
    gaps = np.diff(along[order])
    _check_gaps(gaps, ordered)
    _check_tilt(ordered)
    return Placement(ordered, _affine(ordered[0], float(gaps.mean())), _frame_of_reference_note(ordered))


def _check_images(slices: Sequence[Slice]) -> None:
    if not all(piece.is_scan for piece in slices):
        kind = slices[0].text("Modality")
        raise InputError(f"This is of modality {kind}, which is no scan but made from one. Give the scan itself.")
    if not all(piece.is_grey for piece in slices):
        raise InputError("This series is in colour, not a scan with one value a voxel. Give the scan itself.")
    if len(slices) < 2:
        raise InputError("The series is a single slice. Give the folder with the whole series.")
    if slices[0].frame is not None and not slices[0].is_enhanced:
        raise InputError(
            "This multi-frame image does not say where each frame lies. Export the series as enhanced CT or as one "
            "file a slice."
        )
    for piece in slices:
        if piece.missing:
            raise InputError(
                f"{piece.path.name} has no usable {piece.missing}, so its place is unknown. Export the series again."
            )
    _check_rescale(slices)


def _check_rescale(slices: Sequence[Slice]) -> None:
    without = [piece for piece in slices if piece.rescale is None]
    if 0 < len(without) < len(slices):
        raise InputError(
            f"{without[0].path.name} says nothing about how its values are rescaled, and others of the series do. "
            "Export the series again."
        )


def _check_gaps(gaps: np.ndarray, ordered: Sequence[Slice]) -> None:
    doubled = int((gaps <= SAME_PLACE_MM).sum())
    if doubled:
        raise InputError(
            f"{doubled} slices lie at the same position as another, and nothing in the headers tells phases or "
            "reconstructions apart. Keep one image a position."
        )
    usual = float(np.median(gaps))
    worst = int(np.argmax(np.abs(gaps - usual)))
    if abs(gaps[worst] - usual) <= _GAP_TOLERANCE * usual:
        return
    between = f"{gaps[worst]:.2f} mm between {_told(ordered[worst])} and {_told(ordered[worst + 1])}"
    if gaps[worst] > 1.5 * usual:
        raise InputError(
            f"Slices are missing: {between}, elsewhere {usual:.2f} mm. Export the whole series again: what lay "
            "between cannot be known."
        )
    raise InputError(
        f"The slice distance is uneven: {between}, elsewhere {usual:.2f} mm. Resample "
        "the series to even slices, in 3D Slicer for instance, and save it as NRRD."
    )


def _told(piece: Slice) -> str:
    return piece.path.name if piece.frame is None else f"frame {piece.frame + 1}"


def _check_tilt(ordered: Sequence[Slice]) -> None:
    first, last = ordered[0], ordered[-1]
    assert first.position is not None and last.position is not None
    assert first.orientation is not None and first.spacing is not None
    way, normal = last.position - first.position, np.cross(*first.orientation)
    along = float(way @ normal)
    sideways = float(np.linalg.norm(way - along * normal))
    if sideways > float(first.spacing.max()) / 2:
        raise InputError(
            f"The slices are sheared against each other by {sideways:.1f} mm, which is a gantry tilt of "
            f"{math.degrees(math.atan2(sideways, along)):.1f} degrees. Load the series in 3D Slicer with 'apply "
            "acquisition transform', harden it, and save it as NRRD."
        )


def _affine(first: Slice, step: float) -> np.ndarray:
    assert first.position is not None and first.orientation is not None and first.spacing is not None
    along_row, down_column = first.orientation
    direction = np.stack([along_row, down_column, np.cross(along_row, down_column)], axis=1)
    row_distance, column_distance = first.spacing.tolist()
    return ras_affine(direction.ravel().tolist(), (column_distance, row_distance, step), first.position.tolist())


def _frame_of_reference_note(ordered: Sequence[Slice]) -> tuple[str, ...]:
    frames = {piece.text("FrameOfReferenceUID") for piece in ordered}
    if len(frames) == 1:
        return ()
    return (f"The images name {len(frames)} different frames of reference; their even positions say that it is one.",)
