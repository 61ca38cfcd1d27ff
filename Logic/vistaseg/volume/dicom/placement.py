"""From a stack to a regular grid: the slices in order, and their place in the patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vistaseg.errors import InputError
from vistaseg.volume.dicom.copies import places
from vistaseg.volume.dicom.regularity import check_distances, check_straight
from vistaseg.volume.dicom.slices import Slice
from vistaseg.volume.dicom.stacks import Stack
from vistaseg.volume.volume import ras_affine


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
    check_distances(along[order], ordered)
    check_straight(ordered)
    step = float(np.diff(along[order]).mean())
    return Placement(ordered, _affine(ordered[0], step), (*_study_note(ordered), *_frame_of_reference_note(ordered)))


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
    _check_patient(slices)
    _check_rescale(slices)


def _check_patient(slices: Sequence[Slice]) -> None:
    """The message does not quote the identifiers."""
    named = len({piece.text("PatientID") for piece in slices} - {""})
    if named > 1:
        raise InputError(
            f"The images of the series name {named} different patients (PatientID). Export the scan of one patient "
            "alone."
        )


def _check_rescale(slices: Sequence[Slice]) -> None:
    without = [piece for piece in slices if piece.rescale is None]
    if 0 < len(without) < len(slices):
        raise InputError(
            f"{without[0].path.name} says nothing about how its values are rescaled, and others of the series do. "
            "Export the series again."
        )


def _affine(first: Slice, step: float) -> np.ndarray:
    assert first.position is not None and first.orientation is not None and first.spacing is not None
    along_row, down_column = first.orientation
    direction = np.stack([along_row, down_column, np.cross(along_row, down_column)], axis=1)
    row_distance, column_distance = first.spacing.tolist()
    return ras_affine(direction.ravel().tolist(), (column_distance, row_distance, step), first.position.tolist())


def _study_note(ordered: Sequence[Slice]) -> tuple[str, ...]:
    studies = len({piece.text("StudyInstanceUID") for piece in ordered} - {""})
    if studies < 2:
        return ()
    return (
        f"The images name {studies} different studies (StudyInstanceUID), so they may be of several scans mixed into "
        "one. Check that the anatomy goes on from slice to slice.",
    )


def _frame_of_reference_note(ordered: Sequence[Slice]) -> tuple[str, ...]:
    frames = {piece.text("FrameOfReferenceUID") for piece in ordered} - {""}
    if len(frames) < 2:
        return ()
    if len(frames) < len(ordered):
        return (
            f"The images name {len(frames)} different frames of reference, so they may be of {len(frames)} scans mixed "
            "into one. Check that the anatomy goes on from slice to slice.",
        )
    return (f"The images name {len(frames)} different frames of reference; their even positions say that it is one.",)
