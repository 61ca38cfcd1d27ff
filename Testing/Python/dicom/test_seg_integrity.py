"""`.seg.nrrd` → DICOM segmentation → `.seg.nrrd`: voxels, places, and all that is said of each segment survive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_segmentations import (
    AUTOMATIC,
    AXIAL,
    MANUAL,
    SEMIAUTOMATIC,
    box,
    rotation,
    segment_of,
    series_on,
    volume_on,
)
from dicom_series import enhanced_ct, write_series

from vistaseg import catalog
from vistaseg.catalog import Code, Terminology
from vistaseg.dicom import Series, import_seg, read_series, write_seg
from vistaseg.dicom.codes import GENERIC
from vistaseg.segmentation import Segment, Segmentation, read_segmentation, write_segmentation
from vistaseg.segmentation.resampling import onto_grid

SHAPE_KJI = (6, 9, 10)
LAST_FIRST = np.array([[-1, 0, 0, 9], [0, -1, 0, 8], [0, 0, -1, 5], [0, 0, 0, 1.0]])
FAR = np.array([[-0.9765625, 0, 0, 612.37], [0, -0.9765625, 0, -1044.41], [0, 0, 1 / 3, 1843.7], [0, 0, 0, 1.0]])

Grid = tuple[np.ndarray, tuple[int, int, int], np.ndarray]
"""IJK to RAS of the scan, its size (k, j, i), and the way from voxels of the segmentation to those of the scan."""
GRIDS: dict[str, Grid] = {
    "ordinary": (AXIAL, SHAPE_KJI, np.eye(4)),
    "flipped": (AXIAL, SHAPE_KJI, LAST_FIRST),
    "oblique": (rotation((1, 2, 3), 31) @ AXIAL, SHAPE_KJI, np.eye(4)),
    "anisotropic": (AXIAL @ np.diag([0.45, 1.3, 3, 1]), SHAPE_KJI, np.eye(4)),
    "single slice": (AXIAL, (1, 9, 10), np.eye(4)),
    "far from the origin": (FAR, SHAPE_KJI, np.eye(4)),
    "multi-frame": (rotation((3, 1, 0), 17) @ AXIAL, SHAPE_KJI, np.eye(4)),
}
ODD_NAMES = (
    "Läsion 中 of the patient, which has a name that is longer than sixty-four letters",
    "left\\right",
    "a|b:c~d^e&f=g;h,i",
    '"quoted" <b>bold</b> %20 %s {0}',
    "Segment_1",
    "Segment_1",  # twice
    "-1",
    ":= # ..",
    "كبد \U0001fac1",
    "e\u0301 and \u00e9",
    "CON",
    "x" * 1000,
)
"""With separators of DICOM, NRRD, Slicer's tags and terminology, composed and decomposed, twice."""


def one(shape_kji: tuple[int, int, int]) -> list[Segment]:
    return [segment_of("liver", box((0, 4), (2, 6), (3, 7), shape_kji=shape_kji))]


def all_structures(shape_kji: tuple[int, int, int]) -> list[Segment]:
    """The 117 of "everything" and the 15 that it leaves out, in voxels of their own where there are enough."""
    size = int(np.prod(shape_kji))
    order = np.random.default_rng(3).permutation(size)
    segments = []
    for number, structure in enumerate(catalog.structures()):
        mask = np.zeros(size, dtype=bool)
        mask[order[(2 * number + np.arange(1 + number % 2)) % size]] = True
        segments.append(segment_of(structure.name, mask.reshape(shape_kji)))
    return segments


def overlapping(shape_kji: tuple[int, int, int]) -> list[Segment]:
    """A tumour within the liver, the same voxels twice, and one across all."""
    return [
        segment_of("liver", box((0, 4), (2, 6), (3, 7), shape_kji=shape_kji)),
        segment_of("hepatic tumor", box((0, 2), (3, 5), (4, 6), shape_kji=shape_kji), SEMIAUTOMATIC),
        segment_of("spleen", box((0, 2), (3, 5), (4, 6), shape_kji=shape_kji), MANUAL | {"software": "VistaSeg 1.0"}),
        segment_of("aorta", box((0, 6), (0, 9), (0, 10), shape_kji=shape_kji)),
    ]


def one_voxel(shape_kji: tuple[int, int, int]) -> list[Segment]:
    return [segment_of("left kidney", box((0, 1), (8, 9), (0, 1), shape_kji=shape_kji), SEMIAUTOMATIC)]


def at_the_border(shape_kji: tuple[int, int, int]) -> list[Segment]:
    """On each of the six faces, one in two opposite corners."""
    k, j, i = shape_kji
    last = ((k - 1, k), (j - 1, j), (i - 1, i))
    whole = ((0, k), (0, j), (0, i))
    faces = [(*whole[:axis], end[axis], *whole[axis + 1 :]) for axis in range(3) for end in ([(0, 1)] * 3, last)]
    masks = [box(*face, shape_kji=shape_kji) for face in faces]
    corners = box(*[(0, 1)] * 3, shape_kji=shape_kji) | box(*last, shape_kji=shape_kji)
    names = ["liver", "spleen", "left kidney", "right kidney", "aorta", "pancreas", "stomach"]
    return [segment_of(name, mask) for name, mask in zip(names, [*masks, corners], strict=True)]


