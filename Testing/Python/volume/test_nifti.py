from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import SimpleITK

from vistaseg.errors import InputError
from vistaseg.volume import Volume, read_volume

nibabel = pytest.importorskip("nibabel")

OBLIQUE = np.array([[0, -1.8, 0.6, 10], [2.0, 0, 0, -20], [0, 0.6, 1.8, 30], [0, 0, 0, 1]])


class SharedData(Protocol):
    def __call__(self, relative_path: str) -> Path: ...


def image(kind: Any = np.int16, affine: np.ndarray | None = OBLIQUE, version: Any = nibabel.Nifti1Image) -> Any:
    values = np.random.default_rng(0).integers(0, 100, (5, 4, 3)).astype(kind)
    return version(values, affine, dtype=kind)


def saved(picture: Any, path: Path) -> Path:
    nibabel.save(picture, path)
    return path


def patched(path: Path, offset: int, form: str, *values: float) -> Path:
    raw = bytearray(path.read_bytes())
    struct.pack_into(form, raw, offset, *values)
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("version", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_voxels_and_place_are_those_that_nibabel_reads(tmp_path: Path, version: Any, suffix: str, kind: Any) -> None:
    path = saved(image(kind, version=version), tmp_path / f"scan{suffix}")
    volume, reference = read_volume(path), nibabel.load(path)
    assert volume.array.dtype == kind
    assert np.array_equal(volume.array.transpose(2, 1, 0), np.asarray(reference.dataobj))
    assert np.array_equal(volume.ijk_to_ras, reference.affine)


@pytest.mark.parametrize("codes", [(0, 1), (1, 0), (1, 1), (0, 4), (2, 0)])
def test_either_form_of_the_position_is_enough(tmp_path: Path, codes: tuple[int, int]) -> None:
    picture = image()
    picture.set_qform(OBLIQUE, codes[0])
    picture.set_sform(OBLIQUE, codes[1])
    volume = read_volume(saved(picture, tmp_path / "scan.nii"))
    assert np.abs(volume.ijk_to_ras - OBLIQUE).max() < 1e-5
    assert volume.notes == ()


def test_a_left_handed_qform_is_read_as_nibabel_does(tmp_path: Path) -> None:
    flipped = OBLIQUE @ np.diag([1, 1, -1, 1])
    picture = image()
    picture.set_qform(flipped, 1)
    picture.set_sform(None, 0)
    volume = read_volume(saved(picture, tmp_path / "scan.nii"))
    assert np.abs(volume.ijk_to_ras - flipped).max() < 1e-5


def test_a_sheared_sform_gives_way_to_the_qform(tmp_path: Path) -> None:
    sheared = OBLIQUE.copy()
    sheared[0, 0] = 0.7
    picture = image()
    picture.set_sform(sheared, 2)
    picture.set_qform(OBLIQUE, 1)
    volume = read_volume(saved(picture, tmp_path / "scan.nii"))
    assert np.abs(volume.ijk_to_ras - OBLIQUE).max() < 1e-5
    assert "qform was used" in volume.notes[0]


def test_a_sheared_sform_alone_is_kept_and_refused_where_it_matters(tmp_path: Path) -> None:
    sheared = OBLIQUE.copy()
    sheared[0, 0] = 0.7
    picture = image(affine=sheared)
    picture.set_qform(None, 0)
    assert not read_volume(saved(picture, tmp_path / "scan.nii")).grid.is_orthogonal


def test_an_unusable_sform_gives_way_to_the_qform(tmp_path: Path) -> None:
    picture = image()
    picture.set_qform(OBLIQUE, 1)
    path = saved(picture, tmp_path / "scan.nii")
    for rows in ([0] * 12, [1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0], [np.nan] * 12):
        volume = read_volume(patched(path, 280, "<12f", *rows))
        assert np.abs(volume.ijk_to_ras - OBLIQUE).max() < 1e-5
        assert volume.notes == ("The sform of the file is not usable; its qform was used.",)


def test_a_file_that_does_not_tell_its_orientation_is_read_as_itk_does_with_a_note(tmp_path: Path) -> None:
    path = saved(image(affine=None), tmp_path / "scan.nii")
    patched(path, 80, "<3f", 1.5, 2, 2.5)
    patched(path, 268, "<3f", 10, 20, 30)
    volume = read_volume(path)
    expected = Volume.from_sitk(SimpleITK.ReadImage(str(path)))
    assert np.array_equal(volume.ijk_to_ras, expected.ijk_to_ras)
    assert np.array_equal(volume.ijk_to_ras, np.diag([-1.5, -2, 2.5, 1]))
    assert "left and right may be exchanged" in volume.notes[0]
    assert "LPS" in volume.notes[0]


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("micron", 0.001), ("unknown", 1)])
def test_the_unit_of_length_is_respected(tmp_path: Path, unit: str, factor: float) -> None:
    picture = image(affine=np.diag([2 / factor, 2 / factor, 2 / factor, 1]))
    picture.header.set_xyzt_units(unit)
    assert np.allclose(read_volume(saved(picture, tmp_path / "scan.nii")).spacing, 2)


