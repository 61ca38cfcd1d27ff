from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate as encapsulated
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    generate_uid,
)

from vistaseg.errors import InputError
from vistaseg.volume import check_ct, read_volume

OBLIQUE = [0.0, 1.0, 0.0, -0.6, 0.0, 0.8]
COUNT = 6
Change = Callable[[Any, int], None]


class SharedData(Protocol):
    def __call__(self, relative_path: str) -> Path: ...


def stored(index: int) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 3000, (8, 9)).astype(np.uint16)


def slice_of_series(index: int, series: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    image.SeriesInstanceUID, image.Modality, image.SeriesDescription = series, "CT", "Thorax"
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.Rows, image.Columns = 8, 9
    image.PixelSpacing, image.SliceThickness = [0.7, 0.9], 2.5
    image.ImageOrientationPatient = OBLIQUE
    image.ImagePositionPatient = [round(float(value), 6) for value in position(index)]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.RescaleSlope, image.RescaleIntercept = 1, -1024
    image.PixelData = stored(index).tobytes()
    return image


def position(index: float) -> np.ndarray:
    normal = np.cross(OBLIQUE[:3], OBLIQUE[3:])
    return np.asarray([10.0, -20.0, 30.0]) + 2.0 * index * normal


def write_series(folder: Path, change: Change | None = None, count: int = COUNT, series: str = "1.2.3") -> Path:
    """A series in files whose names are in no order; `change` may alter each image before it is written."""
    folder.mkdir(exist_ok=True)
    for index in range(count):
        image = slice_of_series(index, series)
        if change is not None:
            change(image, index)
        image.save_as(folder / f"{(index * 7) % 10}-{series}.dcm", enforce_file_format=True)
    return folder


def test_a_series_is_read_in_order_of_position_and_rescaled(tmp_path: Path) -> None:
    volume = read_volume(write_series(tmp_path))
    assert volume.array.dtype == np.int16
    assert np.array_equal(volume.array, np.stack([stored(index) for index in range(COUNT)]).astype(int) - 1024)
    assert (volume.modality, volume.name, volume.notes) == ("CT", "Thorax", ())


def test_every_voxel_lies_where_its_slice_says(tmp_path: Path) -> None:
    volume = read_volume(write_series(tmp_path))
    along_row, down_column = np.array(OBLIQUE[:3]), np.array(OBLIQUE[3:])
    lps = position(4) + 3 * 0.9 * along_row + 5 * 0.7 * down_column
    assert np.abs(volume.index_to_ras([[3, 5, 4]])[0] - lps * [-1, -1, 1]).max() < 1e-5
    assert np.allclose(volume.spacing, (0.9, 0.7, 2.0))


def test_one_file_stands_for_its_series(tmp_path: Path) -> None:
    write_series(tmp_path, count=3, series="1.2.3")
    write_series(tmp_path, count=5, series="4.5.6")
    assert read_volume(tmp_path / "0-1.2.3.dcm").shape_ijk == (9, 8, 3)


def test_the_largest_ct_series_of_a_folder_is_read_and_the_rest_is_mentioned(tmp_path: Path) -> None:
    write_series(tmp_path / "small", count=3, series="1.2.3")
    write_series(tmp_path / "large", count=5, series="4.5.6")
    write_series(tmp_path / "other", lambda image, _: setattr(image, "Modality", "MR"), series="7.8.9")
    volume = read_volume(tmp_path)
    assert (volume.shape_ijk[2], volume.modality) == (5, "CT")
    assert "3 series; the largest one (Thorax, 5 images)" in volume.notes[0]


def test_an_mr_series_is_read_as_such_and_refused_as_a_ct(tmp_path: Path) -> None:
    volume = read_volume(write_series(tmp_path, lambda image, _: setattr(image, "Modality", "MR")))
    with pytest.raises(InputError, match="modality MR"):
        check_ct(volume)


def test_rescaling_is_that_of_each_slice(tmp_path: Path) -> None:
    def rescale(image: Any, index: int) -> None:
        image.RescaleSlope, image.RescaleIntercept = 1 + index / 2, -1000 - index

    volume = read_volume(write_series(tmp_path, rescale))
    expected = [stored(index) * (1 + index / 2) - 1000 - index for index in range(COUNT)]
    assert volume.array.dtype == np.float32
    assert np.allclose(volume.array, expected)


def test_values_beyond_16_bits_do_not_wrap_around(tmp_path: Path) -> None:
    volume = read_volume(write_series(tmp_path, lambda image, _: setattr(image, "RescaleSlope", 20)))
    assert np.array_equal(volume.array, np.stack([stored(i) for i in range(COUNT)]).astype(int) * 20 - 1024)


def test_a_localizer_within_the_series_is_left_out(tmp_path: Path) -> None:
    def first_is_localizer(image: Any, index: int) -> None:
        if index == 0:
            image.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
            image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]

    assert read_volume(write_series(tmp_path, first_is_localizer)).shape_ijk[2] == COUNT - 1


