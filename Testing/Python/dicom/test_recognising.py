"""What is DICOM is read, with or without its mark; what is not is named and left out."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from dicom_segmentations import AXIAL, same_masks, several, volume_on
from dicom_series import enhanced_ct, write_series
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import ImplicitVRLittleEndian

from vistaseg.dicom import find_series, list_series, read_seg, read_series, write_seg
from vistaseg.errors import InputError
from vistaseg.volume import read_volume


def without_preamble(path) -> None:
    path.write_bytes(path.read_bytes()[132:])


def without_meta(path) -> None:
    """Only the data set, as ACR-NEMA files and some archives have it."""
    whole = path.read_bytes()
    path.write_bytes(whole[144 + struct.unpack_from("<I", whole, 140)[0] :])


def implicit_without_meta(path) -> None:
    image = dcmread(path)
    image.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    image.save_as(path, implicit_vr=True, little_endian=True, enforce_file_format=True)
    without_meta(path)


RAW = [without_preamble, without_meta, implicit_without_meta]


@pytest.mark.parametrize("strip", RAW)
def test_a_series_without_the_mark_is_read(strip, tmp_path, scan):
    for path in write_series(tmp_path, scan):
        strip(path)
    series = read_series(tmp_path)
    assert np.array_equal(series.volume.array, scan.array) and series.volume.notes == ()
    assert find_series(tmp_path)[0].problem is None
    assert np.array_equal(read_volume(series.files[0]).array, scan.array)


@pytest.mark.parametrize("strip", RAW)
def test_an_enhanced_image_and_a_segmentation_without_the_mark_are_read(strip, tmp_path):
    enhanced_ct(volume_on(AXIAL), [5, 4, 3, 2, 1, 0]).save_as(tmp_path / "e.dcm", enforce_file_format=True)
    series = read_series(tmp_path)
    write_seg(several(series), series, tmp_path / "seg")
    image = dcmread(tmp_path / "seg")
    image.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    image.save_as(tmp_path / "seg")
    for name in ("e.dcm", "seg"):
        strip(tmp_path / name)
    stripped = read_series(tmp_path)
    assert np.array_equal(stripped.volume.array, series.volume.array)
    assert same_masks(read_seg(tmp_path / "seg", stripped), several(series))


def test_what_is_left_out_is_counted_and_named(tmp_path, scan):
    paths = write_series(tmp_path, scan)
    paths[0].write_bytes(b"nothing of a slice " * 40)
    (tmp_path / "README.txt").write_text("of the archive")
    (tmp_path / "noise").write_bytes(np.random.default_rng(0).bytes(4000))
    (tmp_path / ".index").write_text("hidden")
    notes = read_volume(tmp_path).notes
    assert notes == list_series(tmp_path).notes
    assert f"slices may be missing: {paths[0].name}" in notes[0]
    assert notes[1] == "Files that are not DICOM were left out (2): README.txt, noise."
    assert read_volume(paths[1]).notes == notes[:1]


def test_a_folder_of_other_files_holds_no_images(tmp_path):
    (tmp_path / "README.txt").write_text("of the archive")
    with pytest.raises(InputError, match="no DICOM images"):
        read_volume(tmp_path)


@given(
    start=st.sampled_from([b"", b"\x08\x00\x05\x00CS\x0a\x00", b"\x08\x00\x00\x00\x04\x00\x00\x00"]), noise=st.binary()
)
def test_what_only_begins_like_a_data_set_is_left_out_or_refused(start, noise, tmp_path_factory):
    folder = tmp_path_factory.mktemp("noise")
    (folder / "file").write_bytes(start + noise + bytes(200))
    with pytest.raises(InputError):
        read_volume(folder)
