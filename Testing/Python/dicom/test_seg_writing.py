"""What is left out, resampled or refused; and that nothing half-written remains."""

from __future__ import annotations

import errno
import os

import numpy as np
import pydicom
import pytest
from dicom_segmentations import (
    AXIAL,
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
from dicom_series import write_as_it_is
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from vistaseg.dicom import Series, read_seg, write_seg
from vistaseg.dicom.seg_file import FrameSource
from vistaseg.errors import InputError, UsageError, VistaSegError
from vistaseg.segmentation import Segmentation
from vistaseg.volume import Volume, reorient


@pytest.fixture
def series():
    return series_of_kind("axial")


def test_empty_segments_are_left_out_by_name(series, tmp_path):
    nothing = segment_of("spleen", np.zeros((6, 9, 10)))
    meant = on(series, nothing, *several(series).segments[:2])
    export = write_seg(meant, series, tmp_path / "seg.dcm")
    assert [one.name for one in export.left_out] == ["spleen"] and any("spleen" in note for note in export.notes)
    assert [segment.name for segment in read_seg(tmp_path / "seg.dcm").segments] == ["liver", "left kidney"]


def test_nothing_but_empty_segments_is_refused(series, tmp_path):
    with pytest.raises(InputError, match="No segment has a voxel"):
        write_seg(on(series, segment_of("spleen", np.zeros((6, 9, 10)))), series, tmp_path / "seg.dcm")
    assert list(tmp_path.iterdir()) == []


def test_overlapping_segments_are_refused_in_a_label_map_by_name(series, tmp_path):
    with pytest.raises(UsageError, match="liver with left kidney"):
        write_seg(several(series), series, tmp_path / "seg.dcm", labelmap=True)
    assert list(tmp_path.iterdir()) == []


def test_the_same_voxels_in_another_order_are_no_resampling(series, tmp_path):
    mask = box((1, 4), (2, 6), (3, 7))
    turned = reorient(Volume.from_array(mask.astype(np.uint8), series.volume.ijk_to_ras, axes="kji"), "RAS")
    found = Segmentation.from_label_map(turned.array, turned.ijk_to_ras)
    export = write_seg(found, series, tmp_path / "seg.dcm")
    assert not any("resampled" in note for note in export.notes)
    (segment,) = read_seg(tmp_path / "seg.dcm", series).segments
    assert segment.mask.box.start == (3, 2, 1) and segment.voxel_count == mask.sum()


def test_another_grid_is_resampled_to_the_nearest_voxel_and_that_is_said(series, tmp_path):
    fine = AXIAL @ np.diag([0.5, 0.5, 0.5, 1])
    mask = np.zeros((12, 18, 20), dtype=bool)
    mask[4:8, 4:12, 6:14] = True
    found = Segmentation((20, 18, 12), fine, [segment_of("liver", mask)])
    export = write_seg(found, series, tmp_path / "seg.dcm")
    assert any("resampled" in note for note in export.notes)
    segment = read_seg(tmp_path / "seg.dcm", series).segments[0]
    assert np.array_equal(segment.mask.array, np.ones((2, 4, 4))) and segment.mask.box.start == (3, 2, 2)


def test_a_folder_that_cannot_be_written_is_said(series, tmp_path):
    with pytest.raises(UsageError, match="cannot be written"):
        write_seg(one_voxel(series), series, tmp_path / "none" / "seg.dcm")


def test_a_full_disk_leaves_what_was_there(series, tmp_path, monkeypatch):
    (tmp_path / "seg.dcm").write_bytes(b"before")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="[Nn]o room"):
        write_seg(one_voxel(series), series, tmp_path / "seg.dcm")
    assert [path.name for path in tmp_path.iterdir()] == ["seg.dcm"]
    assert (tmp_path / "seg.dcm").read_bytes() == b"before"


