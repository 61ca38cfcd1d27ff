"""From a stack to a regular grid: the slices in order, and their place in the patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vistaseg.errors import InputError
from vistaseg.volume.dicom.copies import places
from vistaseg.volume.dicom.doubts import distance_note, frame_note, kind_note, tilt_note, value_note
from vistaseg.volume.dicom.patients import check_one_patient, half_blank_note
from vistaseg.volume.dicom.regularity import check_distances, check_straight
from vistaseg.volume.dicom.slices import Slice
from vistaseg.volume.dicom.stacks import Stack
from vistaseg.volume.dicom.values import named, quoted, read_numbers
from vistaseg.volume.volume import ras_affine

_HOUNSFIELD = ("", "HU", "UNSPECIFIED")
"""RescaleType of a CT, where it gives no reason for doubt."""


@dataclass(frozen=True, eq=False)
class SlicePlacement:
    """Slices that lie on a regular grid.

    Attributes:
        slices: slice k of the volume at k; k grows along the normal of the images.
        ijk_to_ras: (4, 4), i grows along a row and j down a column.
        notes: what had to be assumed, a sentence each.
    """

    slices: tuple[Slice, ...]
    ijk_to_ras: np.ndarray
    notes: tuple[str, ...]


def place(stack: Stack) -> SlicePlacement:
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
    notes = (note for check in _NOTES for note in check(ordered))
    return SlicePlacement(ordered, _affine(ordered[0], step), tuple(notes))


def _check_images(slices: Sequence[Slice]) -> None:
    if not all(piece.is_scan for piece in slices):
        kind = slices[0].modality
        raise InputError(f"This is of modality {kind}, which is derived from a scan. Give the scan itself.")
    if any(piece.text("PhotometricInterpretation") == "PALETTE COLOR" for piece in slices):
        raise InputError(
            "The values of this series are colours of a palette (PALETTE COLOR), not measured ones. Give the scan "
            "itself."
        )
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
                f"{_name(piece)} has no usable {piece.missing.named}, so its place is unknown. Export the series again."
            )
    check_one_patient(slices)
    _check_stored_bits(slices)
    _check_modality_table(slices)
    _check_rescale(slices)


def _check_stored_bits(slices: Sequence[Slice]) -> None:
    """Values that begin above the lowest bit, as of old devices, would be read a power of two too large."""
    for piece in slices:
        stored, high = (read_numbers(piece.header, keyword).numbers for keyword in ("BitsStored", "HighBit"))
        if stored is not None and high is not None and high[0] != stored[0] - 1:
            raise InputError(
                f"{_name(piece)} has {stored[0]:g} bits per voxel ({named('BitsStored')}), and its highest bit is "
                f"{high[0]:g} ({named('HighBit')}) and not {stored[0] - 1:g}, so its values are unknown. Export the "
                "series again."
            )


def _check_modality_table(slices: Sequence[Slice]) -> None:
    for piece in slices:
        if piece.has_modality_table:
            raise InputError(
                f"The values of {_name(piece)} are defined by a table ({named('ModalityLUTSequence')}), which is not "
                "supported. Export the series again, with RescaleSlope and RescaleIntercept instead."
            )


def _check_rescale(slices: Sequence[Slice]) -> None:
    """Half of a rescale, or one that cannot be read, must not pass for none."""
    for piece in slices:
        slope, intercept = piece.slope_and_intercept
        for one, other in ((slope, intercept), (intercept, slope)):
            if one.is_unreadable:
                raise InputError(
                    f"{_name(piece)} has no usable {one.named}, so its values are unknown. Export the series again."
                )
            if one.is_absent and not other.is_absent:
                raise InputError(
                    f"{_name(piece)} has a {other.named} and no {one.named}, so its values are unknown. Export the "
                    "series again."
                )
    without = [piece for piece in slices if piece.rescale is None]
    if 0 < len(without) < len(slices):
        raise InputError(
            f"{_name(without[0])} says nothing about how its values are rescaled, and others of the series do. "
            "Export the series again."
        )


def _modality_note(slices: Sequence[Slice]) -> tuple[str, ...]:
    """A sentence where Modality is not that of the SOP class."""
    odd = [piece for piece in slices if piece.class_modality not in ("", piece.text("Modality").upper())]
    if not odd:
        return ()
    stated = odd[0].text("Modality")
    return (
        f"{len(odd)} of {len(slices)} images state {quoted(stated) if stated else 'no'} {named('Modality')}, and "
        f"are {odd[0].class_modality} images by their SOP class. They were taken for {odd[0].modality}.",
    )


def _rescale_note(slices: Sequence[Slice]) -> tuple[str, ...]:
    """In PET each slice has a slope of its own; in a CT none may be without."""
    counts = Counter(piece.rescale for piece in slices)
    if slices[0].modality == "CT" and set(counts) == {None}:
        return (
            f"This CT does not say how its values become HU: it has no {named('RescaleSlope')} and no "
            f"{named('RescaleIntercept')}. The stored values were taken as HU. Check that air is about -1000.",
        )
    if len(counts) < 2 or slices[0].modality == "PT":
        return ()
    usual = counts.most_common(1)[0][0]
    odd = [piece for piece in slices if piece.rescale != usual]
    stated, expected = (f"slope {pair[0]:g}, intercept {pair[1]:g}" for pair in (odd[0].rescale, usual) if pair)
    return (
        f"{len(odd)} of {len(slices)} slices are rescaled otherwise than the rest: {_name(odd[0])} with {stated}, most "
        f"with {expected}. Each was rescaled as it says. Check that its values fit those of its neighbours.",
    )


def _unit_note(slices: Sequence[Slice]) -> tuple[str, ...]:
    """Values of a CT may be densities, atomic numbers or of no unit, with the look of HU."""
    odd = [piece for piece in slices if piece.modality == "CT" and piece.unit.upper() not in _HOUNSFIELD]
    if not odd:
        return ()
    return (
        f"{len(odd)} of {len(slices)} slices of this CT do not claim to be in HU: {named('RescaleType')} is "
        f"{quoted(odd[0].unit)} in {_name(odd[0])}. They were read as HU. Check the values of air (-1000) and "
        "water (0).",
    )


def _padding_note(slices: Sequence[Slice]) -> tuple[str, ...]:
    bad = [(piece, stated) for piece in slices for stated in piece.padding if stated.is_unreadable]
    if not bad:
        return ()
    piece, stated = bad[0]
    return (f"{_name(piece)} has no usable {stated.named}, so voxels outside the image may have any value.",)


def _name(piece: Slice) -> str:
    return piece.path.name if piece.frame is None else f"Frame {piece.frame + 1} of {piece.path.name}"


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


_NOTES: tuple[Callable[[Sequence[Slice]], tuple[str, ...]], ...] = (
    half_blank_note, _study_note, _frame_of_reference_note, _modality_note, kind_note, distance_note, tilt_note,
    _rescale_note, frame_note, value_note, _unit_note, _padding_note,
)  # fmt: skip
