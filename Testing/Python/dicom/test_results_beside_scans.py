"""What VistaSeg writes into the folder of a scan does not change which scan is read, and is called what it is."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_segmentations import AXIAL, several, volume_on
from dicom_series import uid_of, write_series

from vistaseg.dicom import (
    find_series,
    find_studies,
    measure,
    read_series,
    structured_report,
    write_derived_ct,
    write_seg,
)
from vistaseg.volume import Volume, read_volume


@pytest.fixture
def folder(tmp_path):
    """A scan of six slices, with a segmentation and a report of it, whose files come first by name."""
    place = tmp_path / "studies" / "patient"
    write_series(place, volume_on(AXIAL))
    series = read_series(place)
    export = write_seg(several(series), series, place / "0.dcm")
    (place / "00.dcm").write_bytes(structured_report(export, series, measure(export.segmentation, series.volume)))
    return place


def test_the_scan_keeps_its_number_and_the_segmentation_is_told_as_one(folder):
    scan, segmentation = find_series(folder)
    assert (scan.number, scan.modality, scan.images, scan.problem) == (1, "CT", 6, None)
    assert segmentation.modality == "SEG" and "derived from a scan" in (segmentation.problem or "")
    assert read_series(folder, "1").volume.modality == "CT"


def test_it_is_no_second_series_to_choose_from(folder):
    assert read_volume(folder).notes == ()
    (study,) = find_studies(folder.parent)
    assert (study.series, study.images, study.problem) == (uid_of("series", "series"), 6, None)


def test_a_folder_of_results_is_no_study(folder):
    results = folder.parent / "results"
    results.mkdir()
    (folder / "0.dcm").rename(results / "0.dcm")
    assert [study.folder.name for study in find_studies(folder.parent)] == ["patient"]


def test_a_ct_that_was_made_of_a_volume_does_not_take_the_place_of_the_scan(folder):
    larger = Volume.from_array(np.tile(volume_on(AXIAL).array, (2, 1, 1)), AXIAL, axes="kji", modality="CT")
    (folder / "derived").mkdir()
    write_derived_ct(larger, folder / "derived", study=next(folder.glob("*-series.dcm")))
    volume = read_volume(folder)
    assert volume.shape_ijk[2] == 6 and volume.notes == ()
    assert read_volume(folder / "derived").shape_ijk[2] == 12