def test_slope_and_intercept_are_applied(tmp_path: Path) -> None:
    picture = image()
    picture.header.set_slope_inter(2, -1024)
    stored = np.asarray(picture.dataobj)
    path = saved(picture, tmp_path / "scan.nii")
    patched(path, 112, "<2f", 2, -1024)
    raw = np.frombuffer(path.read_bytes()[352:], np.int16).reshape(stored.shape[::-1])
    assert np.array_equal(read_volume(path).array, raw * 2.0 - 1024)


@pytest.mark.parametrize("slope", [0.0, np.nan, np.inf])
def test_an_intercept_without_a_usable_slope_is_ignored_with_a_note(tmp_path: Path, slope: float) -> None:
    path = patched(saved(image(), tmp_path / "scan.nii"), 112, "<2f", slope, 7)
    volume = read_volume(path)
    assert np.array_equal(volume.array.transpose(2, 1, 0), np.asarray(image().dataobj))
    assert "an intercept of 7 (scl_inter)" in volume.notes[0]
    for intercept in (0, np.nan):
        assert read_volume(patched(path, 112, "<2f", slope, intercept)).notes == ()


@pytest.mark.parametrize("intercept", [np.nan, np.inf])
def test_an_intercept_that_is_no_number_beside_a_slope_is_refused(tmp_path: Path, intercept: float) -> None:
    path = patched(saved(image(), tmp_path / "scan.nii"), 112, "<2f", 2, intercept)
    with pytest.raises(InputError, match="scl_inter"):
        read_volume(path)


def test_a_big_endian_file_is_read_as_native_numbers(tmp_path: Path) -> None:
    picture = nibabel.Nifti1Image(np.asarray(image().dataobj), OBLIQUE, image().header.as_byteswapped(">"))
    volume = read_volume(saved(picture, tmp_path / "scan.nii"))
    assert volume.array.dtype.isnative
    assert np.array_equal(volume.array.transpose(2, 1, 0), np.asarray(image().dataobj))


def test_compression_is_recognised_whatever_the_name_says(tmp_path: Path) -> None:
    path = saved(image(), tmp_path / "scan.nii.gz")
    assert read_volume(path.rename(tmp_path / "scan.nii")).shape_ijk == (5, 4, 3)


def test_trailing_dimensions_of_one_are_no_time_series(tmp_path: Path) -> None:
    values = np.zeros((5, 4, 3, 1), np.int16)
    assert read_volume(saved(nibabel.Nifti1Image(values, OBLIQUE), tmp_path / "s.nii")).shape_ijk == (5, 4, 3)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((5, 4), "2 dimensions"),
        ((5, 4, 3, 2), "time series"),
        ((5, 4, 3, 1, 3), "vector"),
        ((5, 4, 1), "single slice"),
    ],
)
def test_other_dimensions_are_refused_by_name(tmp_path: Path, shape: tuple[int, ...], words: str) -> None:
    picture = nibabel.Nifti1Image(np.zeros(shape, np.int16), np.eye(4))
    with pytest.raises(InputError, match=words):
        read_volume(saved(picture, tmp_path / "scan.nii.gz"))


def test_a_colour_image_is_refused(tmp_path: Path) -> None:
    values = np.zeros((5, 4, 3), np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))
    with pytest.raises(InputError, match="colour"):
        read_volume(saved(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "scan.nii"))


def test_complex_voxels_are_refused(tmp_path: Path) -> None:
    picture = nibabel.Nifti1Image(np.zeros((5, 4, 3), np.complex64), np.eye(4))
    with pytest.raises(InputError, match="not a plain number"):
        read_volume(saved(picture, tmp_path / "scan.nii"))


@pytest.mark.parametrize("spacing", [0.0, -1.5])
def test_a_spacing_of_zero_or_less_is_refused(tmp_path: Path, spacing: float) -> None:
    path = patched(saved(image(), tmp_path / "scan.nii"), 80, "<f", spacing)
    with pytest.raises(InputError, match="spacing in the header is 0 or negative"):
        read_volume(path)


def test_a_singular_orientation_is_refused(tmp_path: Path) -> None:
    path = saved(image(), tmp_path / "scan.nii")
    patched(path, 252, "<2h", 0, 1)
    patched(path, 280, "<12f", 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0)
    with pytest.raises(InputError, match="singular"):
        read_volume(path)


