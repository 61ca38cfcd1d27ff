"""ITK is only given files whose header is sound; what it makes of them is compared with the header."""

from __future__ import annotations

import gzip
import locale
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st

from vistaseg.errors import InputError
from vistaseg.evaluate.memory import peak_bytes
from vistaseg.volume import Volume, read_volume
from vistaseg.volume.itk_files import checked_header

VALUES = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
AFFINE = np.array([[0, -1.75, 0, 10.5], [1.25, 0, 0, -20.5], [0, 0, 2.5, 30.5], [0, 0, 0, 1]])
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A file of ITK, with pieces of its header replaced, and lines put at its end."""

    def make(name: str, replaced: dict[str, str] | None = None, line: str = "", compressed: bool = False) -> Path:
        path = tmp_path / name
        SimpleITK.WriteImage(Volume.from_array(VALUES, AFFINE, axes="kji").to_sitk(), str(path), compressed)
        raw = path.read_bytes()
        for old, new in (replaced or {}).items():
            assert old.encode() in raw
            raw = raw.replace(old.encode(), new.encode(), 1)
        if line:
            end = b"\n\n" if name.endswith((".nrrd", ".nhdr")) else b"\nElementDataFile"
            raw = raw.replace(end, b"\n" + line.encode() + end, 1)
        path.write_bytes(raw)
        return path

    return make


def alone(path: Path, seconds: float = 20) -> str:
    """The error of reading a file in a process of its own, which a crash of ITK would end."""
    program = "import sys; from vistaseg.volume import read_volume; read_volume(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", program, os.fsencode(path)], capture_output=True, timeout=seconds)
    assert done.returncode == 1, f"ended by {done.returncode}"
    return done.stderr.decode()


# ---- what used to be read wrong without a word


@pytest.mark.parametrize(
    ("stated", "told"), [("RAI", False), ("LPS", False), ("RAS", True), ("RPI", True), ("???", False)]
)
def test_letters_that_name_other_axes_than_the_matrix_are_told_and_the_matrix_counts(
    write: Write, stated: str, told: bool
) -> None:
    path = write("scan.mha")
    lines = [
        b"TransformMatrix = 1 0 0 0 1 0 0 0 1" if line.startswith(b"TransformMatrix")
        else f"AnatomicalOrientation = {stated}".encode() if line.startswith(b"Anatomical") else line
        for line in path.read_bytes().split(b"\n")
    ]  # fmt: skip
    path.write_bytes(b"\n".join(lines))
    volume = read_volume(path)
    assert (np.sign(np.diag(volume.ijk_to_ras)[:3]) == (-1, -1, 1)).all()
    assert [f"names its axes {stated} (AnatomicalOrientation)" in note for note in volume.notes] == [True] * told


@pytest.mark.parametrize("axes", [(1, 2, 3), (-1, 2, -3), (2, -3, 1), (3, 1, -2)])
def test_the_letters_that_itk_writes_are_no_reason_for_a_note(tmp_path: Path, axes: tuple[int, ...]) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, [abs(axis) - 1 for axis in axes]] * np.sign(axes)
    image = Volume.from_array(VALUES, affine, axes="kji").to_sitk()
    SimpleITK.WriteImage(image, str(tmp_path / "scan.mha"))
    assert read_volume(tmp_path / "scan.mha").notes == ()


@pytest.mark.parametrize(("stated", "modality"), [("MET_MOD_MR", "MR"), ("MET_MOD_CT", "CT"), ("MET_MOD_OTHER", None)])
def test_the_modality_of_a_metaimage_is_known_so_that_an_mr_is_refused_as_a_ct(
    write: Write, stated: str, modality: str | None
) -> None:
    assert read_volume(write("scan.mha", line=f"Modality = {stated}")).modality == modality


def test_values_that_were_scaled_for_their_type_are_told(write: Write) -> None:
    (note,) = read_volume(write("scan.nrrd", line="old min: -1024\nold max: 3071")).notes
    assert "values were scaled (old min -1024, old max 3071)" in note


def test_a_kind_of_time_on_an_axis_in_space_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match="states kinds as 'domain domain time'; an axis of time"):
        read_volume(write("scan.nrrd", {"kinds: domain domain domain": "kinds: domain domain time"}))


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e308", "1e7", "abc", "1,5", "0x10", "1_0"])
@pytest.mark.parametrize(
    ("name", "field", "stated"),
    [
        ("scan.mha", "Offset", "Offset = -10.5"),
        ("scan.mha", "ElementSpacing", "ElementSpacing = 1.25"),
        ("scan.mha", "TransformMatrix", "TransformMatrix = 0"),
        ("scan.nrrd", "space origin", "space origin: (-10.5"),
        ("scan.nrrd", "space directions", "space directions: (0"),
    ],
)
def test_a_number_that_is_none_is_refused_by_the_name_of_its_field(
    write: Write, name: str, field: str, stated: str, number: str
) -> None:
    changed = stated.replace(stated.split("(" if "(" in stated else "= ")[1], number)
    with pytest.raises(InputError, match=f"states {field} as"):
        read_volume(write(name, {stated: changed}))


@pytest.mark.parametrize("directions", ["none (0,3,0) (0,0,3)", "(1,0,0) (0,1,0)", "(1,0,0) (0,1,0) (0,0,1) (0,0,1)",
                                        "(1,0) (0,1) (1,1)", "1,0,0 0,1,0 0,0,1"])  # fmt: skip
def test_directions_that_place_no_volume_are_refused_by_name(write: Write, directions: str) -> None:
    path = write("scan.nrrd")
    lines = path.read_bytes().split(b"\n")
    lines = [b"space directions: " + directions.encode() if b"space directions" in line else line for line in lines]
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match="space directions"):
        read_volume(path)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("scan.nrrd", "byte skip: -99"),
        ("scan.nrrd", "line skip: -1"),
        ("scan.nrrd", "byte skip: 3.5"),
        ("scan.nrrd", "spacings: 1 1 1"),
        ("scan.nrrd", "space origin: (0,0,0)"),
        ("scan.nrrd", "nonsense: 1"),
        ("scan.mha", "HeaderSize = 7"),
        ("scan.mha", "HeaderSize = -99"),
        ("scan.mha", "Offset = 0 0 0"),
        ("scan.mha", "Position = 0 0 0"),
        ("scan.mha", "Rotation = 1 0 0 0 1 0 0 0 1"),
    ],
)
def test_a_field_that_contradicts_or_makes_no_sense_is_refused_by_name(write: Write, name: str, line: str) -> None:
    with pytest.raises(InputError, match="The header states"):
        read_volume(write(name, line=line))


def test_raw_voxels_of_a_metaimage_at_the_end_of_its_file_are_read(write: Write) -> None:
    assert np.array_equal(read_volume(write("scan.mha", line="HeaderSize = -1")).array, VALUES)


def test_raw_voxels_at_the_end_of_a_file_are_read(write: Write) -> None:
    path = write("scan.nrrd", line="byte skip: -1")
    path.write_bytes(path.read_bytes().replace(b"\n\n", b"\n\nsomething before the voxels", 1))
    assert np.array_equal(read_volume(path).array, VALUES)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", ["scan.nrrd", "scan.mha", "scan.nhdr", "scan.mhd"])
def test_an_image_with_a_fourth_dimension_of_one_is_read(tmp_path: Path, name: str, compressed: bool) -> None:
    image = SimpleITK.GetImageFromArray(VALUES)
    image.SetSpacing((1.75, 1.25, 2.5))
    image.SetOrigin((1.5, -2.5, 3.5))
    SimpleITK.WriteImage(SimpleITK.JoinSeries([image]), str(tmp_path / name), compressed)
    volume = read_volume(tmp_path / name)
    assert np.array_equal(volume.array, VALUES)
    assert np.allclose(volume.ijk_to_ras, Volume.from_sitk(image).ijk_to_ras)


@pytest.mark.parametrize(("sizes", "vectors"), [("1 6 5 4", "none {}"), ("6 5 4 1", "{} none")])
def test_an_nrrd_with_an_axis_of_one_outside_space_is_read(write: Write, sizes: str, vectors: str) -> None:
    path = write("scan.nrrd", {"dimension: 3": "dimension: 4", "sizes: 6 5 4": f"sizes: {sizes}"})
    raw = path.read_bytes()
    line = next(line for line in raw.split(b"\n") if line.startswith(b"space directions")).decode()
    stated = "space directions: " + vectors.format(line.partition(": ")[2])
    kinds = "kinds: list domain domain domain" if sizes.startswith("1") else "kinds: domain domain domain list"
    path.write_bytes(
        raw.replace(line.encode(), stated.encode()).replace(b"kinds: domain domain domain", kinds.encode())
    )
    volume = read_volume(path)
    assert np.array_equal(volume.array, VALUES) and np.allclose(volume.ijk_to_ras, AFFINE)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
@pytest.mark.parametrize("name", ["scan.nrrd", "scan.mha", "scan.nhdr", "scan.mhd"])
def test_the_place_is_that_of_itk_for_any_orientation(
    tmp_path_factory: pytest.TempPathFactory, name: str, seed: int
) -> None:
    random = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = np.linalg.qr(random.normal(size=(3, 3)))[0] * random.choice([-1, 1], 3) * random.uniform(0.3, 6, 3)
    affine[:3, 3] = random.uniform(-1000, 1000, 3)
    path = tmp_path_factory.mktemp("files") / name
    SimpleITK.WriteImage(Volume.from_array(VALUES, affine, axes="kji").to_sitk(), str(path))
    volume = read_volume(path)
    assert np.abs(volume.ijk_to_ras - Volume.from_sitk(SimpleITK.ReadImage(str(path))).ijk_to_ras).max() < 1e-9
    assert np.abs(volume.ijk_to_ras - affine).max() < 1e-6 and volume.notes == ()


@pytest.mark.parametrize("space", ["LAS", "left-anterior-superior", "RAS", "right-anterior-superior", "LPS"])
def test_every_space_of_a_patient_is_that_of_itk(write: Write, space: str) -> None:
    path = write("scan.nrrd", {"space: left-posterior-superior": f"space: {space}"})
    expected = Volume.from_sitk(SimpleITK.ReadImage(str(path))).ijk_to_ras
    assert np.allclose(read_volume(path).ijk_to_ras, expected)


# ---- a locale with a decimal comma


@pytest.fixture(scope="session")
def comma_locales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the locale de_DE.UTF-8, made from its source."""
    folder = tmp_path_factory.mktemp("locales")
    try:
        subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", folder / "de_DE.UTF-8"], check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the sources of locales are not here: install the package locales")
    return folder


