"""Volumes, values and diameters of segments, as CSV and as DICOM Structured Report."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import highdicom
import numpy as np
import pytest
from dicom_segmentations import (
    AXIAL,
    CORONAL,
    MANUAL,
    SEMIAUTOMATIC,
    SHAPE_KJI,
    box,
    on,
    rotation,
    segment_of,
    series_of_kind,
    series_on,
    several,
    volume_on,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from vistaseg.dicom import csv_bytes, measure, structured_report, warnings_in, write_seg
from vistaseg.dicom.measures import longest_axial_diameter
from vistaseg.volume import Volume


def test_volume_mean_and_deviation_are_those_of_the_voxels():
    series = series_of_kind("doubly oblique")
    mask = np.random.default_rng(1).random(SHAPE_KJI) > 0.5
    (row,) = measure(on(series, segment_of("liver", mask)), series.volume)
    values = series.volume.array[mask].astype(float)
    assert (row.voxels, row.unit, row.algorithm_type) == (mask.sum(), "HU", "AUTOMATIC")
    assert row.volume_ml == pytest.approx(mask.sum() * 0.7 * 0.7 * 2.5 / 1000)
    assert (row.mean, row.standard_deviation) == (pytest.approx(values.mean()), pytest.approx(values.std()))


@settings(max_examples=50)
@given(seed=st.integers(0, 10_000), density=st.floats(0.02, 0.9), degrees=st.floats(-40, 40))
def test_the_diameter_is_the_largest_distance_in_an_axial_slice(seed, density, degrees):
    mask = np.random.default_rng(seed).random(SHAPE_KJI) < density
    mask[0, 0, 0] = True
    series = series_on(volume_on(rotation((1, 1, 5), degrees) @ AXIAL @ np.diag([1, 1.7, 1, 1])))
    grid = series.volume.grid
    slices = [grid.index_to_ras([(i, j, k) for j, i in np.argwhere(mask[k])]) for k in range(len(mask))]
    largest = max((float(pdist(points).max()) for points in slices if len(points) > 1), default=0.0)
    assert longest_axial_diameter(segment_of("liver", mask), grid) == pytest.approx(largest, abs=1e-9)


def test_axial_means_axial_in_a_coronal_scan():
    grid = Volume.from_array(np.zeros(SHAPE_KJI), CORONAL, axes="kji").grid
    along_feet = segment_of("aorta", box((2, 3), (0, 9), (4, 5)))
    across = segment_of("liver", box((0, 3), (4, 5), (4, 5)))
    assert longest_axial_diameter(along_feet, grid) == 0
    assert longest_axial_diameter(across, grid) == pytest.approx(6.0)


def test_a_ball_has_its_diameter():
    k, j, i = np.ogrid[:41, :41, :41]
    ball = (k - 20) ** 2 + (j - 20) ** 2 + (i - 20) ** 2 <= 15**2
    grid = Volume.from_array(np.zeros(ball.shape), np.eye(4), axes="kji").grid
    assert longest_axial_diameter(segment_of("cyst", ball), grid) == pytest.approx(30, abs=0.1)


def test_the_table_has_a_line_for_each_segment():
    series = series_of_kind("axial")
    rows = list(csv.DictReader(io.StringIO(csv_bytes(measure(several(series), series.volume)).decode("utf-8"))))
    assert [row["name"] for row in rows] == [segment.name for segment in several(series).segments]
    assert rows[0]["volume_ml"] == "0.059" and rows[0]["unit"] == "HU" and rows[2]["algorithm_type"] == "MANUAL"


@pytest.mark.parametrize(("made", "told"), [({}, "unknown"), ({"algorithm_type": "by magic"}, "unknown"),
                                           (MANUAL, "MANUAL"), (SEMIAUTOMATIC, "SEMIAUTOMATIC")])  # fmt: skip
def test_how_a_segment_was_made_is_never_left_blank(made, told):
    series = series_of_kind("axial")
    measures = measure(on(series, segment_of("liver", box((1, 3), (2, 6), (3, 7)), dict(made))), series.volume)
    (row,) = csv.DictReader(io.StringIO(csv_bytes(measures).decode("utf-8")))
    assert row["algorithm_type"] == told


def test_the_report_refers_to_segments_and_series_and_has_the_measures(tmp_path):
    series = series_of_kind("axial")
    export = write_seg(several(series), series, tmp_path / "seg.dcm")
    measures = measure(export.segmentation, series.volume)
    (tmp_path / "sr.dcm").write_bytes(structured_report(export, series, measures))
    groups = highdicom.sr.srread(tmp_path / "sr.dcm").content.get_volumetric_roi_measurement_groups()
    assert len(groups) == 4
    for group, row, item in zip(groups, measures, export.header.SegmentSequence, strict=True):
        segment = group.referenced_segment
        assert segment.referenced_sop_instance_uid == export.header.SOPInstanceUID
        assert segment[0].ReferencedSOPSequence[0].ReferencedSegmentNumber == row.number
        assert group.tracking_uid == item.TrackingUID
        assert segment.source_series_for_segmentation.value == series.datasets[0].SeriesInstanceUID
        told = [round(measurement.value, 2) for measurement in group.get_measurements()]
        meant = [row.scan_volume_ml, row.diameter_mm, row.mean, row.standard_deviation]
        assert told == pytest.approx([round(value, 2) for value in meant], abs=0.011)
    assert groups[1].finding_sites[0].laterality.meaning == "Left"


def test_values_without_a_unit_are_not_reported_as_hounsfield(tmp_path):
    series = series_of_kind("MR")
    export = write_seg(several(series), series, tmp_path / "seg.dcm")
    measures = measure(export.segmentation, series.volume)
    assert {row.unit for row in measures} == {""}
    report = structured_report(export, series, measures)
    assert b"[hnsf'U]" not in report and b"SCT" in report


def test_values_that_no_ct_has_come_with_a_warning_in_table_and_report(tmp_path):
    """Negative values that were stored without a sign."""
    series = series_of_kind("axial")
    values = series.volume.array.astype(np.int32)
    values[1:4, 2:6, 3:7] = 63488
    series = replace(series, volume=replace(series.volume, array=values))
    export = write_seg(several(series), series, tmp_path / "seg.dcm")
    measures = measure(export.segmentation, series.volume)
    assert measures[0].mean > 50_000 and "voxels are above 30,710 HU (up to 63,488)" in measures[0].warning
    doubtful = [row.name for row in measures if row.warning]
    assert [warning.split(":")[0] for warning in warnings_in(measures)] == doubtful and "lung tumor" not in doubtful
    rows = list(csv.DictReader(io.StringIO(csv_bytes(measures).decode("utf-8"))))
    assert [bool(row["warning"]) for row in rows] == [bool(row.warning) for row in measures]
    (tmp_path / "sr.dcm").write_bytes(structured_report(export, series, measures))
    groups = highdicom.sr.srread(tmp_path / "sr.dcm").content.get_volumetric_roi_measurement_groups()
    for group, row in zip(groups, measures, strict=True):
        qualifiers = [None if item.qualifier is None else item.qualifier.meaning for item in group.get_measurements()]
        assert qualifiers == [None, None, *(["Value out of range" if row.warning else None] * 2)]
