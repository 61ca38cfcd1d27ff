"""dcmqi and highdicom read what is written here, exactly; and what they write is read here."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import highdicom
import numpy as np
import pytest
import SimpleITK
from dcmqi_programs import program, write_with_dcmqi
from dicom_segmentations import (
    KINDS,
    box,
    on,
    one_voxel,
    same_masks,
    segment_of,
    series_of_kind,
    series_on,
    several,
    volume_on,
)
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from vistaseg.dicom import Series, read_seg, read_series, write_seg
from vistaseg.segmentation import Segmentation
from vistaseg.segmentation.resampling import onto_grid
from vistaseg.volume import Volume


def read_with_dcmqi(seg: Path, folder: Path) -> tuple[list[Volume], dict]:
    """A volume for each group of segments that do not overlap, on the grid of the frames; and the table."""
    folder.mkdir()
    subprocess.run(
        [program("segimage2itkimage"), "--inputDICOM", seg, "--outputDirectory", folder, "--outputType", "nrrd"],
        check=True,
        capture_output=True,
    )
    images = sorted(folder.glob("*.nrrd"), key=lambda path: int(path.stem))
    assert images, "dcmqi wrote nothing, though it ended well"
    return [Volume.from_sitk(SimpleITK.ReadImage(str(path))) for path in images], json.loads(
        (folder / "meta.json").read_text()
    )


def only_mask(read: Segmentation, series: Series) -> np.ndarray:
    """(k, j, i) of the one segment on the grid of the series, which has to have the same voxels."""
    placed = onto_grid(read, series.volume.grid)
    assert placed.aligned and not placed.cut
    return placed.segmentation.full_mask(placed.segmentation.segments[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [several, one_voxel])
def test_dcmqi_reads_the_same_voxels_and_codes(kind, make, tmp_path):
    series = series_of_kind(kind)
    meant = make(series)
    write_seg(meant, series, tmp_path / "seg.dcm")
    volumes, table = read_with_dcmqi(tmp_path / "seg.dcm", tmp_path / "dcmqi")
    rows = [(row, volume) for group, volume in zip(table["segmentAttributes"], volumes, strict=True) for row in group]
    rows.sort(key=lambda pair: pair[0]["labelID"])
    for (row, volume), segment in zip(rows, meant.segments, strict=True):
        mask = (volume.array == row["labelID"]).astype(np.uint8)
        read = Segmentation.from_label_map(mask, volume.ijk_to_ras)
        assert np.array_equal(only_mask(read, series), meant.full_mask(segment))
        assert row["SegmentAlgorithmType"] == segment.provenance["algorithm_type"]
        assert row["recommendedDisplayRGBValue"] == list(segment.color)
        if segment.terminology is not None:
            assert row["SegmentedPropertyTypeCodeSequence"]["CodeValue"] == segment.terminology.type.value
            side = row.get("SegmentedPropertyTypeModifierCodeSequence", {}).get("CodeValue")
            modifier = segment.terminology.type_modifier
            assert side == (modifier and modifier.value)


def test_dcmqi_reads_a_label_map(tmp_path):
    series = series_of_kind("axial")
    meant = on(series, segment_of("liver", box((1, 4), (2, 6), (3, 7))), segment_of("a", box((5, 6), (0, 1), (0, 1))))
    write_seg(meant, series, tmp_path / "seg.dcm", labelmap=True)
    (volume,), _ = read_with_dcmqi(tmp_path / "seg.dcm", tmp_path / "dcmqi")
    placed = onto_grid(Segmentation.from_label_map(volume.array, volume.ijk_to_ras), series.volume.grid)
    assert placed.aligned and same_masks(placed.segmentation, meant)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labelmap", [False, True])
def test_highdicom_reads_the_same_voxels_and_codes(kind, labelmap, tmp_path):
    series = series_of_kind(kind)
    meant = several(series)
    if labelmap:
        meant.segments = [meant.segments[0], meant.segments[2]]
    write_seg(meant, series, tmp_path / "seg.dcm", labelmap=labelmap)
    found = highdicom.seg.segread(tmp_path / "seg.dcm")
    assert len(found.segment_numbers) == len(meant.segments)
    for number, segment in enumerate(meant.segments, start=1):
        volume = found.get_volume(segment_numbers=[number], combine_segments=True, relabel=True)
        lps = np.array(volume.affine)[:, [2, 1, 0, 3]]
        read = Segmentation.from_label_map(np.asarray(volume.array), np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps)
        assert np.array_equal(only_mask(read, series), meant.full_mask(segment))
        if segment.terminology is not None:
            assert found.get_segment_description(number).segmented_property_type.value == segment.terminology.type.value


@pytest.mark.parametrize("kind", ["axial", "oblique in its plane", "non-square", "sagittal"])
def test_what_dcmqi_writes_is_read_exactly(kind, tmp_path):
    series = series_of_kind(kind)
    labels = np.random.default_rng(0).integers(0, 3, series.volume.array.shape).astype(np.uint8)
    labels[0] = 0
    found = read_seg(write_with_dcmqi(series, labels, series.volume.ijk_to_ras, tmp_path), read_series(tmp_path / "ct"))
    assert np.array_equal(found.label_map(), labels)
    kidney = found.segments[0]
    assert (kidney.name, kidney.color, kidney.structure_id) == ("left kidney", (10, 200, 30), 14)
    assert kidney.provenance["algorithm_type"] == "AUTOMATIC"
    assert kidney.provenance["algorithm_name"] == "Another program"


def with_highdicom(series, pixels, kind, **more):
    anatomy = highdicom.sr.CodedConcept("123037004", "SCT", "Anatomical Structure")
    liver = highdicom.sr.CodedConcept("10200004", "SCT", "Liver")
    names = ["liver", "again"][: pixels.shape[3] if pixels.ndim == 4 else int(pixels.max())]
    segments = [
        highdicom.seg.SegmentDescription(number, name, anatomy, liver, algorithm_type="MANUAL")
        for number, name in enumerate(names, start=1)
    ]
    uids = [highdicom.UID(), highdicom.UID()]
    return highdicom.seg.Segmentation(
        series.datasets, pixels, kind, segments, uids[0], 1, uids[1], 1, "Maker", "Model", "1", "1", **more
    )


@pytest.mark.parametrize(
    ("kind", "syntax"),
    [("BINARY", ExplicitVRLittleEndian), ("LABELMAP", ExplicitVRLittleEndian), ("LABELMAP", RLELossless)],
)
def test_what_highdicom_writes_is_read_exactly(kind, syntax, tmp_path):
    series = series_of_kind("doubly oblique")
    labels = np.random.default_rng(0).integers(0, 3, series.volume.array.shape).astype(np.uint8)
    labels[2] = 0
    with_highdicom(series, labels, kind, transfer_syntax_uid=syntax).save_as(tmp_path / "seg.dcm")
    assert np.array_equal(read_seg(tmp_path / "seg.dcm", series).label_map(), labels)


def test_fractions_count_from_one_half_on_and_the_result_says_so(tmp_path):
    series = series_of_kind("axial")
    fractions = np.zeros((*series.volume.array.shape, 1), dtype=np.float32)
    fractions[2, 3, 4:8, 0] = [0.2, 0.45, 0.55, 1.0]
    with_highdicom(series, fractions, "FRACTIONAL").save_as(tmp_path / "seg.dcm")
    (segment,) = read_seg(tmp_path / "seg.dcm", series).segments
    assert segment.mask.box.start == (6, 3, 2) and segment.voxel_count == 2
    assert segment.provenance["thresholded_at"] == 0.5


def test_a_segmentation_with_frames_far_apart_is_placed_by_its_positions(tmp_path):
    series = series_on(volume_on(np.diag([-0.7, -0.7, 2.5, 1.0]), (9, 4, 5)), SliceThickness=1.25)
    labels = np.zeros(series.volume.array.shape, dtype=np.uint8)
    labels[[0, 4, 8], 1, 2] = 1
    made = with_highdicom(series, labels, "BINARY")
    del made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices
    made.save_as(tmp_path / "seg.dcm")
    assert np.array_equal(read_seg(tmp_path / "seg.dcm", series).label_map(), labels)