@pytest.mark.parametrize("name", ["scan.nrrd", "scan.mha", "scan.vtk", "scan.gipl"])
def test_a_locale_with_a_decimal_comma_changes_no_geometry(write: Write, comma_locales: Path, name: str) -> None:
    program = (
        "import locale, sys; locale.setlocale(locale.LC_ALL, 'de_DE.UTF-8')\n"
        "from vistaseg.volume import read_volume\n"
        "volume = read_volume(sys.argv[1])\n"
        "assert locale.localeconv()['decimal_point'] == ','\n"
        "print(*volume.spacing, *volume.ijk_to_ras[:3, 3])"
    )
    path = write(name)
    expected = Volume.from_sitk(SimpleITK.ReadImage(str(path)))
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True,
                          env={**os.environ, "LOCPATH": str(comma_locales)})  # fmt: skip
    assert [float(word) for word in done.stdout.split()] == [*expected.spacing, *expected.ijk_to_ras[:3, 3]]


GENUINE = SimpleITK.ImageFileReader


class CutReader:
    """ITK in a process whose decimal mark is a comma: numbers end at the point."""

    def __init__(self) -> None:
        self._reader = GENUINE()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def Execute(self) -> SimpleITK.Image:  # noqa: N802
        image = self._reader.Execute()
        image.SetSpacing([float(int(size)) or 1.0 for size in image.GetSpacing()])
        return image


