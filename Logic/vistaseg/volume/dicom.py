"""Reading a DICOM series, one file a slice, into a volume."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vistaseg.errors import InputError
from vistaseg.volume.volume import Volume, ras_affine

_TAGS = [
    "BitsStored", "Columns", "ImageOrientationPatient", "ImagePositionPatient", "ImageType", "Modality",
    "NumberOfFrames", "PixelRepresentation", "PixelSpacing", "RescaleIntercept", "RescaleSlope", "Rows",
    "SamplesPerPixel", "SeriesDescription", "SeriesInstanceUID",
]  # fmt: skip
_PLACING_TAGS = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2}
_DIRECTION_TOLERANCE = 1e-3
_GAP_TOLERANCE = 0.1  # part of the usual distance; positions are often rounded to 0.1 mm
_SAME_POSITION_MM = 1e-3


def is_dicom(path: Path) -> bool:
    """Whether the file carries the DICOM mark after its preamble."""
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def read_dicom(path: Path) -> Volume:
    """Read the largest CT series of a folder and those below it, or the series that one file belongs to.

    Without a CT series the largest of another modality is read, and `Volume.modality` tells. Values are
    rescaled slice by slice.

    Raises:
        InputError: there is no series of images, or it makes no regular volume; the message says why.
    """
    if path.is_dir():
        chosen, notes = _largest(list(_group(path.rglob("*")).values()))
    else:
        chosen, notes = _series_around(path), ()
    slices = _without_localizers(chosen)
    _check_images(slices)
    ordered, step = _sorted_by_position(slices)
    affine = _affine(ordered[0], step)
    first = ordered[0]
    name = str(first.get("SeriesDescription", "")).strip() or path.resolve().name
    return Volume(_voxels(ordered), affine, name, str(first.get("Modality", "")) or None, notes)


def _group(files: Iterable[Path]) -> dict[tuple[str, str], list[Any]]:
    """Headers of all images among the files, by series; without a UID a folder is a series."""
    groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
    once = {item.resolve(): item for item in sorted(files, reverse=True) if item.is_file()}  # a link is no copy
    for path in sorted(item for item in once.values() if is_dicom(item)):
        header = _header(path)
        if header is not None and "Rows" in header:
            uid = str(header.get("SeriesInstanceUID", "") or "")
            groups[uid, "" if uid else str(path.parent)].append(header)
    if not groups:
        raise InputError(
            "There are no DICOM images in this folder. Give the folder that holds the .dcm files, or an image file."
        )
    return groups


def _series_around(path: Path) -> list[Any]:
    """Headers of the series that a file belongs to.

    The others of a linked slice lie beside the link or beside what it points to: where more are found.
    """
    places = (path, path.resolve()) if path.is_symlink() else (path,)
    return max((_series_of(place) for place in places), key=len)


def _series_of(path: Path) -> list[Any]:
    for group in _group(path.parent.glob("*")).values():
        if any(_file(header).resolve() == path.resolve() for header in group):
            return group
    raise InputError("This DICOM file holds no image. Give a slice of the scan, or the folder of the series.")


def _header(path: Path) -> Any:
    import pydicom

    try:
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
    except (pydicom.errors.InvalidDicomError, OSError, ValueError, EOFError):
        return None


def _file(header: Any) -> Path:
    return Path(str(header.filename))


def _largest(series: list[list[Any]]) -> tuple[list[Any], tuple[str, ...]]:
    scans = [group for group in series if group[0].get("Modality") == "CT"] or series
    chosen = max(scans, key=len)
    if len(series) == 1:
        return chosen, ()
    description = str(chosen[0].get("SeriesDescription", "")).strip() or "without a description"
    equals = sum(len(group) == len(chosen) for group in scans)
    rank = "the largest one" if equals == 1 else f"the first of {equals} equally large ones"
    read = f"{rank} ({description}, {len(chosen)} images)"
    return chosen, (f"The folder holds {len(series)} series; {read} was read.",)


def _without_localizers(series: list[Any]) -> list[Any]:
    kept = [header for header in series if "LOCALIZER" not in (header.get("ImageType") or ())]
    return kept or series


def _check_images(series: list[Any]) -> None:
    if any(int(header.get("NumberOfFrames", 1) or 1) > 1 for header in series):
        raise InputError(
            "This is an enhanced (multi-frame) DICOM image, which cannot be read yet. Open it in 3D Slicer "
            "and save it as NRRD, or convert it to one file a slice."
        )
    if any(int(header.get("SamplesPerPixel", 1)) != 1 for header in series):
        raise InputError("This series is in colour, not a scan with one value a voxel. Give the scan itself.")
    if len(series) < 2:
        raise InputError("The series is a single slice. Give the folder with the whole series.")
    _check_placed(series)
    _check_alike(series)


def _check_placed(series: list[Any]) -> None:
    for header in series:
        for tag, count in _PLACING_TAGS.items():
            if np.size(header.get(tag)) != count:
                raise InputError(
                    f"{_file(header).name} has no usable {tag}, so its place is unknown. Export the series again."
                )


def _check_alike(series: list[Any]) -> None:
    first = series[0]
    if any(_size(header) != _size(first) for header in series):
        raise InputError(
            "The series mixes images of different size or pixel spacing. Split it, and give one part in a "
            "folder of its own."
        )
    turned = (np.abs(_orientation(header) - _orientation(first)).max() for header in series)
    if max(turned) > _DIRECTION_TOLERANCE:
        raise InputError(
            "The series has mixed orientations (axial and other slices together). Split it by orientation, "
            "and give one part in a folder of its own."
        )


def _size(header: Any) -> tuple[int, int, float, float]:
    row, column = header.PixelSpacing
    return int(header.Rows), int(header.Columns), round(float(row), 4), round(float(column), 4)


def _orientation(header: Any) -> np.ndarray:
    """(2, 3): LPS directions along a row and down a column."""
    return np.array(header.ImageOrientationPatient, dtype=np.float64).reshape(2, 3)


def _normal(header: Any) -> np.ndarray:
    along_row, down_column = _orientation(header)
    return np.asarray(np.cross(along_row, down_column))


def _position(header: Any) -> np.ndarray:
    return np.array(header.ImagePositionPatient, dtype=np.float64)


def _sorted_by_position(series: Sequence[Any]) -> tuple[list[Any], float]:
    """The slices in order along the slice normal, and their distance in mm."""
    normal = _normal(series[0])
    ordered = sorted(series, key=lambda header: float(_position(header) @ normal))
    places = np.array([_position(header) for header in ordered])
    gaps = np.diff(places @ normal)
    _check_gaps(gaps, ordered)
    _check_tilt(places, normal, float(max(ordered[0].PixelSpacing)))
    return ordered, float(gaps.mean())


def _check_gaps(gaps: np.ndarray, ordered: Sequence[Any]) -> None:
    doubled = int((gaps <= _SAME_POSITION_MM).sum())
    if doubled:
        raise InputError(
            f"{doubled} slices lie at the same position as another: the series holds several phases or "
            "reconstructions, or copies. Keep one image a position."
        )
    usual = float(np.median(gaps))
    worst = int(np.argmax(np.abs(gaps - usual)))
    if abs(gaps[worst] - usual) <= _GAP_TOLERANCE * usual:
        return
    between = f"between {_file(ordered[worst]).name} and {_file(ordered[worst + 1]).name}"
    if gaps[worst] > 1.5 * usual:
        raise InputError(
            f"Slices are missing: {gaps[worst]:.2f} mm {between}, elsewhere {usual:.2f} mm. Export the whole "
            "series again."
        )
    raise InputError(
        f"The slice distance is uneven: {gaps[worst]:.2f} mm {between}, elsewhere {usual:.2f} mm. Resample "
        "the series to even slices, in 3D Slicer for instance, and save it as NRRD."
    )


def _check_tilt(places: np.ndarray, normal: np.ndarray, pixel_mm: float) -> None:
    way = places[-1] - places[0]
    sideways = float(np.linalg.norm(way - (way @ normal) * normal))
    if sideways > pixel_mm / 2:
        raise InputError(
            f"The slices are sheared against each other by {sideways:.1f} mm (gantry tilt). Load the series "
            "in 3D Slicer with 'apply acquisition transform', harden it, and save it as NRRD."
        )


def _affine(first: Any, step: float) -> np.ndarray:
    row_spacing, column_spacing = (float(value) for value in first.PixelSpacing)
    along_row, down_column = _orientation(first)
    direction = np.stack([along_row, down_column, _normal(first)], axis=1)
    spacing = (column_spacing, row_spacing, step)
    return ras_affine(direction.ravel().tolist(), spacing, _position(first).tolist())


def _voxels(ordered: Sequence[Any]) -> np.ndarray:
    """(k, j, i) rescaled values: integers where all rescaling is in whole numbers, int16 where they fit."""
    rows, columns = int(ordered[0].Rows), int(ordered[0].Columns)
    output = np.empty((len(ordered), rows, columns), dtype=_result_type(ordered))
    for plane, header in zip(output, ordered, strict=True):
        slope, intercept = _rescale(header)
        stored = _pixels(_file(header))
        if stored.shape != plane.shape:
            raise InputError(f"The pixels of {_file(header).name} do not fit its header. Export the series again.")
        plane[...] = np.multiply(stored, slope, dtype=np.float64) + intercept
    return output


def _rescale(header: Any) -> tuple[float, float]:
    slope, intercept = header.get("RescaleSlope"), header.get("RescaleIntercept")
    return 1.0 if slope is None else float(slope), 0.0 if intercept is None else float(intercept)


def _result_type(ordered: Iterable[Any]) -> np.dtype[Any]:
    lowest, highest = 0.0, 0.0
    for header in ordered:
        slope, intercept = _rescale(header)
        if not (slope.is_integer() and intercept.is_integer()):
            return np.dtype(np.float32)
        bits, signed = int(header.get("BitsStored", 16)), int(header.get("PixelRepresentation", 0))
        bounds = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        ends = [bound * slope + intercept for bound in bounds]
        lowest, highest = min(lowest, *ends), max(highest, *ends)
    return np.dtype(np.int16 if lowest >= -(2**15) and highest < 2**15 else np.int32)


def _pixels(path: Path) -> np.ndarray:
    import pydicom

    try:
        image = pydicom.dcmread(path)
        _require_decoder(image, path)
        return np.asarray(image.pixel_array)
    except (AttributeError, NotImplementedError, RuntimeError, ValueError, EOFError, OSError) as error:
        raise InputError(
            f"The pixels of {path.name} cannot be decoded: the file is damaged, or its compression is not "
            "supported. Export the series again, uncompressed if need be."
        ) from error


def _require_decoder(image: Any, path: Path) -> None:
    """Some compressions need a package that is not there by default.

    Raises:
        NotImplementedError: a compression that no package decodes.
    """
    from pydicom.pixels.decoders.base import get_decoder

    syntax = image.file_meta.TransferSyntaxUID
    if not get_decoder(syntax).is_available:
        raise InputError(
            f"{path.name} is compressed as {syntax.name}, which takes one more package to decode. Install it with "
            "`pip install vistaseg[dicom]` (python-gdcm), or export the series again, uncompressed."
        )
