"""Whether a volume still is that of its series: it may have been cropped, resampled, moved or edited since."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from vistaseg.dicom.series import Series
from vistaseg.errors import InputError
from vistaseg.geometry.grid import Grid, apply_affine
from vistaseg.volume import Volume
from vistaseg.volume.checks import MAYBE_CT
from vistaseg.volume.dicom.padding import AIR_HU

_SAME_VOXEL = 0.5
"""Part of a voxel: the nearest voxel of the series is the same. Programs average the distance of slices differently."""

_ROUNDING = 1.0
"""HU. Programs round rescaled values differently."""

_MOST_EDITED = 0.001
"""Share of the voxels above air. What is flipped, filtered or of somebody else differs in nearly all: CT is noisy."""

_LEAST_CORRELATION = 0.8
"""Between a resampled CT and its series it is above 0.9; between two parts of a body below 0.5."""

_SAME_CORRELATION = 0.999
"""Of voxels that are the same but for a scale, as that of the uptake values of PET."""

_MIRRORED_BY = 0.001
"""By how much more a mirror image correlates: where both halves look alike, interpolation alone makes less."""

_MOST_SAMPLES = 20_000

Values = npt.NDArray[np.float64]

_WAY_OUT = "Load the series again and draw on that, or refer to a CT series made from the volume."


def require_agreement(volume: Volume, series: Series) -> tuple[str, ...]:
    """Check that what was drawn on a volume has its place in the series; a cropped or resampled volume may differ.

    Voxels that the two have in common are compared by their values, too: a volume that was mirrored in place, or whose
    voxels were flipped, still occupies the grid of its series, and what is drawn on it is on the other side there.

    Returns:
        Notes for the user, a sentence each: that a few voxels were edited.

    Raises:
        InputError: it was moved, mirrored or edited, or shows something else than the series.
    """
    scan = series.volume
    to_scan = _voxel_mapping(volume.grid, scan.grid)
    if to_scan is not None:
        return _require_same_values(volume, _seen_from(scan, volume, *to_scan), scan.modality in MAYBE_CT)
    if sorted(volume.shape_ijk) == sorted(scan.shape_ijk):
        raise InputError(
            f"{volume.name} does not lie where its DICOM series lies: it was moved since it was loaded, by a hardened "
            f"transform for instance. {_WAY_OUT}"
        )
    if not _shows_the_same(volume, scan):
        raise InputError(f"{volume.name} does not show what its DICOM series shows at the same place. {_WAY_OUT}")
    return ()


def _voxel_mapping(grid: Grid, scan: Grid) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]] | None:
    """How the voxels of a grid are voxels of the other, with the axes in any order and sense; None where they are not.

    Returns:
        (3, 3) and (3,): index on the scan = matrix @ index + offset, (i, j, k).
    """
    to_scan = scan.ras_to_ijk @ grid.ijk_to_ras
    steps = np.rint(to_scan[:3, :3])
    turned = bool((np.abs(steps).sum(axis=0) == 1).all() and (np.abs(steps).sum(axis=1) == 1).all())
    corners = np.array(list(product(*[(0, size - 1) for size in grid.shape_ijk])), dtype=np.float64)
    places = apply_affine(to_scan, corners)
    offset = np.rint(places[0])  # of the corner at index 0
    whole = corners @ steps.T + offset
    inside = (whole >= 0).all() and (whole < scan.shape_ijk).all()
    if not turned or not inside or float(np.abs(places - whole).max()) >= _SAME_VOXEL:
        return None
    return steps.astype(np.intp), offset.astype(np.intp)


def _seen_from(scan: Volume, volume: Volume, steps: npt.NDArray[np.intp], offset: npt.NDArray[np.intp]) -> np.ndarray:
    """The values (k, j, i) of the scan at the voxels of the volume, not copied; see `_voxel_mapping`."""
    part: list[slice] = [slice(None)] * 3
    axes = np.abs(steps).argmax(axis=0)  # of the scan, for each of the volume
    for axis, size in zip(axes, volume.shape_ijk, strict=True):
        first = int(offset[axis])
        backwards = steps[axis].sum() < 0
        end = first - size if backwards else first + size
        part[axis] = slice(first, None if end < 0 else end, -1 if backwards else 1)
    return scan.array.transpose(2, 1, 0)[tuple(part)].transpose(axes).transpose(2, 1, 0)


def _require_same_values(volume: Volume, shown: np.ndarray, is_ct: bool) -> tuple[str, ...]:
    """Refuse a volume whose values are not those of its series.

    Args:
        shown: values of the series at its voxels, (k, j, i).
        is_ct: whether values are HU; those of other modalities may have another scale.
    """
    if not is_ct:
        own, others = (
            values.ravel()[:: max(1, shown.size // (10 * _MOST_SAMPLES)) | 1] for values in (volume.array, shown)
        )
        if _correlation(own.astype(np.float64), others.astype(np.float64)) < _SAME_CORRELATION:
            raise _edited(volume, "")
        return ()
    edited, body = _edited_voxels(volume.array, shown)
    if edited > _MOST_EDITED * body:
        raise _edited(volume, f" {edited:,} of its {body:,} voxels above air have other values.")
    if edited:
        return (f"{edited} voxels of {volume.name} have other values than in its DICOM series, which was not changed.",)
    return ()


def _edited_voxels(own: np.ndarray, shown: np.ndarray) -> tuple[int, int]:
    """How many voxels have other values, and of how many above air; what is air in the series may be padding, too."""
    edited = body = 0
    wide = np.result_type(own.dtype, shown.dtype, np.int32)  # so that no difference overflows
    for one, other in zip(own, shown, strict=True):
        above = other > AIR_HU
        same = np.abs(np.subtract(one, other, dtype=wide)) <= _ROUNDING
        body += int(np.count_nonzero(above))
        edited += int(np.count_nonzero(above & ~same))
    return edited, body


def _edited(volume: Volume, how_much: str) -> InputError:
    return InputError(
        f"{volume.name} does not show what its DICOM series shows at the same place: it was edited, filtered, flipped "
        f"or mirrored since it was loaded.{how_much} {_WAY_OUT}"
    )


def _shows_the_same(volume: Volume, scan: Volume) -> bool:
    """Whether values of voxels go together with those of the nearest voxels of the scan, better than mirrored ones."""
    kji, others = _places_in_common(volume, scan)
    if not others.size:
        return False
    found = _correlation(_values_at(volume, kji, ()), others)
    mirrored = [_values_at(volume, kji, axes) for axes in [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]]
    return found >= max(_LEAST_CORRELATION, *(_correlation(own, others) - _MIRRORED_BY for own in mirrored))


def _correlation(own: Values, others: Values) -> float:
    if own.std() == 0 or others.std() == 0:
        return float(np.array_equal(own, others))
    return float(np.corrcoef(own, others)[0, 1])


def _places_in_common(volume: Volume, scan: Volume) -> tuple[npt.NDArray[np.intp], Values]:
    """Of voxels spread evenly over the volume, as far as they lie in the scan: their indices (N, 3) as k, j, i, and the
    values (N,) of the scan there."""
    count = int(np.prod(volume.shape_ijk))
    # An odd step, so that it does not keep to a few columns of a grid whose size is a power of two.
    flat = np.arange(0, count, max(1, count // _MOST_SAMPLES) | 1)
    kji = np.stack(np.unravel_index(flat, volume.array.shape), axis=1)
    index = np.rint(scan.ras_to_index(volume.index_to_ras(kji[:, ::-1]))).astype(int)
    inside = ((index >= 0) & (index < scan.shape_ijk)).all(axis=1)
    i, j, k = index[inside].T
    return kji[inside], scan.array[k, j, i].astype(np.float64)


def _values_at(volume: Volume, kji: npt.NDArray[np.intp], mirrored: Sequence[int]) -> Values:
    """The values (N,) of a volume at indices, mirrored about its middle along some axes of its array."""
    places = kji.copy()
    for axis in mirrored:
        places[:, axis] = volume.array.shape[axis] - 1 - places[:, axis]
    values: Values = volume.array[tuple(places.T)].astype(np.float64)
    return values