@pytest.mark.parametrize("dimensions", [(3, 5, 0, 3), (3, 5, -4, 3), (9, 5, 4, 3), (-1, 5, 4, 3)])
def test_impossible_dimensions_are_refused(tmp_path: Path, dimensions: tuple[int, ...]) -> None:
    path = patched(saved(image(), tmp_path / "scan.nii"), 40, "<4h", *dimensions)
    with pytest.raises(InputError, match="impossible dimensions"):
        read_volume(path)


@pytest.mark.parametrize("start", [np.nan, -8.0, 0.0, 348.0, 351.0])
def test_voxels_that_start_inside_the_header_are_refused(tmp_path: Path, start: float) -> None:
    with pytest.raises(InputError, match="vox_offset"):
        read_volume(patched(saved(image(), tmp_path / "scan.nii"), 108, "<f", start))


def test_voxels_that_start_inside_the_header_of_nifti_2_are_refused(tmp_path: Path) -> None:
    path = saved(image(version=nibabel.Nifti2Image), tmp_path / "scan.nii")
    with pytest.raises(InputError, match="vox_offset.*544 or soon after"):
        read_volume(patched(path, 168, "<q", 543))


@pytest.mark.parametrize("start", [1e30, np.inf])
@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_voxels_that_start_where_no_file_reaches_are_refused(tmp_path: Path, name: str, start: float) -> None:
    path = patched(saved(image(), tmp_path / "scan.nii"), 108, "<f", start)
    content = path.read_bytes()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with pytest.raises(InputError, match="vox_offset"):
        read_volume(tmp_path / name)


def test_a_column_of_each_slice_that_the_header_does_not_count_is_noted(tmp_path: Path) -> None:
    path = patched(saved(image(), tmp_path / "scan.nii"), 42, "<h", 4)
    assert "rows or columns may be missing" in read_volume(path).notes[0]


def test_slices_that_the_header_does_not_count_are_noted(tmp_path: Path) -> None:
    path = patched(saved(image(), tmp_path / "scan.nii"), 46, "<h", 2)
    volume = read_volume(path)
    assert volume.shape_ijk == (5, 4, 2) and "slices may be missing" in volume.notes[0]
    path.write_bytes(path.read_bytes()[:-25])  # the rest is less than a row of each slice
    assert read_volume(path).notes == ()


@pytest.mark.parametrize(("offset", "form", "number"), [(424, "<d", 1e39), (348, "<i", 70000), (376, "<d", 1e300)])
def test_a_number_of_nifti_2_that_no_place_can_have_is_refused(
    tmp_path: Path, offset: int, form: str, number: float
) -> None:
    picture = image(version=nibabel.Nifti2Image)
    picture.set_qform(OBLIQUE + [[0, 0, 0, 5], [0] * 4, [0] * 4, [0] * 4], 1)
    path = saved(picture, tmp_path / "scan.nii")
    with pytest.raises(InputError, match="Mend the header"):
        read_volume(patched(path, offset, form, number))


@pytest.mark.parametrize("codes", [(1, 0), (0, 1)])
def test_a_place_a_kilometre_away_is_refused(tmp_path: Path, codes: tuple[int, int]) -> None:
    path = saved(image(), tmp_path / "scan.nii")
    patched(patched(path, 252, "<2h", *codes), 268 if codes[0] else 292, "<f", 1e20)
    with pytest.raises(InputError, match="places the scan more than"):
        read_volume(path)


@pytest.mark.parametrize("content", [b"hello world" * 100, b"\x5c\x01", gzip.compress(b"nothing" * 100)])
def test_a_file_that_only_has_the_name_of_nifti_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "scan.nii.gz").write_bytes(content)
    with pytest.raises(InputError, match="not a NIfTI image"):
        read_volume(tmp_path / "scan.nii.gz")


def test_a_file_that_was_cut_off_says_so(tmp_path: Path) -> None:
    path = saved(image(), tmp_path / "scan.nii")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="promises 120 bytes of voxels, but the file ends early with 90 bytes"):
        read_volume(path)


@pytest.mark.parametrize("kept", [0.01, 0.5, 0.99])
def test_a_compressed_file_that_was_cut_off_says_so(tmp_path: Path, kept: float) -> None:
    values = np.random.default_rng(0).integers(0, 1000, (30, 30, 30)).astype(np.int16)
    path = saved(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "scan.nii.gz")
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * kept)])
    with pytest.raises(InputError, match="damaged or ends early"):
        read_volume(path)


def test_a_compressed_file_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    path = saved(image(), tmp_path / "scan.nii.gz")
    path.write_bytes(path.read_bytes()[:-8] + b"12345678")
    with pytest.raises(InputError, match="damaged or ends early"):
        read_volume(path)


