"""What a report says of each segment: its volume, the values in it, and its longest axial diameter."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vistaseg.dicom.algorithm import UNKNOWN, algorithm_type, is_recorded
from vistaseg.escaping import csv_cell
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.volume import Grid, Volume, impossible_values
from vistaseg.volume.checks import MAYBE_CT

Points = npt.NDArray[np.float64]

_COLUMNS = (
    "segment", "name", "algorithm_type", "voxels", "volume_ml", "mean", "standard_deviation", "unit",
    "longest_axial_diameter_mm", "warning",
)  # fmt: skip


@dataclass(frozen=True)
class Measures:
    """What was measured of one segment.

    Attributes:
        number: of the segment, from 1, as in the DICOM segmentation.
        name: of the segment.
        algorithm_type: how it was made: "AUTOMATIC", "SEMIAUTOMATIC" or "MANUAL"; "unknown" where nobody recorded that,
            for which DICOM has no value, so that the segmentation says SEMIAUTOMATIC by an unknown algorithm.
        voxels: how many.
        volume_ml: in millilitres, number of voxels times their size.
        mean: of the values of its voxels.
        standard_deviation: of these values, as a whole population (divided by their number).
        unit: of the values: "HU" in a CT, else "" because they have none that is known.
        diameter_mm: longest axial diameter, see `longest_axial_diameter`.
        warning: why mean and deviation mean nothing, or "".
    """

    number: int
    name: str
    algorithm_type: str
    voxels: int
    volume_ml: float
    mean: float
    standard_deviation: float
    unit: str
    diameter_mm: float
    warning: str = ""


def warnings_in(measures: Iterable[Measures]) -> list[str]:
    """The warnings of all segments, with their names."""
    return [f"{row.name}: {row.warning}" for row in measures if row.warning]


def measure(segmentation: Segmentation, volume: Volume) -> list[Measures]:
    """Measure the segments that have voxels, in their order.

    Args:
        segmentation: on the grid of `volume`.
    """
    filled = [segment for segment in segmentation.segments if segment.voxel_count]
    return [_measure(number, segment, segmentation, volume) for number, segment in enumerate(filled, start=1)]


def _measure(number: int, segment: Segment, segmentation: Segmentation, volume: Volume) -> Measures:
    values = volume.array[segment.extent.slices][segment.mask].astype(np.float64)
    is_ct = volume.modality == "CT"
    return Measures(
        number,
        segment.name,
        algorithm_type(segment.provenance) if is_recorded(segment.provenance) else UNKNOWN,
        segment.voxel_count,
        segmentation.volume_ml(segment),
        float(values.mean()),
        float(values.std()),
        "HU" if is_ct else "",
        longest_axial_diameter(segment, volume.grid),
        " ".join(impossible_values(values)) if volume.modality in MAYBE_CT else "",
    )


def longest_axial_diameter(segment: Segment, grid: Grid) -> float:
    """The largest distance in mm between the centres of two voxels of a segment in the same axial slice.

    The slices are the planes of the grid that are closest to axial, which in a coronal or sagittal scan cut across its
    images. A voxel alone in its slice has 0 mm: up to the outer edges of the voxels it is up to one voxel more.
    """
    axis = next(n for n, (world, _) in enumerate(grid.axes) if world == 2)
    others = [n for n in range(3) if n != axis]
    steps = grid.ijk_to_ras[:3, others]
    slices = np.moveaxis(segment.mask.transpose(2, 1, 0), axis, 0)
    longest = 0.0
    for mask in slices:
        points = _ends_of_rows(mask) @ steps.T
        if len(points) > 1 and np.linalg.norm(np.ptp(points, axis=0)) > longest:
            longest = max(longest, _diameter(points))
    return longest


def _ends_of_rows(mask: npt.NDArray[np.bool_]) -> Points:
    """(N, 2) indices of the first and last set voxel of each row: the two most distant ones are among them."""
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask[rows].argmax(axis=1)
    last = mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
    return np.concatenate([np.stack([rows, first], axis=1), np.stack([rows, last], axis=1)]).astype(np.float64)


def _diameter(points: Points) -> float:
    """The largest distance between two points of one plane, (N, 3), of which only those of the convex hull matter."""
    from scipy.spatial import ConvexHull, QhullError
    from scipy.spatial.distance import pdist

    in_plane = (points - points[0]) @ np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][:2].T
    try:
        corners = points[ConvexHull(in_plane).vertices] if len(points) > 3 else points
    except QhullError:  # all on one line
        corners = points
    return float(pdist(corners).max())


def csv_bytes(measures: Sequence[Measures], segmentation_sha256: str | None = None) -> bytes:
    """A table in CSV (RFC 4180) and UTF-8, a line for each segment; it names no patient.

    A name that a spreadsheet would run stands behind an apostrophe.

    Args:
        segmentation_sha256: of the file that the measures are of, for a last column; None where they are of no file.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    columns, values = ((), ()) if segmentation_sha256 is None else (("segmentation_sha256",), (segmentation_sha256,))
    writer.writerow((*_COLUMNS, *columns))
    writer.writerows((*row, *values) for row in _rows(measures))
    return text.getvalue().encode("utf-8")


def _rows(measures: Sequence[Measures]) -> Iterator[tuple[object, ...]]:
    for row in measures:
        numbers = (f"{value:.2f}" for value in (row.mean, row.standard_deviation))
        volume, diameter = f"{row.volume_ml:.3f}", f"{row.diameter_mm:.2f}"
        yield (
            row.number,
            csv_cell(row.name),
            row.algorithm_type,
            row.voxels,
            volume,
            *numbers,
            row.unit,
            diameter,
            row.warning,
        )