@pytest.mark.parametrize("name", ["scan.nrrd", "scan.mha", "scan.vtk", "scan.gipl"])
def test_a_geometry_that_itk_reads_otherwise_than_the_header_states_it_is_refused(
    write: Write, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = write(name)
    monkeypatch.setattr(SimpleITK, "ImageFileReader", CutReader)
    with pytest.raises(InputError, match="mm from where the header says.*set LC_NUMERIC to C"):
        read_volume(path)


def test_the_locale_of_the_host_is_as_before(write: Write) -> None:
    before = locale.setlocale(locale.LC_NUMERIC)
    read_volume(write("scan.nrrd"))
    assert locale.setlocale(locale.LC_NUMERIC) == before


# ---- what used to end the process


@pytest.mark.parametrize("count", ["-1", "0", "99999999", "5", "3.0", "", "1e9"])
def test_a_metaimage_of_impossible_dimensions_is_refused_before_itk(write: Write, count: str) -> None:
    assert "states NDims as" in alone(write("scan.mha", {"NDims = 3": f"NDims = {count}"}))


@pytest.mark.parametrize("line", ["x" * 9 * 10**4, "content: " + "x" * 8000, "kinds:" + " " * 8000 + "a", "a\0b: 1"])
def test_a_line_that_is_too_long_is_refused_before_itk(write: Write, line: str) -> None:
    assert "longer than 1000 characters" in alone(write("scan.nrrd", line=line))


@pytest.mark.parametrize("line", ["Comment = " + "x" * 10**5, "x" * 5000])
def test_a_line_of_a_metaimage_that_is_too_long_is_refused_before_itk(write: Write, line: str) -> None:
    assert "longer than 1000 characters" in alone(write("scan.mha", line=line))


def test_a_line_of_a_hundred_thousand_characters_is_refused_before_itk(write: Write) -> None:
    assert "a line of more than 100000 characters" in alone(write("scan.nrrd", line="sizes:" + " " * 10**5 + "6 5 4"))


def test_fifty_thousand_keys_are_refused_at_once(write: Write) -> None:
    keys = "\n".join(f"key{number}:=value" for number in range(50_000))
    assert "more than 5000 keys" in alone(write("scan.nrrd", line=keys))


@pytest.mark.parametrize("suffix", [".jp2", ".tif", ".png", ".lsm", ".pic"])
def test_random_bytes_named_as_pictures_are_refused_before_itk(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"scan{suffix}"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    assert "a stack of pictures" in alone(path)


@pytest.mark.parametrize(
    "suffix", [".h5", ".mnc", ".mrc", ".isq", ".aim", ".stl", ".gipl", ".vtk", ".nrrd", ".mha", ".xyz", ""]
)
def test_random_bytes_never_reach_itk(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(SimpleITK, "ImageFileReader")
    for seed in range(20):
        path = tmp_path / f"scan{suffix}"
        path.write_bytes(np.random.default_rng(seed).bytes(3000))
        with pytest.raises(InputError, match="not an image that can be read"):
            read_volume(path)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", ["scan.nrrd", "scan.mha", "scan.vtk", "scan.gipl"])
def test_a_damaged_header_is_refused_or_read_as_itk_reads_it(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    """Bytes of the header replaced, doubled or lost: an error, or the voxels and the place that the header states."""
    path = tmp_path_factory.mktemp("damaged") / name
    SimpleITK.WriteImage(Volume.from_array(VALUES, AFFINE, axes="kji").to_sitk(), str(path))
    raw = path.read_bytes()
    at = data.draw(st.integers(0, len(raw) - VALUES.nbytes - 1))
    raw = raw[:at] + data.draw(st.binary(max_size=12)) + raw[at + data.draw(st.integers(0, 12)) :]
    path.write_bytes(raw)
    try:
        volume = read_volume(path)
    except InputError:
        return
    header, image = checked_header(path), SimpleITK.ReadImage(str(path))
    assert volume.shape_ijk == header.shape_ijk
    assert np.array_equal(volume.array, SimpleITK.GetArrayFromImage(image).reshape(volume.array.shape), equal_nan=True)
    if header.ijk_to_ras is not None:
        assert np.array_equal(volume.ijk_to_ras, header.ijk_to_ras)
    if image.GetDimension() == 3:
        assert np.allclose(volume.ijk_to_ras, Volume.from_sitk(image).ijk_to_ras, rtol=1e-6, atol=1e-3)


def test_a_path_that_is_not_utf8_is_read(write: Write, tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/M\xfcller"))
    folder.mkdir()
    path = write("scan.nrrd").rename(folder / os.fsdecode(b"M\xfcller.nrrd"))
    assert np.array_equal(read_volume(path).array, VALUES)


def test_a_path_that_is_not_utf8_is_refused_where_itk_cannot_take_it(write: Write, tmp_path: Path) -> None:
    path = write("scan.nhdr").rename(tmp_path / os.fsdecode(b"M\xfcller.nhdr"))
    with pytest.raises(InputError, match="not UTF-8"):
        read_volume(path)


# ---- bounds


def test_a_gzip_stream_longer_than_its_header_says_is_refused_without_being_unpacked(write: Write) -> None:
    path = write("scan.nrrd", {"encoding: raw": "encoding: gzip"})
    header = path.read_bytes().partition(b"\n\n")[0] + b"\n\n"
    bomb = gzip.compress(VALUES.tobytes() + bytes(2 * 10**9), 1)
    path.write_bytes(header + bomb)
    before = peak_bytes()
    with pytest.raises(InputError, match="more than the header promises"):
        read_volume(path)
    assert peak_bytes() - before < 10**8


def test_a_gzip_stream_of_several_members_is_read(write: Write) -> None:
    path = write("scan.nrrd", {"encoding: raw": "encoding: gzip"})
    header = path.read_bytes().partition(b"\n\n")[0] + b"\n\n"
    raw = VALUES.tobytes()
    path.write_bytes(header + gzip.compress(raw[:100]) + gzip.compress(raw[100:]))
    assert np.array_equal(read_volume(path).array, VALUES)


@pytest.mark.parametrize("name", ["scan.nrrd", "scan.mha"])
def test_slices_that_a_header_does_not_count_are_told(write: Write, name: str) -> None:
    sizes = {"sizes: 6 5 4": "sizes: 6 5 2"} if name == "scan.nrrd" else {"DimSize = 6 5 4": "DimSize = 6 5 2"}
    volume = read_volume(write(name, sizes))
    assert volume.shape_ijk == (6, 5, 2) and "slices may be missing" in volume.notes[0]


def test_the_compressed_size_that_a_metaimage_states_is_compared_with_the_file(write: Write) -> None:
    path = write("scan.mha", compressed=True)
    stated = next(line for line in path.read_bytes().split(b"\n") if line.startswith(b"CompressedDataSize"))
    path.write_bytes(path.read_bytes().replace(stated, b"CompressedDataSize = 99999999999"))
    with pytest.raises(InputError, match="100.0 GB of compressed voxels"):
        read_volume(path)


def packed(write: Write, name: str) -> tuple[Path, bytes, bytes]:
    """A compressed file, its header and its stream."""
    path = write(name, compressed=True)
    raw = path.read_bytes()
    end = raw.index(b"\n\n") + 2 if name.endswith(".nrrd") else raw.index(b"ElementDataFile = LOCAL\n") + 24
    return path, raw[:end], raw[end:]


def sized(header: bytes, stream: bytes) -> bytes:
    """A MetaImage with the size that the stream has."""
    return re.sub(rb"CompressedDataSize = \d+", b"CompressedDataSize = %d" % len(stream), header) + stream


@pytest.mark.parametrize("name", ["scan.mha", "scan.nrrd"])
def test_a_compressed_file_with_a_changed_byte_anywhere_is_refused(write: Write, name: str) -> None:
    path, header, stream = packed(write, name)
    first = 10 if name.endswith(".nrrd") else 2  # the header of gzip holds a time
    for at in range(first, len(stream)):
        path.write_bytes(header + stream[:at] + bytes([stream[at] ^ 0x55]) + stream[at + 1 :])
        with pytest.raises(InputError, match="damaged|ends early|more than the header promises"):
            read_volume(path)


@pytest.mark.parametrize("count", [0, 1, 119, 121, 240])
@pytest.mark.parametrize("name", ["scan.mha", "scan.nrrd"])
def test_a_sound_stream_of_fewer_or_more_voxels_is_refused(write: Write, name: str, count: int) -> None:
    path, header, _ = packed(write, name)
    values = np.resize(VALUES, count).tobytes()
    path.write_bytes(sized(header, zlib.compress(values)) if name == "scan.mha" else header + gzip.compress(values))
    with pytest.raises(InputError, match="ends early" if count < 120 else "more than the header promises"):
        read_volume(path)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_metaimage_whose_stream_is_cut_off_is_refused_whatever_size_it_states(write: Write, kept: float) -> None:
    path, header, stream = packed(write, "scan.mha")
    part = stream[: int(len(stream) * kept)]
    for content in (sized(header, part), header + part.ljust(len(stream), b"\0"), header + part):
        path.write_bytes(content)
        with pytest.raises(InputError, match="damaged|ends early"):
            read_volume(path)


@pytest.mark.parametrize("more", [-1, 3])
def test_a_compressed_size_that_is_not_that_of_the_stream_is_refused(write: Write, more: int) -> None:
    path, header, stream = packed(write, "scan.mha")
    path.write_bytes(sized(header, stream + bytes(more) if more > 0 else stream[:more]) + bytes(10))
    with pytest.raises(InputError, match="damaged|ends early"):
        read_volume(path)


def test_a_compressed_metaimage_without_its_size_is_refused_by_the_name_of_the_field(write: Write) -> None:
    path, header, stream = packed(write, "scan.mha")
    path.write_bytes(re.sub(rb"CompressedDataSize = \d+\n", b"", header) + stream)
    with pytest.raises(InputError, match="lacks the field 'CompressedDataSize'"):
        read_volume(path)


def test_bytes_to_skip_in_a_gzip_stream_are_no_voxels(write: Write) -> None:
    path, header, _ = packed(write, "scan.nrrd")
    path.write_bytes(header.replace(b"\n\n", b"\nbyte skip: 3\n\n") + gzip.compress(b"abc" + VALUES.tobytes()))
    assert np.array_equal(read_volume(path).array, VALUES)


@pytest.mark.parametrize("how", ["LIST", "part%d.raw 1 {} 1"])
@pytest.mark.parametrize("name", ["scan.mhd", "scan.nhdr"])
def test_slices_in_files_of_their_own_are_read_where_each_is_there_and_whole(
    write: Write, tmp_path: Path, name: str, how: str
) -> None:
    path = write(name)
    stated = re.search(rb"(ElementDataFile = |data file: )(.*)\n", path.read_bytes())
    assert stated is not None

    def parts(count: int) -> None:
        for number in range(1, count + 1):
            (tmp_path / f"part{number}.raw").write_bytes(np.resize(VALUES, (8, 5, 6))[number - 1].tobytes())
        names = "".join(f"part{number}.raw\n" for number in range(1, count + 1)) if how == "LIST" else ""
        line = stated.group(1) + how.format(count).encode() + b"\n" + names.encode()
        path.write_bytes(raw.replace(stated.group(0), line))

    raw = path.read_bytes()
    parts(4)
    volume = read_volume(path)
    assert np.array_equal(volume.array, VALUES) and np.allclose(volume.ijk_to_ras, AFFINE) and volume.notes == ()
    (tmp_path / "part3.raw").write_bytes(b"cut off")
    with pytest.raises(InputError, match="part3.raw: .*ends early with 7 bytes"):
        read_volume(path)
    (tmp_path / "part3.raw").unlink()
    with pytest.raises(InputError, match="part3.raw, is missing"):
        read_volume(path)
    for count in (1, 3, 5):
        parts(count)
        with pytest.raises(InputError, match=f"counts 4 slices, but names {count} files"):
            read_volume(path)


@pytest.mark.parametrize("kinds", [None, "none domain domain domain", "domain domain domain domain"])
def test_an_axis_outside_space_of_no_kind_is_refused_by_the_name_of_the_field(write: Write, kinds: str | None) -> None:
    changed = {"dimension: 3": "dimension: 4", "sizes: 6 5 4": "sizes: 1 6 5 4", "directions: ": "directions: none "}
    path = write("scan.nrrd", changed)
    line = b"" if kinds is None else b"kinds: " + kinds.encode() + b"\n"
    path.write_bytes(path.read_bytes().replace(b"kinds: domain domain domain\n", line))
    with pytest.raises(InputError, match="states kinds as.*not supported"):
        read_volume(path)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("ElementToIntensityFunctionSlope = 2", "ElementToIntensityFunctionSlope"),
        ("ElementToIntensityFunctionOffset = -1024", "ElementToIntensityFunctionOffset"),
        ("ElementByteOrderMSB = True", "BinaryDataByteOrderMSB and ElementByteOrderMSB"),
    ],
)
def test_a_field_of_a_metaimage_that_changes_the_values_is_refused_by_name(write: Write, line: str, field: str) -> None:
    with pytest.raises(InputError, match=f"states {field} as"):
        read_volume(write("scan.mha", line=line))


def test_fields_of_a_metaimage_that_change_nothing_are_read_without_a_note(write: Write) -> None:
    neutral = "ElementToIntensityFunctionSlope = 1\nElementToIntensityFunctionOffset = 0\nDistanceUnits = mm"
    volume = read_volume(write("scan.mha", line=neutral + "\nElementByteOrderMSB = False"))
    assert np.array_equal(volume.array, VALUES) and volume.notes == ()


def test_a_unit_other_than_mm_is_noted(write: Write) -> None:
    paths = [write("scan.mha", line="DistanceUnits = cm"), write("scan.nrrd", line='space units: "cm" "cm" "cm"')]
    plain = write("spacings.nrrd")
    lines = [line for line in plain.read_bytes().split(b"\n\n")[0].split(b"\n") if not line.startswith(b"space")]
    stated = [*lines, b"spacings: 1 1 2", b'units: "cm" "cm" "cm"']
    plain.write_bytes(b"\n".join(stated) + b"\n\n" + VALUES.tobytes())
    for path in (*paths, plain):
        assert "states its unit as cm" in " ".join(read_volume(path).notes)
