"""Header values of slices that contradict others: one of the two is used, and a note says which."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from vistaseg.volume.dicom.slices import Slice
from vistaseg.volume.dicom.values import named, read_numbers

_NOTICEABLE = 0.1  # of the distance of slices; positions are often rounded to 0.1 mm
_TILT_DEGREES = 2.0
_PROJECTIONS = ("MIP", "MINIP", "PROJECTION IMAGE", "SUBTRACTION")


def distance_note(ordered: Sequence[Slice]) -> tuple[str, ...]:
    """A sentence where the header states another distance than the positions have, or slices thinner than it."""
    distance = _distance(ordered)
    between, thick = (_usual(ordered, keyword) for keyword in ("SpacingBetweenSlices", "SliceThickness"))
    taken = "The positions were used, as 3D Slicer does"
    if between is not None and between != 0 and abs(abs(between) - distance) > _NOTICEABLE * distance:
        return (
            f"The slices lie {distance:.4g} mm apart by their positions, but {abs(between):.4g} mm by "
            f"{named('SpacingBetweenSlices')}. {taken}: slices may be missing, or one of the two is wrong.",
        )
    if thick is not None and 0 < thick < distance / (1 + _NOTICEABLE):
        return (
            f"The slices are {thick:.4g} mm thick ({named('SliceThickness')}) but {distance:.4g} mm apart: what lies "
            "between them was not imaged, or slices are missing.",
        )
    return ()


def tilt_note(ordered: Sequence[Slice]) -> tuple[str, ...]:
    """A sentence where the header states a gantry tilt that neither the directions nor the positions show."""
    tilt = _usual(ordered, "GantryDetectorTilt")
    if tilt is None or abs(tilt) < _TILT_DEGREES or ordered[0].orientation is None:
        return ()
    normal = np.cross(*ordered[0].orientation)
    leaning = math.degrees(math.acos(min(1.0, float(np.abs(normal).max()))))
    if leaning > abs(tilt) / 2:
        return ()
    return (
        f"The header states a gantry tilt of {tilt:g} degrees ({named('GantryDetectorTilt')}), which the places of the "
        "slices do not show. Unless it was corrected, the volume is sheared: check the anatomy from the side.",
    )


def value_note(ordered: Sequence[Slice]) -> tuple[str, ...]:
    """A sentence where the values of some slices are stored otherwise, or run the wrong way."""
    notes = []
    bits = [_storage(piece) for piece in ordered]
    counts = Counter(bits)
    if len(counts) > 1:
        usual = counts.most_common(1)[0][0]
        odd = next(index for index, pair in enumerate(bits) if pair != usual)
        notes.append(
            f"{len(ordered) - counts[usual]} of {len(ordered)} slices store their values otherwise than the rest: "
            f"{ordered[odd].path.name} {bits[odd]}, most {usual} ({named('BitsStored')}, "
            f"{named('PixelRepresentation')}). Check that its values fit those of its neighbours."
        )
    if any(piece.modality == "CT" and piece.rescale is not None and piece.rescale[0] < 0 for piece in ordered):
        notes.append(
            f"The slope of the values is negative ({named('RescaleSlope')}), so dense tissue may have low values. "
            "Check that air is about -1000."
        )
    return tuple(notes)


def frame_note(ordered: Sequence[Slice]) -> tuple[str, ...]:
    """A sentence where an image of many frames states another rescale than its frames, by which it was read."""
    first = ordered[0]
    if first.frame is None:
        return ()
    for keyword in ("RescaleSlope", "RescaleIntercept"):
        whole = read_numbers(first.header, keyword).numbers
        own = [piece.numbers(keyword, "PixelValueTransformationSequence", 1).numbers for piece in ordered]
        if whole is not None and any(value is not None and value[0] != whole[0] for value in own):
            return (f"The image states another {named(keyword)} than its frames, by which their values were read.",)
    return ()


def kind_note(ordered: Sequence[Slice]) -> tuple[str, ...]:
    """A sentence where the images call themselves projections or differences, which look like slices."""
    kinds = [str(word).upper() for piece in ordered for word in piece.header.get("ImageType") or ()]
    found = next((kind for kind in kinds if kind in _PROJECTIONS), None)
    if found is None:
        return ()
    return (f"{named('ImageType')} does not describe plain slices ({found}): organs in them may mislead.",)


def _distance(ordered: Sequence[Slice]) -> float:
    ends = [piece.position for piece in (ordered[0], ordered[-1])]
    assert ends[0] is not None and ends[1] is not None
    return float(np.linalg.norm(ends[1] - ends[0])) / (len(ordered) - 1)


def _usual(ordered: Sequence[Slice], keyword: str) -> float | None:
    """What most slices say, where any of them says something legible."""
    stated = (piece.numbers(keyword, "PixelMeasuresSequence", 1).numbers for piece in ordered)
    counts = Counter(float(value[0]) for value in stated if value is not None)
    return counts.most_common(1)[0][0] if counts else None


def _storage(piece: Slice) -> str:
    stored, sign = (read_numbers(piece.header, keyword).numbers for keyword in ("BitsStored", "PixelRepresentation"))
    bits = "unknown" if stored is None else f"{stored[0]:g}"
    return f"{bits} bits {'with' if sign is not None and sign[0] == 1 else 'without'} a sign"
