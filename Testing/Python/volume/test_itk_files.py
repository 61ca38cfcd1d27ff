from __future__ import annotations

from pathlib import Path
from typing import Any

import nrrd
import numpy as np
import pytest
import SimpleITK

from vistaseg.errors import InputError
from vistaseg.volume import Volume, read_volume

AFFINE = np.array([[0, -1.8, 0.6, 10], [2.0, 0, 0, -20], [0, 0.6, 1.8, 30], [0, 0, 0, 1]])
SUFFIXES = [".nrrd", ".nhdr", ".mha", ".mhd"]


def scan() -> Volume:
    return Volume.from_array(
        np.random.default_rng(0).integers(-1000, 1000, (20, 30, 40)).astype(np.int16), AFFINE, axes="kji"
    )


def written(path: Path, image: Any = None, compressed: bool = False) -> Path:
    SimpleITK.WriteImage(scan().to_sitk() if image is None else image, str(path), compressed)
    return path


def edited(path: Path, old: str, new: str) -> Path:
    raw = path.read_bytes()
    assert old.encode() in raw
    path.write_bytes(raw.replace(old.encode(), new.encode()))
    return path


def cut(path: Path, share: float) -> Path:
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    return path


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_itk_wrote_is_read(tmp_path: Path, suffix: str, compressed: bool) -> None:
    volume = read_volume(written(tmp_path / f"scan{suffix}", compressed=compressed))
    assert np.array_equal(volume.array, scan().array)
    assert np.abs(volume.ijk_to_ras - AFFINE).max() < 1e-6
    assert volume.notes == ()


def test_an_nrrd_in_ras_lies_where_it_says(tmp_path: Path) -> None:
    nrrd = pytest.importorskip("nrrd")
    header = {
        "space": "right-anterior-superior",
        "space directions": AFFINE[:3, :3].T,
        "space origin": AFFINE[:3, 3],
    }
    nrrd.write(str(tmp_path / "scan.nrrd"), scan().array.transpose(2, 1, 0), header)
    volume = read_volume(tmp_path / "scan.nrrd")
    assert np.array_equal(volume.array, scan().array)
    assert np.abs(volume.ijk_to_ras - AFFINE).max() < 1e-6
    assert volume.notes == ()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_was_cut_off_says_how_much_is_missing(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path / f"scan{suffix}")
    cut(next((file for file in tmp_path.glob("*.*raw")), path), 0.5)
    with pytest.raises(InputError, match="promises 48.0 kB of voxels, but the file ends early with 2"):
        read_volume(path)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.98])
@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_a_compressed_file_that_was_cut_off_is_refused(tmp_path: Path, suffix: str, share: float) -> None:
    path = cut(written(tmp_path / f"scan{suffix}", compressed=True), share)
    with pytest.raises(InputError, match="damaged or incomplete|ends early"):
        read_volume(path)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    ("suffix", "old", "new"),
    [
        (".nrrd", "sizes: 40 30 20", "sizes: 40 30 4000000"),
        (".mha", "DimSize = 40 30 20", "DimSize = 40 30 4000000"),
    ],
)
def test_gigabytes_that_are_only_promised_are_refused(
    tmp_path: Path, suffix: str, old: str, new: str, compressed: bool
) -> None:
    path = edited(written(tmp_path / f"scan{suffix}", compressed=compressed), old, new)
    with pytest.raises(InputError, match="promises 9.6 GB of voxels"):
        read_volume(path)


@pytest.mark.parametrize("suffix", [".nhdr", ".mhd"])
def test_a_missing_file_of_voxels_is_named(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path / f"scan{suffix}")
    next(tmp_path.glob("*.*raw")).unlink()
    with pytest.raises(InputError, match=r"scan.*raw, is missing beside the header"):
        read_volume(path)


@pytest.mark.parametrize("spacing", ["0", "-2"])
def test_a_metaimage_with_a_spacing_of_zero_or_less_is_refused(tmp_path: Path, spacing: str) -> None:
    plain = SimpleITK.GetImageFromArray(scan().array)
    path = edited(written(tmp_path / "scan.mha", plain), "ElementSpacing = 1 1 1", f"ElementSpacing = 1 1 {spacing}")
    with pytest.raises(InputError, match="spacing in the header is 0 or negative"):
        read_volume(path)


@pytest.mark.parametrize(("direction", "words"), [("(0,0,0)", "spacing of the volume is 0"), ("(0,1,0)", "singular")])
def test_an_nrrd_whose_axes_span_no_space_is_refused(tmp_path: Path, direction: str, words: str) -> None:
    path = written(tmp_path / "scan.nrrd", SimpleITK.GetImageFromArray(scan().array))
    with pytest.raises(InputError, match=words):
        read_volume(edited(path, "(0,0,1)", direction))


def test_a_metaimage_with_singular_directions_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "scan.mha", SimpleITK.GetImageFromArray(scan().array))
    with pytest.raises(InputError, match="singular"):
        read_volume(edited(path, "TransformMatrix = 1 0 0 0 1 0 0 0 1", "TransformMatrix = 1 0 0 1 0 0 0 0 1"))


