"""Whether slices in order lie on a regular grid: at even distances, and straight above each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from vistaseg.errors import InputError
from vistaseg.volume.dicom.copies import SAME_PLACE_MM
from vistaseg.volume.dicom.slices import Slice

_GAP_TOLERANCE = 0.1  # part of the usual distance; positions are often rounded to 0.1 mm
_ROUNDING_MM = 0.1  # by which rounding to 0.1 mm can move a slice against the first and the last one
_NAMED_AT_MOST = 3


def check_distances(along: np.ndarray, ordered: Sequence[Slice]) -> None:
    """Check that the slices follow each other evenly, and that small differences do not add up.

    Args:
        along: (N,) mm along the normal, growing.

    Raises:
        InputError: they do not; the message says where.
    """
    _check_gaps(np.diff(along), ordered)
    _check_drift(along, ordered)


def check_straight(ordered: Sequence[Slice]) -> None:
    """Check that every slice lies straight above the first one, to half a pixel.

    Raises:
        InputError: they are sheared, which is a gantry tilt, or some lie sideways; the message says which.
    """
    first = ordered[0]
    assert first.orientation is not None and first.spacing is not None
    way, normal = np.array([piece.position for piece in ordered]) - first.position, np.cross(*first.orientation)
    along = way @ normal
    sideways = way - np.outer(along, normal)
    limit = float(first.spacing.max()) / 2
    if _farthest(sideways) <= limit:
        return
    # Without a constant: the way from the first slice is zero.
    slope = along @ sideways / (along @ along)
    if _farthest(sideways - np.outer(along, slope)) <= limit:
        raise _tilt_error(float(np.linalg.norm(slope)) * along[-1], along[-1])
    raise _sideways_error(sideways, ordered)


def _farthest(sideways: np.ndarray) -> float:
    return float(np.linalg.norm(sideways, axis=1).max())


def _tilt_error(sideways: float, along: float) -> InputError:
    return InputError(
        f"The slices are sheared against each other by {sideways:.1f} mm, which is a gantry tilt of "
        f"{math.degrees(math.atan2(sideways, along)):.1f} degrees. Load the series in 3D Slicer with 'apply "
        "acquisition transform', harden it, and save it as NRRD."
    )


def _sideways_error(sideways: np.ndarray, ordered: Sequence[Slice]) -> InputError:
    distances = np.linalg.norm(sideways - np.median(sideways, axis=0), axis=1)
    off = [_described(ordered[index]) for index in np.flatnonzero(distances > distances.max() / 2).tolist()]
    more = len(off) - _NAMED_AT_MOST
    named = ", ".join(off[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
    return InputError(
        f"Slices lie up to {distances.max():.1f} mm sideways of the others: {named}. They may be of another scan, or "
        "the table was moved. Export the series again, or resample it in 3D Slicer and save it as NRRD."
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
    between = f"{gaps[worst]:.2f} mm between {_described(ordered[worst])} and {_described(ordered[worst + 1])}"
    if gaps[worst] > 1.5 * usual:
        raise InputError(
            f"Slices are missing: {between}, elsewhere {usual:.2f} mm. Export the whole series again: what lay "
            "between cannot be known."
        )
    raise InputError(
        f"The slice distance is uneven: {between}, elsewhere {usual:.2f} mm. Resample "
        "the series to even slices, in 3D Slicer for instance, and save it as NRRD."
    )


def _check_drift(along: np.ndarray, ordered: Sequence[Slice]) -> None:
    even = np.linspace(along[0], along[-1], along.size)
    distance = float(even[1] - even[0])
    worst = int(np.argmax(np.abs(along - even)))
    away = abs(float(along[worst] - even[worst]))
    if away <= max(_GAP_TOLERANCE * distance, _ROUNDING_MM) + SAME_PLACE_MM:
        return
    raise InputError(
        f"The slice distance is uneven: {_described(ordered[worst])} lies {away:.2f} mm from where slices at the mean "
        f"distance of {distance:.2f} mm would put it. Resample the series to even slices, in 3D Slicer for instance, "
        "and save it as NRRD."
    )


def _described(piece: Slice) -> str:
    return piece.path.name if piece.frame is None else f"frame {piece.frame + 1}"