def test_a_file_that_does_not_read_back_the_same_is_not_kept(series, tmp_path, monkeypatch):
    truth = FrameSource.__getitem__
    monkeypatch.setattr(FrameSource, "__getitem__", lambda self, number: np.roll(truth(self, number), 1))
    with pytest.raises(VistaSegError, match="differs from what was to be exported .*liver"):
        write_seg(several(series), series, tmp_path / "seg.dcm")
    assert list(tmp_path.iterdir()) == []


def test_headers_that_lack_something_are_refused_by_the_attribute(tmp_path):
    series = series_on(volume_on(AXIAL))
    for image in series.datasets:
        del image.StudyInstanceUID
    with pytest.raises(InputError, match="StudyInstanceUID"):
        write_seg(one_voxel(series), series, tmp_path / "seg.dcm")
    assert list(tmp_path.iterdir()) == []


def test_a_segmentation_of_more_slices_than_there_are_is_refused(series, tmp_path):
    write_seg(several(series), series, tmp_path / "seg.dcm")
    volume = series.volume
    part = Series(Volume.from_array(volume.array[:4], volume.ijk_to_ras, axes="kji"), series.datasets[:4], ())
    with pytest.raises(InputError, match="left kidney.*whole series"):
        read_seg(tmp_path / "seg.dcm", part)


def test_what_reaches_beyond_the_series_is_cut_off_and_told(series, tmp_path):
    larger = Segmentation((10, 9, 9), AXIAL, [segment_of("liver", box((4, 9), (2, 6), (3, 7), shape_kji=(9, 9, 10)))])
    export = write_seg(larger, series, tmp_path / "seg.dcm")
    assert "liver: 48 of its 80 voxels lie outside the scan." in export.notes
    assert export.segmentation.segments[0].voxel_count == 2 * 4 * 4


def test_segments_that_lie_outside_the_series_are_not_called_empty(series, tmp_path):
    shape = (9, 9, 10)
    outside = segment_of("spleen", box((7, 9), (2, 6), (3, 7), shape_kji=shape))
    inside = segment_of("liver", box((1, 3), (2, 6), (3, 7), shape_kji=shape))
    nothing = segment_of("aorta", np.zeros(shape))
    export = write_seg(Segmentation((10, 9, 9), AXIAL, [outside, inside, nothing]), series, tmp_path / "seg.dcm")
    (empty,) = [note for note in export.notes if "empty" in note]
    left_out, lost = [note for note in export.notes if "spleen" in note]
    assert "aorta" in empty and "spleen" not in empty and "outside it" in left_out
    assert lost == "spleen: 32 of its 32 voxels lie outside the scan."
    assert [one.name for one in export.left_out] == ["spleen", "aorta"]


def spoiled(path, spoil):
    data = pydicom.dcmread(path)
    spoil(data)
    data.save_as(path)
    return path


def aside(data, frame):
    place = data.PerFrameFunctionalGroupsSequence[frame].PlanePositionSequence[0]
    place.ImagePositionPatient = [place.ImagePositionPatient[0] + 7, *place.ImagePositionPatient[1:]]


def renumber(data, number):
    group = data.PerFrameFunctionalGroupsSequence[0].SegmentIdentificationSequence[0]
    group.ReferencedSegmentNumber = number


def measures_of(data):
    return data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]


def turn(data, directions):
    data.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient = directions


def no_fraction(data):
    data.SegmentationType, data.MaximumFractionalValue = "FRACTIONAL", 0


def no_frames(data):
    del data.PerFrameFunctionalGroupsSequence
    data.NumberOfFrames, data.PixelData = 0, b""


def nameless(data):
    for group in data.PerFrameFunctionalGroupsSequence[:2]:
        del group.SegmentIdentificationSequence


