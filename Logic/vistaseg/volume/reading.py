"""From a path to a volume, whatever the file format.

The reader of each format is imported with the first file that needs it: in Slicer volumes come from the scene, and its
user does not wait for readers of files when the panel is opened.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from vistaseg.errors import InputError, UsageError
from vistaseg.volume.checks import check_volume
from vistaseg.volume.volume import Volume

_DEFAULT_NAME = Volume.name
_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm")
_PAIR_SUFFIXES = (".hdr", ".img", ".hdr.gz", ".img.gz")


def read_volume(path: os.PathLike[str] | str, series: str | None = None) -> Volume:
    """Read a scan: NIfTI in one file, NRRD, MetaImage and what else ITK can place, or DICOM, by folder or by slice.

    Args:
        series: of DICOM, which series: its UID, the beginning of it, or its number in the list of what there is.

    Raises:
        UsageError: this is not a path.
        InputError: the file is missing, damaged, not an image, or not a single three-dimensional scan with a
            usable geometry. The message begins with the name of the file.
    """
    if not isinstance(path, str | os.PathLike):
        raise UsageError(
            f"read_volume reads files, and this is a {type(path).__name__}. Use Volume.from_sitk(image), "
            "Volume.from_nibabel(image) or Volume.from_array(array, affine, axes=...)."
        )
    if not os.fsdecode(path):
        raise InputError("No file was named. Give the path of a scan; the folder in use is a point (.).")
    place = Path(os.fsdecode(path))
    with errors_naming(place):
        volume = _read_series(place, series) if holds_dicom(place) else _read_file(place, series)
        check_volume(volume)
    return replace(volume, name=_name(place)) if volume.name == _DEFAULT_NAME else volume


@contextmanager
def errors_naming(place: Path) -> Iterator[None]:
    """Errors in reading begin with the name of the file or folder.

    Raises:
        InputError: for the one raised in the block, or for what the system says.
    """
    try:
        yield
    except InputError as error:
        raise InputError(f"{place.name}: {error}") from error
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{place.name}: It cannot be read ({reason}). Check the path and its permissions.") from error


def holds_dicom(path: Path) -> bool:
    """Whether it is to be read as DICOM: a folder, or a file with its mark.

    Raises:
        InputError: there is nothing, or the file is empty.
    """
    if not path.exists():
        raise InputError(f"No such file or folder: {path}. Check the path.")
    if path.is_dir():
        return True
    if path.stat().st_size == 0:
        raise InputError("The file is empty. Copy or export it again.")
    from vistaseg.volume.dicom import is_dicom

    return is_dicom(path)


def _read_series(path: Path, series: str | None) -> Volume:
    from vistaseg.volume.dicom import read_dicom

    return read_dicom(path, series)


def _read_file(path: Path, series: str | None) -> Volume:
    if series is not None:
        raise InputError("This file is not DICOM, so there is nothing to choose a series from. Omit the series.")
    if path.name.lower().endswith((".nii", ".nii.gz")):
        from vistaseg.volume.nifti import read_nifti

        return read_nifti(path)
    if path.name.lower().endswith(_PAIR_SUFFIXES):
        raise InputError(
            "A header and its voxels in two files (.hdr and .img, Analyze or NIfTI) cannot be read safely: it would "
            "not show if one of them were cut off. Convert the pair to .nii.gz, in 3D Slicer for instance."
        )
    from vistaseg.volume.itk_files import read_with_itk

    return read_with_itk(path)


def _name(path: Path) -> str:
    for suffix in _SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem
