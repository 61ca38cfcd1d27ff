"""Each scan that cannot be used: its own message, exit code 3, nothing written."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from vistaseg.segmentation import read_segmentation

DEMO = ("--model", "demo")  # whose weights are there


def body(shape=(12, 13, 14), kind=np.int16) -> np.ndarray:
    """Plausible HU."""
    return np.linspace(-1000, 1500, int(np.prod(shape))).reshape(shape).astype(kind)


def patched(path: Path, offset: int, form: str, *values: float) -> Path:
    raw = bytearray(path.read_bytes())
    struct.pack_into(form, raw, offset, *values)
    path.write_bytes(raw)
    return path


def missing(folder: Path, _write) -> Path:
    return folder / "absent.nii.gz"


def text(folder: Path, _write) -> Path:
    (folder / "notes.txt").write_text("not an image")
    return folder / "notes.txt"


def fake_nifti(folder: Path, _write) -> Path:
    (folder / "scan.nii").write_bytes(b"not an image" * 100)
    return folder / "scan.nii"


def folder_without_images(folder: Path, _write) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def two_dimensional(_folder: Path, write) -> Path:
    return write(body((30, 40)))


def four_dimensional(_folder: Path, write) -> Path:
    return write(body((5, 12, 13, 14)))


def one_slice(_folder: Path, write) -> Path:
    return write(body((1, 30, 40)))


def all_air(_folder: Path, write) -> Path:
    return write(np.linspace(-1024, -950, 2184).reshape(12, 13, 14).astype(np.int16))


def constant(_folder: Path, write) -> Path:
    return write(np.full((12, 13, 14), 40, dtype=np.int16))


def not_a_number(_folder: Path, write) -> Path:
    voxels = body(kind=np.float32)
    voxels[3, 4, :2] = np.nan
    return write(voxels)


def infinite(_folder: Path, write) -> Path:
    voxels = body(kind=np.float32)
    voxels[3, 4, 5] = np.inf
    return write(voxels)


def zero_spacing(_folder: Path, write) -> Path:
    return patched(write(body(), name="scan.nii"), 84, "<f", 0.0)


def negative_spacing(_folder: Path, write) -> Path:
    return patched(write(body(), name="scan.nii"), 84, "<f", -2.0)


def singular_directions(_folder: Path, write) -> Path:
    """The rows of the sform are set so that j runs as i does."""
    path = write(body(), name="scan.nii")
    patched(path, 252, "<hh", 0, 1)
    return patched(path, 280, "<12f", 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0)


def promises_8_gb(folder: Path, _write) -> Path:
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.int16)
    header.set_data_shape((2048, 2048, 1024))
    header["magic"], header["vox_offset"] = b"n+1", 352
    (folder / "scan.nii").write_bytes(header.binaryblock + bytes(4) + bytes(2**20))
    return folder / "scan.nii"


def cut_off(_folder: Path, write) -> Path:
    path = write(np.random.default_rng(0).integers(-1000, 1000, (12, 13, 14)).astype(np.int16))
    path.write_bytes(path.read_bytes()[:-900])
    return path


def mr_series(folder: Path, _write) -> Path:
    series = folder / "series"
    series.mkdir()
    for index in range(4):
        mr_slice(index).save_as(series / f"{index}.dcm", enforce_file_format=True)
    return series


def mr_slice(index: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = MRImageStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid()
    image = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    image.SOPClassUID, image.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
    image.SeriesInstanceUID, image.Modality = "1.2.3", "MR"
    image.Rows, image.Columns, image.PixelSpacing, image.SliceThickness = 16, 16, [4.0, 4.0], 4.0
    image.ImageOrientationPatient, image.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 4.0 * index]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.PixelData = np.arange(256, dtype=np.uint16).tobytes()
    return image


def over_long_name(folder: Path, _write) -> Path:
    return folder / ("x" * 300 + ".nii")


CASES: dict[Callable[..., Path], tuple[str, ...]] = {
    missing: ("absent.nii.gz", "No such file", "Check the path"),
    text: ("notes.txt", "not an image", "Give a NIfTI"),
    fake_nifti: ("scan.nii", "not a NIfTI image", "Export the scan again"),
    folder_without_images: ("empty", "DICOM"),
    two_dimensional: ("2 dimensions", "Give the whole scan"),
    four_dimensional: ("4 dimensions", "Extract a single volume"),
    one_slice: ("single slice", "Give the whole scan"),
    all_air: ("all air", "Check that the right series"),
    constant: ("same value (40)", "Export the scan again"),
    not_a_number: ("2 of 2184 voxels", "not a number", "Replace them first"),
    infinite: ("1 of 2184 voxels", "infinite", "Replace them first"),
    zero_spacing: ("spacing", "0 or negative", "Mend the spacing"),
    negative_spacing: ("spacing", "0 or negative", "Mend the spacing"),
    singular_directions: ("singular", "Mend the orientation"),
    promises_8_gb: ("promises 8.6 GB", "1.0 MB", "copy or export it again"),
    cut_off: ("cut off", "copy or export it again"),
    mr_series: ("modality MR", "trained on CT", "give a CT"),
    over_long_name: ("cannot be read", "Check the path"),
}


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_a_scan_that_cannot_be_used_is_refused_with_what_to_do(make, vistaseg, write_nifti, tmp_path, results):
    scan = make(tmp_path, write_nifti)
    (results / "out.seg.nrrd").write_bytes(b"before")
    done = vistaseg("segment", scan, "-o", results / "out.seg.nrrd", "--preview", results / "out.png", *DEMO)
    assert done.code == 3
    assert done.stdout == "" and len(done.stderr.splitlines()) == 1
    for words in ("vistaseg: ", *CASES[make]):
        assert words in done.stderr
    assert [path.name for path in results.iterdir()] == ["out.seg.nrrd"]
    assert (results / "out.seg.nrrd").read_bytes() == b"before"


def test_every_message_is_of_its_own(vistaseg, write_nifti, tmp_path, results):
    said = set()
    for number, make in enumerate(CASES):
        folder = tmp_path / str(number)
        folder.mkdir()
        scan = make(folder, write_nifti)
        said.add(vistaseg("segment", scan, "-o", results / "out.seg.nrrd", *DEMO).stderr.replace(str(scan), ""))
    same = {zero_spacing, negative_spacing}
    assert len(said) == len(CASES) - len(same) + 1


@pytest.mark.usefixtures("tiny_demo")
@pytest.mark.parametrize(
    ("low", "high", "words"), [(0, 255, "look like a picture of 8 bits"), (0, 1, "look normalised to 0...1")]
)
def test_values_that_are_no_hu_are_warned_of_and_segmented(vistaseg, phantom, write_nifti, results, low, high, words):
    hu = phantom((30, 24, 34), np.diag([6.0, 6.0, 6.0, 1.0])).array.astype(np.float32)
    scan = write_nifti(low + (hu + 1000) / 2000 * (high - low), np.diag([6.0, 6.0, 6.0, 1.0]))
    command = ["segment", scan, "-o", results / "out.seg.nrrd", "--model", "demo", "--classes", "liver", "--json"]
    done = vistaseg(*command)
    assert done.code == 0
    assert "Warning: " in done.stderr and words in done.stderr
    assert "Give the original scan" in done.stderr
    assert any(words in warning for warning in done.json["warnings"])
    assert read_segmentation(results / "out.seg.nrrd").shape_ijk == (30, 24, 34)


SEGVOL = ("--model", "segvol-demo", "--text", "liver")


@pytest.mark.usefixtures("tiny_models")
def test_segvol_refuses_an_mr_scan_too(vistaseg, write_nifti, tmp_path, results):
    done = vistaseg("segment", mr_series(tmp_path, write_nifti), "-o", results / "out.seg.nrrd", *SEGVOL)
    assert done.code == 3 and "modality MR" in done.stderr and "SegVol" in done.stderr
    assert not list(results.iterdir())


@pytest.mark.usefixtures("tiny_models")
def test_segvol_warns_of_values_that_are_no_hu_too(vistaseg, write_nifti, results):
    scan = write_nifti(np.random.default_rng(0).integers(0, 256, (12, 13, 14)).astype(np.int16))
    done = vistaseg("segment", scan, "-o", results / "out.seg.nrrd", "--json", *SEGVOL)
    assert done.code == 0, done.stderr
    assert "look like a picture of 8 bits" in done.stderr and "8 bits" in done.json["warnings"][0]


def test_an_unreadable_file_is_bad_input(vistaseg, scan, results, monkeypatch):
    opened = Path.open

    def refuse(path: Path, *args: object, **more: object) -> object:
        if Path(path).name == Path(scan).name:
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **more)

    monkeypatch.setattr(pydicom, "dcmread", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    done = vistaseg("segment", scan, "-o", results / "out.seg.nrrd", *DEMO)
    assert done.code == 3
    assert "cannot be read (Permission denied)" in done.stderr
