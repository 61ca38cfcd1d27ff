"""What a report says of each segment: its volume, the values in it, and its longest axial diameter."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
import numpy.typing as npt

from vistaseg.dicom.algorithm import UNKNOWN, algorithm_type, is_recorded
from vistaseg.escaping import csv_cell
from vistaseg.geometry.grid import Grid
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.segmentation.drawn import own_size
from vistaseg.segmentation.finding_text import finding_text
from vistaseg.segmentation.plausibility import losses, voxel_milliliters
from vistaseg.volume import Volume, impossible_values
from vistaseg.volume.checks import MAYBE_CT

Points = npt.NDArray[np.float64]

_COLUMNS = (
    "segment", "name", "algorithm_type", "voxels", "volume_ml", "mean", "standard_deviation", "unit",
    "longest_axial_diameter_mm", "warning", "scan_volume_ml",
)  # fmt: skip


@dataclass(frozen=True)
class Measures:
    """What was measured of one segment.

    Attributes:
        number: of the segment, from 1, as in the DICOM segmentation; 0 for one that has no voxel on the scan.
        name: of the segment.
        algorithm_type: how it was made: "AUTOMATIC", "SEMIAUTOMATIC" or "MANUAL"; "unknown" if it was not recorded,
            for which DICOM has no value, so that the segmentation says SEMIAUTOMATIC by an unknown algorithm.
        voxels: how many, on the scan.
        volume_ml: in millilitres, of the segment itself: see `own_size`.
        scan_volume_ml: in millilitres, number of voxels on the scan times their size.
        mean: of the values of its voxels; no number where it has none.
        standard_deviation: of these values, as a whole population (divided by their number).
        unit: of the values: "HU" in a CT, else "" because they have none that is known.
        diameter_mm: longest axial diameter, see `longest_axial_diameter`.
        warning: why mean and deviation mean nothing, or "".
        losses: what of the segment is not measured, or has another volume than as it was drawn; or "".
    """

    number: int
    name: str
    algorithm_type: str
    voxels: int
    volume_ml: float
    scan_volume_ml: float
    mean: float
    standard_deviation: float
    unit: str
    diameter_mm: float
    warning: str = ""
    losses: str = ""


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


def without_voxels(segments: Iterable[Segment]) -> list[Measures]:
    """Rows of segments that were drawn, but have no voxel on the scan; nothing of those that are empty."""
    nan = float("nan")
    return [
        Measures(
            *(0, segment.name, _how_made(segment), 0, own_size(segment.drawn, 0, 0.0)[1], 0.0, nan, nan, "", 0.0, ""),
            _losses(segment, 0.0),
        )
        for segment in segments
        if segment.drawn is not None and segment.drawn.voxels and not segment.voxel_count
    ]


def _how_made(segment: Segment) -> str:
    return algorithm_type(segment.provenance) if is_recorded(segment.provenance) else UNKNOWN


def _losses(segment: Segment, milliliters: float) -> str:
    return "; ".join(finding_text(finding) for finding in losses(segment.drawn, milliliters))


def loss_notes(segments: Iterable[Segment], grid: Grid) -> list[str]:
    """What the grid of a scan does not hold of segments as they were drawn, a sentence each."""
    found = [(segment.name, _losses(segment, segment.voxel_count * voxel_milliliters(grid))) for segment in segments]
    return [f"{name}: {losses}." for name, losses in found if losses]


def _measure(number: int, segment: Segment, segmentation: Segmentation, volume: Volume) -> Measures:
    values = volume.array[segment.mask.box.slices_kji][segment.mask.array].astype(np.float64)
    is_ct, milliliters = volume.modality == "CT", segmentation.volume_ml(segment)
    return Measures(
        number,
        segment.name,
        _how_made(segment),
        segment.voxel_count,
        own_size(segment.drawn, segment.voxel_count, milliliters)[1],
        milliliters,
        float(values.mean()),
        float(values.std()),
        "HU" if is_ct else "",
        longest_axial_diameter(segment, volume.grid),
        " ".join(impossible_values(values)) if volume.modality in MAYBE_CT else "",
        _losses(segment, milliliters),
    )


def longest_axial_diameter(segment: Segment, grid: Grid) -> float:
    """The largest distance in mm between the centres of two voxels of a segment in the same axial slice.

    The slices are the planes of the grid that are closest to axial, which in a coronal or sagittal scan cut across its
    images. A voxel alone in its slice has 0 mm: up to the outer edges of the voxels it is up to one voxel more.
    """
    axis = next(n for n, (world, _) in enumerate(grid.axes) if world == 2)
    others = [n for n in range(3) if n != axis]
    steps = grid.ijk_to_ras[:3, others]
    slices = np.moveaxis(segment.mask.array.transpose(2, 1, 0), axis, 0)
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
    """The largest distance between two points of one plane, (N, 3); only those of the convex hull matter."""
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
        numbers = ("" if isnan(value) else f"{value:.2f}" for value in (row.mean, row.standard_deviation))
        volume, diameter = f"{row.volume_ml:.3f}", f"{row.diameter_mm:.2f}"
        yield (
            row.number or "",
            csv_cell(row.name),
            row.algorithm_type,
            row.voxels,
            volume,
            *numbers,
            row.unit,
            diameter,
            " ".join(filter(None, (row.warning, row.losses))),
            f"{row.scan_volume_ml:.3f}",
        )