BAD = {
    "no frames": (no_frames, "has no frames"),
    "frames of no segment": (nameless, r"2 of its \d+ frames name no segment \(ReferencedSegmentNumber\)"),
    "rows in a list": (lambda data: setattr(data, "Rows", [9, 9]), r"no usable Rows \(0028,0010\)"),
    "a segment without a number": (
        lambda data: setattr(data.SegmentSequence[1], "SegmentNumber", None),
        "SegmentNumber",
    ),
    "frames in letters": (lambda data: write_as_it_is(data, "NumberOfFrames", b"abc ", "IS"), "NumberOfFrames"),
    "no positions": (lambda data: delattr(data.PerFrameFunctionalGroupsSequence[0], "PlanePositionSequence"), "place"),
    "fewer groups than frames": (lambda data: setattr(data, "NumberOfFrames", 1), "functional groups for"),
    "cut off": (lambda data: setattr(data, "PixelData", data.PixelData[:10]), "cut off"),
    "no segments": (lambda data: delattr(data, "SegmentSequence"), r"\(SegmentSequence\)"),
    "no pixels": (lambda data: delattr(data, "PixelData"), r"\(PixelData\)"),
    "fewer rows than stored": (lambda data: setattr(data, "Rows", 5), "frames of 5 rows and 10 columns"),
    "the first frame aside": (lambda data: aside(data, 0), "sideways"),
    "a middle frame aside": (lambda data: aside(data, 3), "sideways"),
    "an unknown segment": (lambda data: renumber(data, 9), "does not describe .number 9"),
    "mirrored pixels": (lambda data: setattr(measures_of(data), "PixelSpacing", [-0.7, 0.7]), "PixelSpacing"),
    "pixels without a size": (lambda data: setattr(measures_of(data), "PixelSpacing", [0, 0]), "PixelSpacing"),
    "no directions": (lambda data: turn(data, [0, 0, 0, 0, 0, 0]), "ImageOrientationPatient"),
    "no fraction": (no_fraction, "MaximumFractionalValue"),
}


