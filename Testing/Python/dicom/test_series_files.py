"""Files as they come: compressed, cut off, damaged, with blank or missing attributes."""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest
from dicom_series import enhanced_ct, uid_of, write_series
from pydicom import dcmread, dcmwrite
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from vistaseg.dicom import find_series, read_series
from vistaseg.dicom.mending import TYPE_2
from vistaseg.errors import InputError
from vistaseg.volume import Volume, read_volume


def rewritten(paths, syntax) -> None:
    """Write images again in another transfer syntax."""
    for path in paths:
        image = dcmread(path)
        if syntax in (JPEG2000Lossless, JPEGLSLossless, RLELossless):
            image.compress(syntax, generate_instance_uid=False)
        elif syntax == ExplicitVRBigEndian:
            image.PixelData = np.frombuffer(image.PixelData, "<u2").astype(">u2").tobytes()
        image.file_meta.TransferSyntaxUID = syntax
        little, implicit = syntax != ExplicitVRBigEndian, syntax == ImplicitVRLittleEndian
        encoding = {} if syntax.is_encapsulated else {"implicit_vr": implicit, "little_endian": little}
        dcmwrite(path, image, enforce_file_format=True, **encoding)


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, JPEG2000Lossless, RLELossless,
     JPEGLSLossless],
    ids=lambda syntax: syntax.keyword,
)  # fmt: skip
def test_every_transfer_syntax_gives_the_same_values(tmp_path, scan, syntax):
    if syntax == JPEGLSLossless:
        pytest.importorskip("jpeg_ls", reason="pyjpegls is not installed")
    large = Volume.from_array(np.tile(scan.array, (1, 8, 8)), scan.ijk_to_ras, axes="kji")  # JPEG 2000 wants some room
    rewritten(write_series(tmp_path, large), syntax)
    assert np.array_equal(read_volume(tmp_path).array, large.array)
    assert len(read_series(tmp_path).datasets) == 6


@pytest.mark.parametrize("syntax", [DeflatedExplicitVRLittleEndian, RLELossless], ids=lambda syntax: syntax.keyword)
def test_frames_are_decoded_in_every_transfer_syntax(tmp_path, scan, syntax):
    enhanced_ct(scan, [5, 4, 3, 2, 1, 0]).save_as(tmp_path / "e.dcm", enforce_file_format=True)
    rewritten([tmp_path / "e.dcm"], syntax)
    assert np.array_equal(read_volume(tmp_path).array, scan.array)


def test_a_video_is_refused(tmp_path, scan):
    def video(image, _):
        image.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
        image["PixelData"].VR, image["PixelData"].is_undefined_length = "OB", True
        image.PixelData = b"\xfe\xff\x00\xe0\x00\x00\x00\x00\xfe\xff\x00\xe0\x04\x00\x00\x00film"

    write_series(tmp_path, scan, change=video)
    with pytest.raises(InputError, match="compressed as MPEG-4.*, which cannot be read"):
        read_volume(tmp_path)


def test_a_private_transfer_syntax_is_refused_by_name(tmp_path, scan):
    for path in write_series(tmp_path, scan):
        path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.113619.5.2\0\0", 1))
    with pytest.raises(InputError, match="stored in the private transfer syntax 1.2.840.113619.5.2"):
        read_volume(tmp_path)


def test_a_file_cut_off_in_its_pixels_is_named(tmp_path, scan):
    path = write_series(tmp_path, scan)[3]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=f"pixels of {path.name} cannot be decoded: the file is damaged or cut off"):
        read_volume(tmp_path)


def test_a_file_cut_off_in_its_header_is_told(tmp_path, scan):
    path = write_series(tmp_path, scan)[-1]
    path.write_bytes(path.read_bytes()[:700])
    volume = read_volume(tmp_path)
    assert volume.shape_ijk[2] == 5
    assert f"slices may be missing: {path.name}" in volume.notes[0]
    with pytest.raises(InputError, match="its header breaks off"):
        read_volume(path)


def test_a_header_without_pixels_is_named(tmp_path, scan):
    def emptied(image, k):
        if k == 2:
            del image.PixelData

    path = write_series(tmp_path, scan, change=emptied)[2]
    with pytest.raises(InputError, match=f"{path.name} has a header but no pixels"):
        read_volume(tmp_path)


def test_blank_uids_are_taken_from_the_file_meta_information_or_made_the_same_each_time(tmp_path, scan):
    def blank(image, _):
        image.SOPClassUID = image.SOPInstanceUID = image.SeriesInstanceUID = image.StudyInstanceUID = ""
        del image.FrameOfReferenceUID

    write_series(tmp_path, scan, change=blank)
    one, other = read_series(tmp_path), read_series(tmp_path)
    assert [header.SOPInstanceUID for header in one.datasets] == [uid_of("series", k) for k in range(6)]
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        assert len({header[keyword].value for series in (one, other) for header in series.datasets}) == 1
        assert one.datasets[0][keyword].value
    assert [sentence.split()[0] for sentence in one.mended] == [
        "SOPClassUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID",
    ]  # fmt: skip


def test_instances_of_the_same_id_get_one_of_their_own(tmp_path, scan):
    def same(image, _):
        image.SOPInstanceUID = "1.2.3"

    write_series(tmp_path, scan, change=same)
    series = read_series(tmp_path)
    assert len({header.SOPInstanceUID for header in series.datasets}) == 6
    assert "6 images have no SOPInstanceUID of their own" in series.mended[0]


def test_attributes_that_must_be_there_are_added_empty(tmp_path, scan):
    def forget(image, _):
        for keyword in TYPE_2:
            if keyword in image:
                del image[keyword]

    write_series(tmp_path, scan, change=forget)
    series = read_series(tmp_path)
    assert all(keyword in header and not header[keyword].value for header in series.datasets for keyword in TYPE_2)
    assert "PatientID" in series.mended[-1]


def test_a_sound_series_needs_no_mending(tmp_path, scan):
    write_series(tmp_path, scan)
    assert read_series(tmp_path).mended == ()


def test_a_real_series_with_blank_uids_is_mended(shared_data):
    pytest.importorskip("openjpeg")
    series = read_series(shared_data("totalsegmentator/example_ct_dicom"))
    assert all(header.SOPInstanceUID in file.name for header, file in zip(series.datasets, series.files, strict=True))
    assert series.volume.shape_ijk == (512, 512, 20) and len(series.mended) == 3


def test_whatever_is_damaged_is_read_or_refused(tmp_path, scan):
    """Bytes changed by chance: an answer or a refusal, and no word of pydicom's that quotes the header."""
    paths = [write_series(tmp_path / "single", scan)[1], tmp_path / "enhanced" / "e.dcm"]
    paths[1].parent.mkdir()
    enhanced_ct(scan).save_as(paths[1], enforce_file_format=True)
    chance = random.Random(1)
    for turn in range(120):
        path = paths[turn % 2]
        whole = path.read_bytes()
        path.write_bytes(damaged(whole, chance))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for read in (find_series, read_series):
                try:
                    read(path.parent)
                except InputError as refusal:
                    assert str(refusal)
        path.write_bytes(whole)


def damaged(whole: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.3:
        return whole[: chance.randrange(132, len(whole))]
    changed = bytearray(whole)
    for _ in range(chance.choice([1, 3, 10])):
        changed[chance.randrange(132, min(len(changed), 2200))] = chance.randrange(256)
    return bytes(changed)
