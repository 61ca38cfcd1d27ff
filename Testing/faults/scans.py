"""Scans: NIfTI, NRRD, MetaImage, DICOM; each with an independent reader of the mutated file."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from faults.judge import Case
from faults.mutations import ODD_TEXTS, byte_mutations
from faults.worker import Outcome, attempt

Place = tuple[np.ndarray, np.ndarray]
"""Voxels (k, j, i), and index (i, j, k) to RAS mm (4, 4)."""

SHAPE_KJI = (6, 9, 10)
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def oblique() -> np.ndarray:
    """Anisotropic, tilted and flipped: no mistake about an axis or a side goes unseen."""
    from dicom_segmentations import AXIAL, rotation

    return rotation((1, 2, 3), 17) @ AXIAL @ np.diag([1.0, 1.3, 1, 1])


def voxels() -> np.ndarray:
    """HU (k, j, i), another one in each voxel."""
    values = np.random.default_rng(0).permutation(int(np.prod(SHAPE_KJI))).reshape(SHAPE_KJI)
    return (values - 500).astype(np.int16)


def probe(path: Path) -> dict[str, Any]:
    """What `vistaseg info` and `read_volume` say of a scan."""
    from vistaseg.cli.main import main

    sys.argv = ["vistaseg", "info", "--json", str(path)]
    try:
        main()
    except SystemExit as stop:
        if stop.code:
            raise
    from vistaseg.volume import read_volume

    volume = read_volume(path)
    return {"place": (np.array(volume.array), volume.ijk_to_ras), "notes": volume.notes}


def with_itk(path: Path) -> Place:
    """What SimpleITK says of a file."""
    import SimpleITK

    image = SimpleITK.ReadImage(str(path))
    if image.GetDimension() == 4:
        image = image[..., 0]
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return SimpleITK.GetArrayFromImage(image), _LPS @ affine


def nifti_2_with_itk(path: Path) -> Place:
    """What SimpleITK, which reads no NIfTI-2, says of the same header as NIfTI-1."""
    import nibabel

    content = path.read_bytes()
    second = np.frombuffer(content, _header_type(2), 1)[0]
    first = nibabel.Nifti1Header().structarr.copy()
    for name in first.dtype.names:
        if name in second.dtype.names and name not in ("sizeof_hdr", "magic", "vox_offset"):
            first[name] = second[name]
    first["magic"], first["vox_offset"] = b"n+1", 352
    other = path.with_name("first.nii")
    other.write_bytes(first.tobytes() + bytes(4) + content[int(second["vox_offset"]) :])
    return with_itk(other)


def with_pydicom(folder: Path) -> Place:
    """What the pixels and places of the largest series of a folder say."""
    import pydicom

    groups: dict[str, list[Any]] = {}
    for path in sorted(folder.iterdir()):
        image = pydicom.dcmread(path, force=True)
        groups.setdefault(str(image.get("SeriesInstanceUID", "")), []).append(image)
    images = max(groups.values(), key=len)
    if len(images) == 1 and "PerFrameFunctionalGroupsSequence" in images[0]:
        return _with_frames(images[0])
    along, down = np.reshape([float(v) for v in images[0].ImageOrientationPatient], (2, 3))
    normal = np.cross(along, down)
    places = [np.array([float(v) for v in image.ImagePositionPatient]) for image in images]
    order = np.argsort([place @ normal for place in places])
    stack = [_rescaled(images[n].pixel_array, images[n]) for n in order]
    between = (places[order[-1]] - places[order[0]]) / (len(order) - 1)
    return _placed(stack, along, down, [float(v) for v in images[0].PixelSpacing], between, places[order[0]])


def _rescaled(stored: np.ndarray, told: Any) -> np.ndarray:
    """Without a slope and an intercept the values are what is stored."""
    return stored * float(told.get("RescaleSlope", 1)) + float(told.get("RescaleIntercept", 0))


def _with_frames(image: Any) -> Place:
    shared = image.SharedFunctionalGroupsSequence[0]
    along, down = np.reshape(list(shared.PlaneOrientationSequence[0].ImageOrientationPatient), (2, 3))
    frames = image.PerFrameFunctionalGroupsSequence
    places = [np.array(list(frame.PlanePositionSequence[0].ImagePositionPatient), float) for frame in frames]
    order = np.argsort([place @ np.cross(along, down) for place in places])
    group = shared.get("PixelValueTransformationSequence")
    hounsfield = _rescaled(image.pixel_array[order], group[0] if group else image)
    between = (places[order[-1]] - places[order[0]]) / (len(order) - 1)
    spacing = [float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing]
    return _placed(hounsfield, along, down, spacing, between, places[order[0]])


def _placed(
    stack: Any, along: np.ndarray, down: np.ndarray, spacing: Sequence[float], between: np.ndarray, first: np.ndarray
) -> Place:
    affine = np.eye(4)
    affine[:3, :3] = np.stack([along * spacing[1], down * spacing[0], between], axis=1)
    affine[:3, 3] = first
    return np.stack(list(stack)), _LPS @ affine


def same_place(one: Place, other: Place) -> bool:
    """Whether each voxel of one has its value at the same place in the other, in whatever order of the axes."""
    (values, affine), (others, theirs) = one, other
    if values.shape != others.shape:
        return False
    if np.allclose(affine, theirs, atol=2e-3) and np.allclose(values, others, atol=1e-3, equal_nan=True):
        return True
    flipped = theirs.copy()  # slices in the other order, at the same places
    flipped[:3, 3] += theirs[:3, 2] * (others.shape[0] - 1)
    flipped[:3, 2] *= -1
    return np.allclose(affine, flipped, atol=2e-3) and np.allclose(values, others[::-1], atol=1e-3, equal_nan=True)


def judged(
    independent: Callable[[Path], Place],
    name: str,
    strict: bool,
    word: bool,
    folder: Path,
    outcome: Outcome,
) -> str:
    """Why a scan was not read right, or "".

    Args:
        strict: the changed value cannot be read, so that only the unmutated truth, or a word, will do.
        word: there are two truths.
    """
    found = outcome.result
    if found is None:
        return "nothing was returned"
    truth = (voxels(), oblique())
    if same_place(found["place"], truth):
        return "nothing was said of two truths" if word and not found["notes"] else ""
    other = attempt(partial(independent, folder / name), seconds=20).result
    if other is None:
        return f"another place or other values than before, which no one else reads; notes {found['notes']}"
    if not same_place(found["place"], other):
        return f"other than before and than the independent reader; notes {found['notes']}"
    if (strict or word) and not found["notes"]:
        return "read as the independent reader does, without a word"
    return ""


def case_of_file(
    reader: str, what: str, name: str, content: bytes, names: Sequence[str], strict: bool = False, word: bool = False
) -> Case:
    """A case of one file that ITK reads, too."""
    independent = nifti_2_with_itk if reader == "NIfTI-2" else with_itk
    return Case(
        reader,
        what,
        lambda folder: _put(folder / name, content),
        lambda folder: probe(folder / name),
        partial(judged, independent, name, strict, word),
        (*names, name),
    )


def _put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


# NIfTI


@lru_cache
def nifti_content(version: int = 1) -> bytes:
    import nibabel

    kind = nibabel.Nifti1Image if version == 1 else nibabel.Nifti2Image
    image = kind(voxels().transpose(2, 1, 0), oblique())
    image.set_sform(oblique(), 1)
    image.set_qform(oblique(), 1)
    return image.to_bytes()


def _header_type(version: int) -> np.dtype[Any]:
    import nibabel

    return (nibabel.nifti1 if version == 1 else nibabel.nifti2).header_dtype


_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "zero": lambda v: 0, "negative": lambda v: -v if v else -1, "doubled": lambda v: 2 * v, "one more": lambda v: v + 1,
    "one less": lambda v: v - 1, "huge": lambda v: None, "nan": lambda v: np.nan, "inf": lambda v: np.inf,
}  # fmt: skip


def nifti_cases(seed: int) -> Iterator[Case]:
    """Of .nii, .nii.gz and NIfTI-2."""
    for version in (1, 2):
        content = nifti_content(version)
        reader, suffix = ("NIfTI", ".nii") if version == 1 else ("NIfTI-2", ".nii")
        for what, changed, strict in _nifti_fields(content, version):
            yield case_of_file(reader, what, f"scan{suffix}", changed, (), strict)
            if version == 1 and ("dim" in what or "scl" in what or "offset" in what):
                yield case_of_file("NIfTI, gzip", what, "scan.nii.gz", gzip.compress(changed, 1), (), strict)
        ends = (4, 40, 76, 108, 252, 348) if version == 1 else (4, 16, 80, 168, 344, 540)
        for what, changed in byte_mutations(content, ends, seed):
            yield case_of_file(reader, what, f"scan{suffix}", changed, ())
    packed = gzip.compress(nifti_content(), 6, mtime=0)
    for what, changed in byte_mutations(packed, (2, 10, 60, 200), seed + 1, flips=9):
        yield case_of_file("NIfTI, gzip", what, "scan.nii.gz", changed, ())
    yield case_of_file("NIfTI, gzip", "two streams", "scan.nii.gz", packed + packed, ())
    yield case_of_file("NIfTI", "gzip under .nii", "scan.nii", packed, ())
    yield case_of_file("NIfTI, gzip", "not compressed", "scan.nii.gz", nifti_content(), ())
    yield from _two_forms()


def _nifti_fields(content: bytes, version: int) -> Iterator[tuple[str, bytes, bool]]:
    kind = _header_type(version)
    for name in kind.names or ():
        base, offset = kind.fields[name][:2]
        count, item = int(np.prod(base.shape or (1,))), base.base
        if item.kind not in "iuf":
            yield f"{name} odd letters", _spliced(content, offset, b"\xff" * base.itemsize), False
            continue
        relevant = name in ("dim", "pixdim", "srow_x", "srow_y", "srow_z", "scl_slope", "scl_inter", "vox_offset",
                            "sform_code", "qform_code", "quatern_b", "qoffset_x", "datatype", "bitpix", "xyzt_units",
                            "sizeof_hdr")  # fmt: skip
        for number in range(min(count, 5) if relevant else 1):
            at = offset + number * item.itemsize
            for mutation, change in list(_NUMBERS.items()) if relevant else list(_NUMBERS.items())[3::4]:
                value = np.frombuffer(content, item, 1, at)[0]
                changed = _number(change, value, item)
                if changed is not None:
                    strict = relevant and (mutation in ("nan", "inf") or (name == "dim" and mutation == "one less"))
                    yield f"{name}[{number}] {mutation}", _spliced(content, at, changed), strict
    swapped = np.frombuffer(content[: kind.itemsize], kind).byteswap().tobytes()
    yield "other byte order in the header alone", swapped + content[kind.itemsize :], True
    whole = np.frombuffer(content[kind.itemsize + 4 :], "<i2").byteswap().tobytes()
    yield "other byte order", swapped + content[kind.itemsize : kind.itemsize + 4] + whole, False


def _number(change: Callable[[Any], Any], value: Any, item: np.dtype[Any]) -> bytes | None:
    with np.errstate(all="ignore"):
        changed = change(float(value) if item.kind == "f" else int(value))
        if changed is None:
            changed = np.finfo(item).max if item.kind == "f" else np.iinfo(item).max
        if item.kind != "f" and (changed != changed or abs(changed) == np.inf):
            return None
        if item.kind != "f":
            info = np.iinfo(item)
            changed = (int(changed) - info.min) % 2 ** (8 * item.itemsize) + info.min
        return np.array(changed, item).tobytes()


def _spliced(content: bytes, at: int, piece: bytes) -> bytes:
    return content[:at] + piece + content[at + len(piece) :]


def _two_forms() -> Iterator[Case]:
    import nibabel

    mirrored, moved = np.diag([-1.0, 1, 1, 1]) @ oblique(), oblique()
    moved[:3, 3] += (20, 20, 30)
    permuted = oblique()[:, [1, 0, 2, 3]]
    for other, matrix in (("mirrored", mirrored), ("moved", moved), ("axes swapped", permuted)):
        for codes in ((1, 1), (1, 2), (2, 1), (3, 4)):
            for which in ("sform", "qform"):
                image = nibabel.Nifti1Image(voxels().transpose(2, 1, 0), oblique())
                image.set_qform(matrix if which == "qform" else oblique(), codes[0])
                image.set_sform(matrix if which == "sform" else oblique(), codes[1])
                name = f"{which} {other}, codes {codes[0]} {codes[1]}"
                yield case_of_file("NIfTI", name, "scan.nii", image.to_bytes(), (), word=True)


# NRRD and MetaImage


def nrrd_content(packed: bool) -> bytes:
    lps = _LPS @ oblique()
    directions = " ".join(f"({','.join(repr(float(v)) for v in column)})" for column in lps[:3, :3].T)
    origin = ",".join(repr(float(v)) for v in lps[:3, 3])
    k, j, i = SHAPE_KJI
    lines = [
        "NRRD0004", "type: short", "dimension: 3", "space: left-posterior-superior", f"sizes: {i} {j} {k}",
        f"space directions: {directions}", "kinds: domain domain domain", "endian: little",
        f"encoding: {'gzip' if packed else 'raw'}", f"space origin: ({origin})", "modality:=CT",
    ]  # fmt: skip
    data = voxels().astype("<i2").tobytes()
    return ("\n".join(lines) + "\n\n").encode() + (gzip.compress(data, mtime=0) if packed else data)


def meta_content(packed: bool = False) -> bytes:
    lps = _LPS @ oblique()
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    k, j, i = SHAPE_KJI
    data = voxels().astype("<i2").tobytes()
    if packed:
        import zlib

        data = zlib.compress(data)
    sizes = [f"CompressedData = {packed}", *([f"CompressedDataSize = {len(data)}"] if packed else [])]
    lines = [
        "ObjectType = Image", "NDims = 3", "BinaryData = True", "BinaryDataByteOrderMSB = False", *sizes,
        f"TransformMatrix = {' '.join(repr(float(v)) for v in (lps[:3, :3] / spacing).T.ravel())}",
        f"Offset = {' '.join(repr(float(v)) for v in lps[:3, 3])}", "CenterOfRotation = 0 0 0",
        f"ElementSpacing = {' '.join(repr(float(v)) for v in spacing)}", f"DimSize = {i} {j} {k}",
        "ElementType = MET_SHORT", "ElementDataFile = LOCAL",
    ]  # fmt: skip
    return ("\n".join(lines) + "\n").encode() + data


_PLACES = ("space", "origin", "sizes", "dimension", "Offset", "Matrix", "Spacing", "DimSize", "NDims", "type", "endian")


def text_cases(reader: str, name: str, content: bytes, end: bytes, seed: int) -> Iterator[Case]:
    """Of a header of lines.

    Args:
        end: what ends the header.
    """
    stop = content.index(end) + len(end)
    lines = content[: content.index(end)].decode().split("\n")
    for number, line in enumerate(lines):
        sign = next((sign for sign in (":=", ":", "=") if sign in line), None)
        changes = {"removed": [], "doubled": [line, line], "odd letters": [line + "\x00\xff\u4e2d"]}
        key = line if sign is None else line.split(sign)[0].strip()
        relevant = any(place in key for place in _PLACES)
        if sign is not None:
            value = line.split(sign, 1)[1].strip()
            changes["a second value"] = [line, f"{key}{sign} {_other(value)}"]
            for odd, text in ODD_TEXTS.items():
                changes[odd] = [f"{key}{sign} {text}"]
                parts = value.replace("(", " ").replace(")", " ").replace(",", " ").split()
                if len(parts) > 1:
                    changes[f"{odd} within"] = [f"{key}{sign} {value.replace(parts[0], text, 1)}"]
                    changes["one more value"] = [f"{key}{sign} {value} {parts[-1]}"]
                    changes["one less value"] = [f"{key}{sign} {value.rsplit(' ', 1)[0]}"]
        for what, put in changes.items():
            changed = (
                "\n".join([*lines[:number], *put, *lines[number + 1 :]]).encode("utf-8") + content[stop - len(end) :]
            )
            strict = relevant and what.split()[0] in (
                "nan",
                "inf",
                "text",
                "comma",
                "huge",
                "blank",
                "encoding",
                "1e308",
            )
            yield case_of_file(reader, f"{key[:30]}: {what}", name, changed, (key,), strict)
    ends = [len("\n".join(lines[: n + 1])) for n in range(0, len(lines), 3)]
    for what, changed in byte_mutations(content, (*ends, stop), seed):
        yield case_of_file(reader, what, name, changed, ())


def _other(value: str) -> str:
    digits = [c for c in value if c.isdigit() and c != "0"]
    return value.replace(digits[0], str((int(digits[0]) % 9) + 1)) if digits else value + "x"


def itk_cases(seed: int) -> Iterator[Case]:
    """Of NRRD and MetaImage."""
    yield from text_cases("NRRD", "scan.nrrd", nrrd_content(False), b"\n\n", seed)
    packed = nrrd_content(True)
    for what, changed in byte_mutations(packed, (packed.index(b"\n\n") + 2, len(packed) - 8), seed + 2, flips=9):
        yield case_of_file("NRRD", f"gzip: {what}", "scan.nrrd", changed, ())
    yield from text_cases("MetaImage", "scan.mha", meta_content(), b"LOCAL\n", seed)
    packed = meta_content(True)
    for what, changed in byte_mutations(packed, (packed.index(b"LOCAL\n") + 6, len(packed) - 4), seed + 3, flips=9):
        yield case_of_file("MetaImage", f"packed: {what}", "scan.mha", changed, ())
    yield from _pairs()


def _pairs() -> Iterator[Case]:
    header, data = meta_content().split(b"LOCAL\n")
    for what, file, raw in (
        ("as it was", b"scan.raw", data), ("data missing", b"scan.raw", None), ("data cut off", b"scan.raw", data[:-9]),
        ("data too long", b"scan.raw", data + b"0" * 180), ("data empty", b"scan.raw", b""),
        ("data above", b"../scan.raw", data), ("data is itself", b"scan.mhd", data), ("data a folder", b".", data),
        ("data a device", b"/dev/zero", data), ("a pattern", b"slice%03d.raw 1 6 1", data),
        ("a long pattern", b"%999999999d.raw 1 6 1", data), ("a list", b"LIST", data),
    ):  # fmt: skip
        yield Case(
            "MetaImage",
            f"pair: {what}",
            partial(_put_pair, header + file + b"\n", raw),
            lambda folder: probe(folder / "scan.mhd"),
            partial(judged, with_itk, "scan.mhd", what != "as it was", False),
            ("scan.mhd", "scan.raw", "ElementDataFile"),
        )


def _put_pair(header: bytes, raw: bytes | None, folder: Path) -> None:
    (folder / "scan.mhd").write_bytes(header)
    if raw is not None:
        (folder / "scan.raw").write_bytes(raw)