def test_a_damaged_stream_that_unpacks_to_more_than_promised_is_refused(tmp_path: Path) -> None:
    raw = saved(image(), tmp_path / "scan.nii").read_bytes()
    damaged = gzip.compress(raw[:-60] + bytes(10**6))[:-8] + gzip.compress(raw)[-8:]
    (tmp_path / "scan.nii.gz").write_bytes(damaged)
    with pytest.raises(InputError, match="damaged or ends early"):
        read_volume(tmp_path / "scan.nii.gz")


@pytest.mark.parametrize("surplus", [1, 2**25])
def test_a_compressed_file_with_more_voxels_than_promised_is_refused(tmp_path: Path, surplus: int) -> None:
    raw = saved(image(), tmp_path / "scan.nii").read_bytes()
    (tmp_path / "scan.nii.gz").write_bytes(gzip.compress(raw + bytes(surplus), 1))
    with pytest.raises(InputError, match="holds more data than its header promises"):
        read_volume(tmp_path / "scan.nii.gz")


def test_a_compressed_file_with_fewer_voxels_than_promised_is_refused(tmp_path: Path) -> None:
    raw = saved(image(), tmp_path / "scan.nii").read_bytes()
    (tmp_path / "scan.nii.gz").write_bytes(gzip.compress(raw[:-30]))
    with pytest.raises(InputError, match="ends early with 90 bytes"):
        read_volume(tmp_path / "scan.nii.gz")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_eight_promised_gigabytes_are_not_taken_for_a_megabyte_of_data(tmp_path: Path, suffix: str) -> None:
    path = saved(nibabel.Nifti1Image(np.zeros((80, 80, 80), np.int16), np.eye(4)), tmp_path / "scan.nii")
    patched(path, 40, "<4h", 3, 1600, 1600, 1600)
    if suffix == ".nii.gz":
        noise = np.random.default_rng(0).bytes(10**6)
        path.with_suffix(".nii.gz").write_bytes(gzip.compress(path.read_bytes()[:352] + noise, 1))
    tracemalloc.start()
    with pytest.raises(InputError, match="promises 8.2 GB of voxels"):
        read_volume(tmp_path / f"scan{suffix}")
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()


@pytest.mark.parametrize(("code", "told"), [(0, ""), (1007, ""), (5, "a statistic"), (1002, "labels")])
def test_values_that_are_no_intensities_by_their_intent_are_told(tmp_path: Path, code: int, told: str) -> None:
    volume = read_volume(patched(saved(image(), tmp_path / "scan.nii"), 68, "<h", code))
    assert [f"values are {told} (intent_code {code})" in note for note in volume.notes] == [True] * bool(told)


@pytest.mark.parametrize(
    ("version", "offset", "magic", "words"),
    [
        (
            nibabel.Nifti1Image,
            344,
            b"ni1\0",
            r"header of a pair \(its magic is 'ni1'\): its voxels are in a second file",
        ),
        (nibabel.Nifti2Image, 4, b"ni2\0", "header of a pair"),
        (nibabel.Nifti1Image, 344, b"\0\0\0\0", "of Analyze, which does not tell left from right: its magic is ''"),
        (nibabel.Nifti1Image, 344, b"n+2\0", "its magic is 'n\\+2' and not 'n\\+1'"),
    ],
)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_header_whose_voxels_are_in_another_file_is_refused_even_with_bytes_after_it(
    tmp_path: Path, version: Any, offset: int, magic: bytes, words: str, suffix: str
) -> None:
    path = patched(saved(image(version=version), tmp_path / "scan.nii"), offset, "4s", magic)
    (tmp_path / "scan.img").write_bytes(bytes(500))
    if suffix == ".nii.gz":
        path = tmp_path / "packed.nii.gz"
        path.write_bytes(gzip.compress((tmp_path / "scan.nii").read_bytes()))
    with pytest.raises(InputError, match=words):
        read_volume(path)


def test_a_promise_beyond_any_scan_is_refused_even_where_compression_could_hold_it(tmp_path: Path) -> None:
    path = saved(image(), tmp_path / "scan.nii")
    patched(path, 40, "<4h", 3, 2100, 2100, 2100)
    (tmp_path / "scan.nii.gz").write_bytes(gzip.compress(path.read_bytes() + bytes(2 * 10**7), 0))
    with pytest.raises(InputError, match="more than any scan has"):
        read_volume(tmp_path / "scan.nii.gz")


def test_a_real_ct_is_read_as_nibabel_reads_it(shared_data: SharedData) -> None:
    path = shared_data("totalsegmentator/example_ct.nii.gz")
    volume, reference = read_volume(path), nibabel.load(path)
    assert np.array_equal(volume.array.transpose(2, 1, 0), np.asarray(reference.dataobj))
    assert np.array_equal(volume.ijk_to_ras, reference.affine)