@pytest.mark.parametrize(
    ("image", "name", "words"),
    [
        (SimpleITK.Image(9, 9, SimpleITK.sitkUInt8), "picture.png", "picture or a stack of pictures"),
        (SimpleITK.Image([9, 9, 9], SimpleITK.sitkVectorUInt8, 3), "colour.nrrd", "3 values"),
        (SimpleITK.Image([9, 9, 9], SimpleITK.sitkVectorInt16, 5), "series.mha", "5 values"),
        (SimpleITK.Image([9, 9, 9, 4], SimpleITK.sitkInt16), "series.nrrd", "time series"),
        (SimpleITK.Image([9, 9, 1], SimpleITK.sitkInt16), "slice.mha", "single slice"),
    ],
)
def test_an_image_that_is_no_volume_is_refused_by_name(tmp_path: Path, image: Any, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_volume(written(tmp_path / name, image))


@pytest.mark.parametrize("name", ["notes.txt", "scan.nrrd", "scan.mha", "scan"])
def test_a_file_that_is_no_image_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("nothing to see here\n" * 50)
    with pytest.raises(InputError, match="not an image that can be read"):
        read_volume(tmp_path / name)


@pytest.mark.parametrize("header", [{}, {"space dimension": 3}, {"spacings": [2, 2, 2]}])
def test_an_nrrd_that_does_not_tell_its_orientation_is_read_with_a_note(tmp_path: Path, header: dict[str, Any]) -> None:
    nrrd = pytest.importorskip("nrrd")
    nrrd.write(str(tmp_path / "scan.nrrd"), scan().array.transpose(2, 1, 0), header)
    volume = read_volume(tmp_path / "scan.nrrd")
    assert np.array_equal(volume.array, scan().array)
    assert "left and right may be exchanged" in volume.notes[0]


def test_a_metaimage_without_a_matrix_is_read_with_a_note(tmp_path: Path) -> None:
    path = written(tmp_path / "scan.mha", SimpleITK.GetImageFromArray(scan().array))
    volume = read_volume(edited(path, "TransformMatrix = 1 0 0 0 1 0 0 0 1\n", ""))
    assert volume.orientation == "LPS"
    assert "left and right may be exchanged" in volume.notes[0]


@pytest.mark.parametrize("name", ["scan.vtk", "scan.gipl"])
def test_a_format_that_has_no_directions_is_read_with_a_note(tmp_path: Path, name: str) -> None:
    volume = read_volume(written(tmp_path / name, SimpleITK.GetImageFromArray(scan().array)))
    assert "left and right may be exchanged" in volume.notes[0]


def test_a_stack_of_pictures_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "scan.tif", SimpleITK.GetImageFromArray(scan().array))
    with pytest.raises(InputError, match="stack of pictures"):
        read_volume(path)


@pytest.mark.parametrize("encoding", ["hex", "ascii", "gzip", "raw"])
def test_gigabytes_are_not_taken_for_any_encoding(tmp_path: Path, encoding: str) -> None:
    path = written(tmp_path / "scan.nrrd")
    edited(path, "encoding: raw", f"encoding: {encoding}")
    with pytest.raises(InputError, match="promises 9.6 GB of voxels, but the file ends early"):
        read_volume(edited(path, "sizes: 40 30 20", "sizes: 40 30 4000000"))


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ("40 30 40000000", "counts 40000000 slices, but names 2 files"),
        ("40000 30000 2", "ends early"),
        ("1e300 1e300 2", "3 whole numbers are"),
    ],
)
def test_impossible_sizes_are_refused_for_voxels_in_many_files(tmp_path: Path, sizes: str, words: str) -> None:
    path = written(tmp_path / "scan.nhdr")
    text = path.read_bytes().decode().replace("sizes: 40 30 20", f"sizes: {sizes}")
    lines = [line for line in text.splitlines() if not line.startswith("data file")]
    path.write_text("\n".join([*lines, "data file: scan%d.raw 1 2 1", ""]))
    for number in (1, 2):
        (tmp_path / f"scan{number}.raw").write_bytes(bytes(9))
    with pytest.raises(InputError, match=words):
        read_volume(path)


def test_a_metaimage_in_text_is_read(tmp_path: Path) -> None:
    values = np.arange(24).reshape(2, 3, 4) % 10
    header = "ObjectType = Image\nNDims = 3\nBinaryData = False\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nDimSize = 4 3 2\n"
    header += "ElementType = MET_FLOAT\nElementDataFile = LOCAL\n"
    (tmp_path / "scan.mha").write_text(header + " ".join(map(str, values.ravel().tolist())) + "\n")
    assert np.array_equal(read_volume(tmp_path / "scan.mha").array, values)


def test_an_nrrd_compressed_with_bzip2_says_so(tmp_path: Path) -> None:
    header = {"space": "left-posterior-superior", "space directions": np.eye(3), "space origin": [0, 0, 0]}
    nrrd.write(str(tmp_path / "scan.nrrd"), scan().array.T, header | {"encoding": "bzip2"})
    with pytest.raises(InputError, match="compressed with bzip2.*Write the file again with gzip"):
        read_volume(tmp_path / "scan.nrrd")