def test_files_that_are_no_dicom_do_not_disturb(tmp_path: Path) -> None:
    write_series(tmp_path)
    (tmp_path / "DICOMDIR.txt").write_text("index")
    (tmp_path / "thumb.png").write_bytes(b"\x89PNG")
    assert read_volume(tmp_path).shape_ijk[2] == COUNT


def test_an_empty_file_of_a_series_is_named(tmp_path: Path) -> None:
    (write_series(tmp_path) / "lost.dcm").write_bytes(b"")
    assert any("damaged" in note and "lost.dcm" in note for note in read_volume(tmp_path).notes)


def test_blank_uids_in_the_data_set_are_tolerated(tmp_path: Path) -> None:
    def blank(image: Any, _: int) -> None:
        image.SOPInstanceUID = image.SeriesInstanceUID = ""

    assert read_volume(write_series(tmp_path, blank, series="9")).shape_ijk == (9, 8, COUNT)


def missing(image: Any, index: int) -> None:
    image.ImagePositionPatient = position(index + (index > 2)).tolist()


def uneven(image: Any, index: int) -> None:
    image.ImagePositionPatient = position(index + 0.3 * (index > 2)).tolist()


def doubled(image: Any, index: int) -> None:
    image.ImagePositionPatient = position(index - (index > 2)).tolist()


def tilted(image: Any, index: int) -> None:
    image.ImagePositionPatient = (position(index) + index * 0.5 * np.array(OBLIQUE[3:])).tolist()


def aside(image: Any, index: int) -> None:
    image.ImagePositionPatient = (position(index) + 5 * (index in (2, 3)) * np.array(OBLIQUE[:3])).tolist()


def mixed(image: Any, index: int) -> None:
    if index == 3:
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]


def resized(image: Any, index: int) -> None:
    if index == 3:
        image.PixelSpacing = [0.5, 0.5]


def unplaced(image: Any, index: int) -> None:
    if index == 3:
        del image.ImagePositionPatient


def half_spaced(image: Any, index: int) -> None:
    if index == 3:
        image.PixelSpacing = 0.5


def enhanced(image: Any, _: int) -> None:
    image.NumberOfFrames = 2


def coloured(image: Any, _: int) -> None:
    image.SamplesPerPixel = 3


def shortened(image: Any, index: int) -> None:
    if index == 3:
        image.PixelData = image.PixelData[:20]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (missing, "Slices are missing: 4.00 mm between .* elsewhere 2.00 mm"),
        (uneven, "slice distance is uneven"),
        (doubled, "1 slices lie at the same position"),
        (tilted, "gantry tilt"),
        (aside, "Slices lie up to 5.0 mm sideways of the others: 4-1.2.3.dcm, 1-1.2.3.dcm"),
        (mixed, "Slices are missing.* The series is mixed.* left out: axial 9 x 8 of 0.9 mm \\(1 image\\)"),
        (resized, "Slices are missing.* left out: sagittal 9 x 8 of 0.5 mm"),
        (unplaced, "no usable ImagePositionPatient"),
        (half_spaced, "no usable PixelSpacing"),
        (enhanced, "does not say where each frame lies"),
        (coloured, "in colour"),
        (shortened, "cannot be decoded"),
    ],
)
def test_a_series_that_makes_no_regular_volume_is_refused_by_name(tmp_path: Path, change: Change, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_volume(write_series(tmp_path, change))


def test_small_differences_of_the_distance_that_add_up_are_refused(tmp_path: Path) -> None:
    def drifting(image: Any, index: int) -> None:
        image.ImagePositionPatient = position(0.96 * index + 0.08 * max(index - 5, 0)).tolist()

    with pytest.raises(InputError, match="uneven: 5-1.2.3.dcm lies 0.36 mm from"):
        read_volume(write_series(tmp_path, drifting, count=10))


def test_positions_rounded_to_a_tenth_of_a_millimetre_are_accepted(tmp_path: Path) -> None:
    def rounded(image: Any, index: int) -> None:
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.ImagePositionPatient = [0, 0, round(1.25 * index, 1)]

    assert read_volume(write_series(tmp_path, rounded)).spacing[2] == pytest.approx(1.25, abs=0.02)


def test_one_slice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="single slice"):
        read_volume(write_series(tmp_path, count=1))


def test_a_dicom_file_without_an_image_is_refused(tmp_path: Path) -> None:
    def without_image(image: Any, _: int) -> None:
        del image.Rows, image.Columns, image.PixelData

    with pytest.raises(InputError, match="No image can be read here"):
        read_volume(write_series(tmp_path, without_image))
    write_series(tmp_path, series="4.5.6")
    with pytest.raises(InputError, match="header breaks off"):
        read_volume(tmp_path / "0-1.2.3.dcm")


