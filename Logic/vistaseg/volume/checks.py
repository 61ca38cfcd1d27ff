"""What makes a volume unusable, and what makes it doubtful as a CT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from vistaseg.errors import InputError
from vistaseg.volume.volume import Volume

SPACING_RANGE_MM = (0.01, 50.0)
AIR_LIMIT_HU = -900.0
HU_RANGE = (-1e6, 1e6)
"""Far beyond what a scanner gives, metal included: values outside are marks or damage."""
POSSIBLE_HU = (-10_240.0, 30_710.0)
"""What a CT can hold at most: 12 bits from -1024 HU on, on the extended scale ten times of that."""
THICK_SLICE_MM = 10.0
SMALL_FIELD_MM = 40.0

_SURELY_AIR_HU = -200.0  # fat ends at about -120; a little below 0 also comes of smoothing an unsigned image

MAYBE_CT = (None, "", "CT", "OT")
"""Modalities of what is taken for a CT."""


def check_volume(volume: Volume) -> None:
    """Refuse what no algorithm here can work on, whatever was scanned.

    Raises:
        InputError: there is a single slice, the spacing is implausible, or voxels are not finite. NaN and
            infinity are never replaced silently: what they stand for is for the user to say.
    """
    if min(volume.shape_ijk) < 2:
        raise InputError(f"The volume is a single slice ({_times(volume.shape_ijk)} voxels). Give the whole scan.")
    lowest, highest = SPACING_RANGE_MM
    if not all(lowest <= size <= highest for size in volume.spacing):
        raise InputError(
            f"The voxel spacing of {_times(volume.spacing)} mm is implausible ({lowest} to {highest} mm is "
            "expected). Mend the spacing in its header; it may be in another unit."
        )
    bad = _count_not_finite(volume.array)
    if bad:
        raise InputError(
            f"{bad} of {volume.array.size} voxels are not a number or infinite. Replace them first, outside "
            "the patient usually by -1000 HU."
        )


def check_ct(volume: Volume) -> list[str]:
    """Refuse what cannot be segmented as a CT; say what looks wrong about the rest.

    Returns:
        Warnings, a sentence or two each; empty for an ordinary CT.

    Raises:
        InputError: as `check_volume`, or the axes are not at right angles, the modality is another than CT,
            all voxels are the same, all are air, or some are far beyond HU (`HU_RANGE`).
    """
    check_volume(volume)
    volume.grid.require_orthogonal("segmentation")
    _check_modality(volume.modality, volume.notes)
    low, high = float(volume.array.min()), float(volume.array.max())
    _check_range(volume.array, low, high)
    _check_contrast(low, high)
    doubts = (*impossible_values(volume.array), *_intensity_doubts(low, high), *_geometry_doubts(volume))
    return [*volume.notes, *doubts]


def _check_modality(modality: str | None, notes: Sequence[str] = ()) -> None:
    if modality not in MAYBE_CT:
        refusal = (
            f"This is a scan of modality {modality}. The models (VISTA3D, SegVol) are trained on CT, and "
            "little of what they find elsewhere is right: give a CT."
        )
        raise InputError(" ".join((refusal, *notes)))


def _check_range(array: np.ndarray, low: float, high: float) -> None:
    lowest, highest = HU_RANGE
    if lowest <= low and high <= highest:
        return
    bad = sum(int(((part < lowest) | (part > highest)).sum()) for part in array)
    raise InputError(
        f"{bad} of {array.size} voxels are beyond {highest:,.0f} HU or below {lowest:,.0f} HU. Replace them first, "
        "outside the patient usually by -1000 HU."
    )


def impossible_values(array: np.ndarray) -> tuple[str, ...]:
    """A sentence about voxels with values that no CT has, in HU, if there are any.

    They are marks outside the image, or negative values that were stored without a sign.
    """
    lowest, highest = POSSIBLE_HU
    found = []
    above, below = int((array > highest).sum()), int((array < lowest).sum())
    if above:
        found.append(f"{above:,} voxels are above {highest:,.0f} HU (up to {float(array.max()):,.0f})")
    if below:
        found.append(f"{below:,} voxels are below {lowest:,.0f} HU (down to {float(array.min()):,.0f})")
    if not found:
        return ()
    return (
        f"{' and '.join(found)}, which no CT has: marks outside the image, or negative values that lost their sign. "
        "The mean of a segment that holds them is meaningless.",
    )


def _check_contrast(low: float, high: float) -> None:
    if low == high:
        raise InputError(f"All voxels have the same value ({low:g}), so it holds no image. Export the scan again.")
    if high <= AIR_LIMIT_HU:
        raise InputError(
            f"The volume is all air: no voxel is above {AIR_LIMIT_HU:g} HU (the highest is {high:g}). Check "
            "that the right series was exported, and its rescale intercept."
        )


def _intensity_doubts(low: float, high: float) -> Iterator[str]:
    if low <= _SURELY_AIR_HU:
        return
    seen = f"All values lie between {low:g} and {high:g}"
    expected = "In Hounsfield units air is about -1000, water 0 and bone 300 to 2000."
    if low >= 0 and high <= 1:
        yield f"{seen}: they look normalised to 0...1. {expected} Give the original scan."
    elif low >= 0 and high <= 255:
        yield f"{seen}: they look like a picture of 8 bits. {expected} Give the original scan."
    elif low >= 0:
        yield f"{seen}: they look like stored values, HU + 1024. {expected} If so, subtract 1024."
    else:
        yield f"{seen}: without air they may not be HU, or this is not a CT. {expected}"


def _geometry_doubts(volume: Volume) -> Iterator[str]:
    thickest = max(volume.spacing)
    if thickest > THICK_SLICE_MM:
        yield f"The slices are {thickest:.1f} mm apart: small structures will be missed."
    field = [count * size for count, size in zip(volume.shape_ijk, volume.spacing, strict=True)]
    if min(field) < SMALL_FIELD_MM:
        yield f"The volume covers only {_times(field)} mm: organs that are cut off are recognised less well."


def _count_not_finite(array: np.ndarray) -> int:
    if array.dtype.kind != "f":
        return 0
    return sum(int(part.size - np.isfinite(part).sum()) for part in array)


def _times(values: list[float] | tuple[float, ...]) -> str:
    return " x ".join(f"{value:g}" if isinstance(value, int) else f"{value:.4g}" for value in values)
