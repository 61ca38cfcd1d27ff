"""Whether a volume still is that of its series: it may have been cropped, resampled or moved since it was loaded."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt

from vistaseg.dicom.series import Series
from vistaseg.errors import InputError
from vistaseg.volume import Grid, Volume, apply_affine

_SAME_VOXEL = 0.5
"""Part of a voxel: the nearest voxel of the series is the same. Programs average the distance of slices differently."""

_LEAST_CORRELATION = 0.8
"""Between a resampled CT and its series it is above 0.9; between two parts of a body below 0.5."""

_MOST_SAMPLES = 20_000

Values = npt.NDArray[np.float64]


def require_agreement(volume: Volume, series: Series) -> None:
    """Check that what was drawn on a volume has its place in the series; a cropped or resampled volume may differ.

    Raises:
        InputError: it was moved, or shows something else than the series.
    """
    scan = series.volume
    if _has_its_voxels(volume.grid, scan.grid):
        return
    if sorted(volume.shape_ijk) == sorted(scan.shape_ijk):
        raise InputError(
            f"{volume.name} does not lie where its DICOM series lies: it was moved since it was loaded, by a hardened "
            "transform for instance. Load the series again and draw on that, or refer to a CT series made from the "
            "volume."
        )
    if not _shows_the_same(volume, scan):
        raise InputError(
            f"{volume.name} does not show what its DICOM series shows at the same place. Load the series again and "
            "draw on that, or refer to a CT series made from the volume."
        )


def _has_its_voxels(grid: Grid, scan: Grid) -> bool:
    """Whether all voxels of a grid are voxels of the other, with the axes in any order and sense."""
    to_scan = scan.ras_to_ijk @ grid.ijk_to_ras
    steps = np.rint(to_scan[:3, :3])
    turned = bool((np.abs(steps).sum(axis=0) == 1).all() and (np.abs(steps).sum(axis=1) == 1).all())
    corners = np.array(list(product(*[(0, size - 1) for size in grid.shape_ijk])), dtype=np.float64)
    places = apply_affine(to_scan, corners)
    whole = corners @ steps.T
    whole += np.rint(places[0] - whole[0])
    inside = (whole >= 0).all() and (whole < scan.shape_ijk).all()
    return turned and bool(inside) and float(np.abs(places - whole).max()) < _SAME_VOXEL


def _shows_the_same(volume: Volume, scan: Volume) -> bool:
    """Whether the values of voxels go together with those of the nearest voxels of the scan."""
    own, others = _values_in_common(volume, scan)
    if not own.size:
        return False
    if own.std() == 0 or others.std() == 0:
        return bool(np.array_equal(own, others))
    return float(np.corrcoef(own, others)[0, 1]) >= _LEAST_CORRELATION


def _values_in_common(volume: Volume, scan: Volume) -> tuple[Values, Values]:
    """Of voxels spread evenly over the volume, as far as they lie in the scan."""
    count = int(np.prod(volume.shape_ijk))
    # An odd step, so that it does not keep to a few columns of a grid whose size is a power of two.
    flat = np.arange(0, count, max(1, count // _MOST_SAMPLES) | 1)
    kji = np.stack(np.unravel_index(flat, volume.array.shape), axis=1)
    index = np.rint(scan.ras_to_index(volume.index_to_ras(kji[:, ::-1]))).astype(int)
    inside = ((index >= 0) & (index < scan.shape_ijk)).all(axis=1)
    i, j, k = index[inside].T
    own = volume.array[tuple(kji[inside].T)]
    return own.astype(np.float64), scan.array[k, j, i].astype(np.float64)