def odd_names(shape_kji: tuple[int, int, int]) -> list[Segment]:
    """Of other colours, codes and origins too."""
    cyst = Terminology(
        Code("49755003", "SCT", "Morphologically Altered Structure"),
        Code("367643001", "SCT", "Cyst"),
        Code("7771000", "SCT", "Left"),
        Code("64033007", "SCT", "Kidney"),
        Code("7771000", "SCT", "Left"),
    )
    colors = np.random.default_rng(7).integers(0, 256, (len(ODD_NAMES), 3)).tolist()
    made = (AUTOMATIC, SEMIAUTOMATIC, MANUAL, SEMIAUTOMATIC | {"algorithm_name": "Läsion|finder \\ 2", "edited": True})
    segments = []
    for number, (name, color) in enumerate(zip(ODD_NAMES, colors, strict=True)):
        row, column = divmod(number, 2)
        mask = box((0, 1), (row, row + 1), (5 * column, 5 * column + 3), shape_kji=shape_kji)
        segment = segment_of(name, mask, made[number % len(made)])
        segments.append(replace(segment, color=tuple(color), terminology=cyst if number % 3 == 0 else None))
    return segments


KINDS: tuple[Callable[[tuple[int, int, int]], list[Segment]], ...] = (
    one, all_structures, overlapping, one_voxel, at_the_border, odd_names,
)  # fmt: skip


def series_in(folder: Path, grid: Grid) -> Series:
    """A scan on disk, read as for an export; one of a single slice, which no folder may hold, as it is read."""
    volume = volume_on(grid[0], grid[1])
    if grid[1][0] == 1:
        return series_on(volume)
    if grid is GRIDS["multi-frame"]:
        folder.mkdir()
        enhanced_ct(volume, [3, 1, 5, 0, 4, 2]).save_as(folder / "scan.dcm", enforce_file_format=True)
    else:
        write_series(folder, volume)
    return read_series(folder)


def on_grid(grid: Grid, segments: list[Segment]) -> Segmentation:
    """Segments given on voxels of the segmentation's own grid."""
    to_ras, (k, j, i), to_scan = grid
    labelled = [replace(segment, label_value=number) for number, segment in enumerate(segments, 1)]
    return Segmentation((i, j, k), to_ras @ to_scan, labelled, "before")


def said_of(segment: Segment) -> dict[str, Any]:
    """All that a file says of a segment but its voxels, and but where it came from; DICOM calls all it can tissue."""
    made = {key: value for key, value in segment.provenance.items() if key != "dicom_segmentation"}
    return {
        "name": segment.name,
        "label": segment.label_value,
        "structure": segment.structure_id,
        "color": segment.color,
        "terminology": segment.terminology or (GENERIC if segment.structure_id is None else None),
        "provenance": made,
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", GRIDS)
def test_everything_survives_the_way_through_dicom(name, kind, tmp_path):
    grid = GRIDS[name]
    series = series_in(tmp_path / "scan", grid)
    meant = on_grid(grid, kind(grid[1]))
    write_segmentation(meant, tmp_path / "before.seg.nrrd")
    write_seg(read_segmentation(tmp_path / "before.seg.nrrd"), series, tmp_path / "seg.dcm")
    imported = import_seg(tmp_path / "seg.dcm", series)
    write_segmentation(imported.segmentation, tmp_path / "after.seg.nrrd")
    found = read_segmentation(tmp_path / "after.seg.nrrd")

    assert (imported.notes, found.notes) == ((), ())
    assert found.shape_ijk == series.volume.shape_ijk
    assert np.allclose(found.ijk_to_ras, series.volume.ijk_to_ras, atol=1e-4)
    assert [said_of(segment) for segment in found.segments] == [said_of(segment) for segment in meant.segments]
    back = onto_grid(found, meant.grid).segmentation
    for before, after in zip(meant.segments, back.segments, strict=True):
        assert before.mask.equals(after.mask), before.name


def test_places_are_those_of_the_scan_in_millimetres(tmp_path):
    """The corners of one voxel, on a segmentation whose axes run against those of the scan."""
    grid = GRIDS["flipped"]
    series = series_in(tmp_path / "scan", grid)
    meant = on_grid(grid, one_voxel(grid[1]))
    write_seg(meant, series, tmp_path / "seg.dcm")
    found = import_seg(tmp_path / "seg.dcm", series).segmentation
    places = [each.grid.index_to_ras([each.segments[0].mask.box.start])[0] for each in (meant, found)]
    assert np.allclose(*places, atol=1e-4)
    assert places[0][0] == pytest.approx(100 - 0.7 * 9) and places[0][1] == pytest.approx(120 - 0)