@pytest.mark.parametrize(("spoil", "told"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused_with_the_reason(spoil, told, series, tmp_path):
    write_seg(several(series), series, tmp_path / "seg.dcm")
    with pytest.raises(InputError, match=f"seg.dcm.*{told}"):
        read_seg(spoiled(tmp_path / "seg.dcm", spoil), series)


def without_references(data):
    for group in data.PerFrameFunctionalGroupsSequence:
        del group.DerivationImageSequence


def test_two_frames_of_which_one_lies_aside_are_refused(series, tmp_path):
    write_seg(on(series, segment_of("liver", box((1, 3), (2, 6), (3, 7)))), series, tmp_path / "seg.dcm")
    with pytest.raises(InputError, match="sheared against each other by 7.0 mm"):
        read_seg(spoiled(spoiled(tmp_path / "seg.dcm", without_references), lambda data: aside(data, 0)), series)


def test_a_truncated_file_is_refused(series, tmp_path):
    write_seg(several(series), series, tmp_path / "seg.dcm")
    whole = (tmp_path / "seg.dcm").read_bytes()
    (tmp_path / "seg.dcm").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"):
        read_seg(tmp_path / "seg.dcm", series)


def test_a_segmentation_of_other_images_is_refused(series, tmp_path):
    write_seg(several(series), series, tmp_path / "seg.dcm")
    other = series_on(volume_on(AXIAL), SeriesInstanceUID="1.2.3")
    for number, image in enumerate(other.datasets):
        image.SOPInstanceUID = f"1.2.3.{number}"
    with pytest.raises(InputError, match="other images than the series 1.2.3"):
        read_seg(tmp_path / "seg.dcm", other)


def test_a_segmentation_in_another_frame_of_reference_is_refused(series, tmp_path):
    write_seg(several(series), series, tmp_path / "seg.dcm")
    moved = series_on(volume_on(AXIAL), FrameOfReferenceUID="1.2.3")
    with pytest.raises(InputError, match="another frame of reference"):
        read_seg(tmp_path / "seg.dcm", moved)


def test_a_ct_is_no_segmentation(series, tmp_path):
    series.datasets[0].save_as(tmp_path / "ct.dcm", enforce_file_format=True)
    with pytest.raises(InputError, match="not a DICOM segmentation: its modality is CT"):
        read_seg(tmp_path / "ct.dcm", series)


@pytest.mark.parametrize("labelmap", [False, True])
@pytest.mark.parametrize("deflate", [False, True])
def test_the_size_is_told_before_the_file_is_written_and_is_that_of_the_plain_file(series, tmp_path, labelmap, deflate):
    meant = on(series, segment_of("liver", box((1, 4), (2, 6), (3, 7))))
    told = []

    def announce(size):
        told.append((size, (tmp_path / "seg.dcm").exists()))

    write_seg(meant, series, tmp_path / "seg.dcm", labelmap=labelmap, deflate=deflate, announce=announce)
    ((size, was_there),) = told
    written = (tmp_path / "seg.dcm").stat().st_size
    assert not was_there and (written < size if deflate else written == size)


@pytest.mark.parametrize(
    ("deflate", "syntax"), [(False, ExplicitVRLittleEndian), (True, DeflatedExplicitVRLittleEndian)]
)
def test_plain_and_deflated_files_hold_the_same(series, tmp_path, deflate, syntax):
    write_seg(several(series), series, tmp_path / "seg.dcm", deflate=deflate)
    assert pydicom.dcmread(tmp_path / "seg.dcm").file_meta.TransferSyntaxUID == syntax
    found = read_seg(tmp_path / "seg.dcm", series)
    assert same_masks(found, several(series))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ([0, 32768, 32768], (0, 0, 0)),
        ([65535, 32768, 32768], (255, 255, 255)),
        ([0, 0, 0], None),
        ([65535, 65535, 0], None),
    ],
)
def test_a_colour_that_no_screen_can_show_is_clipped(series, tmp_path, written, shown):
    write_seg(one_voxel(series), series, tmp_path / "seg.dcm")
    spoiled(
        tmp_path / "seg.dcm",
        lambda data: setattr(data.SegmentSequence[0], "RecommendedDisplayCIELabValue", written),
    )
    (segment,) = read_seg(tmp_path / "seg.dcm", series).segments
    assert all(0 <= part <= 255 for part in segment.color)
    assert shown is None or np.abs(np.subtract(segment.color, shown)).max() <= 1
    write_seg(on(series, segment), series, tmp_path / "again.dcm")


def test_a_colour_that_cannot_be_read_gives_way_to_one_of_its_own(series, tmp_path):
    write_seg(one_voxel(series), series, tmp_path / "seg.dcm")
    spoiled(
        tmp_path / "seg.dcm",
        lambda data: setattr(data.SegmentSequence[0], "RecommendedDisplayCIELabValue", [1, 2]),
    )
    assert len(read_seg(tmp_path / "seg.dcm", series).segments[0].color) == 3


def test_volumes_that_the_voxels_of_the_series_change_are_told(series, tmp_path):
    """A plate a quarter of a voxel thick becomes a whole voxel thick, or vanishes."""
    affine = AXIAL @ np.diag([1, 0.25, 1, 1])
    on, off = (segment_of(name, box((1, 3), (at, at + 1), (3, 7), shape_kji=(6, 36, 10))) for name, at in
               (("liver", 12), ("spleen", 14)))  # fmt: skip
    whole = segment_of("aorta", box((1, 3), (18, 22), (3, 7), shape_kji=(6, 36, 10)))
    export = write_seg(Segmentation((10, 36, 6), affine, [on, off, whole]), series, tmp_path / "seg.dcm")
    voxel = abs(float(np.linalg.det(AXIAL[:3, :3]))) / 1000
    told = [note for note in export.notes if "as drawn" in note]
    assert told == [
        f"liver: {2 * voxel:.2f} ml as drawn, {8 * voxel:.2f} ml on the voxels of the scan.",
        f"spleen: {2 * voxel:.2f} ml as drawn, 0.00 ml on the voxels of the scan.",
    ]