def test_a_real_series_in_jpeg_2000_with_blank_uids_is_read(shared_data: SharedData) -> None:
    pytest.importorskip("openjpeg")
    folder = shared_data("totalsegmentator/example_ct_dicom")
    volume = read_volume(folder)
    assert volume.shape_ijk == (512, 512, 20)
    assert np.allclose(volume.spacing, (0.9765625, 0.9765625, 2.0))
    assert (volume.modality, volume.orientation) == ("CT", "LPS")
    lowest = min((pydicom.dcmread(path) for path in folder.iterdir()), key=lambda image: image.ImagePositionPatient[2])
    hounsfield = lowest.pixel_array * float(lowest.RescaleSlope) + float(lowest.RescaleIntercept)
    assert np.array_equal(volume.array[0], hounsfield)


def test_a_real_series_lies_where_its_published_labels_do(shared_data: SharedData) -> None:
    pytest.importorskip("openjpeg")
    scan = read_volume(shared_data("totalsegmentator/example_ct_dicom"))
    labels = read_volume(shared_data("totalsegmentator/example_seg_dicom.nii.gz"))
    corners = [[0, 0, 0], [511, 511, 19]]
    there, here = labels.index_to_ras(corners), scan.index_to_ras(corners)
    assert np.allclose(np.sort(there, axis=0), np.sort(here, axis=0), atol=1e-3)


def test_a_link_to_a_slice_stands_for_the_series_it_points_to(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "series")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "scan.dcm").symlink_to(folder / "0-1.2.3.dcm")
    assert read_volume(tmp_path / "links" / "scan.dcm").shape_ijk[2] == COUNT


def test_a_link_within_a_series_of_links_stands_for_these(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    for index, path in enumerate(sorted(write_series(tmp_path / "series").iterdir())):
        place = tmp_path / f"store{index}"
        place.mkdir()
        (tmp_path / "links" / path.name).symlink_to(path.rename(place / "content"))
    assert read_volume(tmp_path / "links" / "0-1.2.3.dcm").shape_ijk[2] == COUNT


def test_a_link_to_a_slice_beside_it_is_no_copy(tmp_path: Path) -> None:
    (write_series(tmp_path) / "latest.dcm").symlink_to(tmp_path / "0-1.2.3.dcm")
    assert read_volume(tmp_path).shape_ijk[2] == COUNT
    assert read_volume(tmp_path / "latest.dcm").shape_ijk[2] == COUNT


def test_two_equally_large_series_are_told(tmp_path: Path) -> None:
    write_series(tmp_path / "a", count=4, series="1.2.3")
    write_series(tmp_path / "b", count=4, series="4.5.6")
    assert "2 series; the first of 2 equally large ones (Thorax, 4 images)" in read_volume(tmp_path).notes[0]


COMPRESSIONS = [JPEGLossless, JPEGLosslessSV1, JPEGLSLossless]


def compressed(path: Path, syntax: UID) -> None:
    """Compress an image in its place."""
    gdcm = pytest.importorskip("gdcm", reason="python-gdcm is not installed: pip install vistaseg[dicom]")
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(path))
    assert reader.Read()
    names = {JPEGLossless: "JPEGLosslessProcess14", JPEGLosslessSV1: "JPEGLosslessProcess14_1"}
    kind = getattr(gdcm.TransferSyntax, names.get(syntax, "JPEGLSLossless"))
    change.SetTransferSyntax(gdcm.TransferSyntax(kind))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == syntax


@pytest.mark.parametrize("syntax", COMPRESSIONS, ids=lambda syntax: syntax.keyword)
def test_a_compressed_series_is_read_to_the_same_values(tmp_path: Path, syntax: UID) -> None:
    plain = read_volume(write_series(tmp_path))
    for path in tmp_path.iterdir():
        compressed(path, syntax)
    packed = read_volume(tmp_path)
    assert np.array_equal(packed.array, plain.array) and np.allclose(packed.ijk_to_ras, plain.ijk_to_ras)


@pytest.mark.parametrize("syntax", COMPRESSIONS, ids=lambda syntax: syntax.keyword)
def test_a_compression_without_its_decoder_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: UID
) -> None:
    def encapsulate(image: Any, _index: int) -> None:
        image.PixelData = encapsulated([b"packed"])
        image["PixelData"].VR = "OB"
        image.file_meta.TransferSyntaxUID = syntax

    monkeypatch.setattr(get_decoder(syntax), "_available", {})
    with pytest.raises(
        InputError, match=rf"compressed as {syntax.name[:8]}.*pip install vistaseg\[dicom\].*uncompressed"
    ):
        read_volume(write_series(tmp_path, encapsulate))
