"""A real CT, as received: 20 slices whose UIDs are blank in the data set, compressed, thicker than they are apart."""

from __future__ import annotations

import pytest
from dicom_segmentations import AUTOMATIC, same_masks

from vistaseg.dicom import check_seg, csv_bytes, measure, read_seg, read_series, write_seg
from vistaseg.segmentation import read_segmentation


@pytest.mark.parametrize("labelmap", [False, True])
def test_labels_of_another_orientation_become_a_valid_segmentation(labelmap, shared_data, tmp_path):
    series = read_series(shared_data("totalsegmentator/example_ct_dicom"))
    labels = read_segmentation(shared_data("totalsegmentator/example_seg_dicom.nii.gz"))
    for segment in labels.segments:
        segment.provenance = AUTOMATIC
    export = write_seg(labels, series, tmp_path / "seg.dcm", labelmap=labelmap, deflate=True)
    assert [finding for finding in check_seg(tmp_path / "seg.dcm") if finding.level == "error"] == []
    assert same_masks(read_seg(tmp_path / "seg.dcm", series), export.segmentation)
    assert len(csv_bytes(measure(export.segmentation, series.volume)).splitlines()) == len(labels.segments) + 1
    assert (tmp_path / "seg.dcm").stat().st_size < 200_000
