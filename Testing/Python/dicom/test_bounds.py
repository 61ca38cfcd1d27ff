"""Headers that promise more than their files hold, and deflated files that grow: bounded before memory is taken."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from dicom_segmentations import series_of_kind, several
from dicom_series import ct_images, enhanced_ct, uid_of, write_as_it_is, write_series
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian

from vistaseg.dicom import check_seg, find_series, list_series, read_seg, read_series, write_seg
from vistaseg.errors import InputError
from vistaseg.volume import read_volume
from vistaseg.volume.dicom import bounds, inflating

IMPLAUSIBLE = [b"1000000 ", b"2147483647", b"99999999999999999999", b"abc ", b"3\\4 ", b"-5", b"1.5 "]


@pytest.mark.parametrize("told", IMPLAUSIBLE)
def test_a_number_of_frames_that_the_file_cannot_hold_is_left_out_and_the_others_are_read(tmp_path, scan, told):
    write_series(tmp_path, scan)
    extra = ct_images(scan)[0]
    extra.SOPInstanceUID = extra.file_meta.MediaStorageSOPInstanceUID = uid_of("extra")
    write_as_it_is(extra, "NumberOfFrames", told, "IS")
    extra.save_as(tmp_path / "extra.dcm", enforce_file_format=True)
    start = time.perf_counter()
    volume = read_volume(tmp_path)
    assert time.perf_counter() - start < 5
    assert np.array_equal(volume.array, scan.array)
    (note,) = volume.notes
    assert "extra.dcm" in note and "cannot be right" in note
    assert any("extra.dcm" in note for note in list_series(tmp_path).notes)


@pytest.mark.parametrize("told", IMPLAUSIBLE)
def test_one_file_with_a_number_of_frames_that_it_cannot_hold_is_refused_at_once(tmp_path, scan, told):
    image = ct_images(scan)[0]
    write_as_it_is(image, "NumberOfFrames", told, "IS")
    image.save_as(tmp_path / "one.dcm", enforce_file_format=True)
    for place in (tmp_path, tmp_path / "one.dcm"):
        with pytest.raises(InputError, match="header of one.dcm cannot be right: it"):
            read_volume(place)


def test_frames_that_are_not_described_are_refused_by_their_numbers(tmp_path, scan):
    image = enhanced_ct(scan)
    del image.PerFrameFunctionalGroupsSequence[-1]
    image.save_as(tmp_path / "e.dcm", enforce_file_format=True)
    with pytest.raises(InputError, match="it tells 6 frames and describes 5"):
        read_volume(tmp_path)


def test_a_slice_larger_than_its_file_takes_no_memory(tmp_path, scan):
    def vast(image, _):
        image.Rows = image.Columns = 65535

    write_series(tmp_path, scan, change=vast)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="cannot be decoded: the file is damaged or cut off"):
            read_volume(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def deflated(image, more: bytes = b"", before_pixels: bytes = b"") -> bytes:
    """An image in Deflated Explicit VR Little Endian.

    Args:
        more: bytes of pixels that follow those of the image.
        before_pixels: elements of the private group 0x0009.
    """
    meta = image.file_meta
    meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    pixels, buffer, head = image.PixelData + more, DicomBytesIO(), DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    head.is_little_endian, head.is_implicit_VR = True, False
    del image.PixelData
    write_dataset(buffer, image)
    write_file_meta_info(head, meta)
    content = buffer.getvalue()
    cut = content.index(struct.pack("<HH", 0x0010, 0x0010)) if before_pixels else len(content)
    content = content[:cut] + before_pixels + content[cut:]
    content += struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, len(pixels)) + pixels
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return bytes(128) + b"DICM" + head.getvalue() + packer.compress(content) + packer.flush()


def promised(scan):
    """Honest about its size, which no CT of that many bytes has."""
    image = ct_images(scan)[0]
    image.Rows = image.Columns = 5000
    image.PixelData = bytes(2 * 5000 * 5000)
    return deflated(image)


def unpromised(scan):
    return deflated(ct_images(scan)[0], more=bytes(50_000_000))


def in_the_header(scan):
    private = struct.pack("<HH2sHI", 0x0009, 0x1010, b"OB", 0, 50_000_000) + bytes(50_000_000)
    return deflated(ct_images(scan)[0], before_pixels=private)


BOMBS = {"promised": promised, "not promised": unpromised, "in the header": in_the_header}


@pytest.fixture
def small_limits(monkeypatch):
    """Fifty megabytes are as much too much here as gigabytes are otherwise."""
    monkeypatch.setattr(bounds, "_SURE_BYTES", 2**20)
    monkeypatch.setattr(inflating, "MOST_HEADER_BYTES", 2**20)


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS.keys())
@pytest.mark.parametrize("read", [read_volume, find_series])
def test_a_deflated_file_that_grows_beyond_measure_takes_no_memory(tmp_path, scan, make, read):
    (tmp_path / "bomb.dcm").write_bytes(make(scan))
    assert (tmp_path / "bomb.dcm").stat().st_size < 100_000
    tracemalloc.start()
    try:
        if read is read_volume or make is not unpromised:
            with pytest.raises(InputError, match=r"bomb\.dcm|single slice"):
                read(tmp_path)
        else:
            assert len(read(tmp_path)) == 1  # the header alone says nothing of it
        assert tracemalloc.get_traced_memory()[1] < 15e6
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("make", [promised, in_the_header])
def test_the_other_files_beside_one_that_grows_beyond_measure_are_read(tmp_path, scan, make):
    write_series(tmp_path, scan)
    (tmp_path / "bomb.dcm").write_bytes(make(scan))
    volume = read_volume(tmp_path)
    assert np.array_equal(volume.array, scan.array) and "bomb.dcm" in volume.notes[0]


@pytest.mark.usefixtures("small_limits")
def test_a_slice_with_more_pixels_than_promised_is_refused(tmp_path, scan):
    paths = write_series(tmp_path, scan)
    paths[2].write_bytes(deflated(dcmread(paths[2]), more=bytes(50_000_000)))
    with pytest.raises(InputError, match=f"pixels of {paths[2].name} cannot be decoded"):
        read_volume(tmp_path)


@pytest.mark.parametrize("preamble", [True, False])
def test_a_deflated_series_is_read_with_all_of_its_header(tmp_path, scan, preamble):
    for path in write_series(tmp_path, scan):
        path.write_bytes(deflated(dcmread(path))[0 if preamble else 132 :])
    series = read_series(tmp_path)
    assert np.array_equal(series.volume.array, scan.array)
    assert {header.file_meta.TransferSyntaxUID for header in series.datasets} == {DeflatedExplicitVRLittleEndian}
    assert [header.SOPInstanceUID for header in series.datasets] == [uid_of("series", k) for k in range(6)]


@pytest.mark.parametrize("padding", [1, 20_000_000])
def test_a_deflated_segmentation_with_zeros_after_the_stream_is_read(tmp_path, padding):
    """Orthanc stores it so after DIMSE."""
    series = series_of_kind("axial")
    meant = several(series)
    write_seg(meant, series, tmp_path / "seg.dcm", deflate=True)
    with (tmp_path / "seg.dcm").open("ab") as file:
        file.write(bytes(padding))
    found = read_seg(tmp_path / "seg.dcm", series)
    assert [one.voxel_count for one in found.segments] == [one.voxel_count for one in meant.segments]
    assert [finding for finding in check_seg(tmp_path / "seg.dcm") if finding.level == "error"] == []


def test_inflating_reads_in_any_order(tmp_path):
    content = np.random.default_rng(0).integers(0, 256, 300_000).astype(np.uint8).tobytes()
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    stream = inflating._Inflated(io.BytesIO(packer.compress(content) + packer.flush()), b"start", 10**6)
    assert stream.read(7) == b"start" + content[:2]
    assert stream.seek(200_005) == 200_005 and stream.read(3) == content[200_000:200_003]
    assert stream.seek(5) == 5 and stream.read(4) == content[:4]
    assert stream.seek(-2, 2) == 300_003 and stream.read() == content[-2:] and stream.tell() == 300_005
