"""The formats of segmentations, chosen by the path; and whether a path can be written.

What reads or writes a form is imported with its first file: the panel in Slicer, which keeps segments in the scene,
opens without any of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from vistaseg.errors import InputError, UsageError
from vistaseg.segmentation.foreign import spare_foreign_files, spare_foreign_table
from vistaseg.segmentation.model import Segmentation

OUTPUT_FORMATS = "a file .seg.nrrd, .nii.gz or .nii, or a folder for one NIfTI file per structure"
_NIFTI = (".nii.gz", ".nii")


def write_segmentation(segmentation: Segmentation, path: Path | str) -> None:
    """Write a segmentation in the form that the path asks for; see `OUTPUT_FORMATS`.

    A path that is a folder, ends with a slash or has no suffix is a folder. What was there before is
    replaced only when all of the new is complete.

    Raises:
        UsageError: unknown suffix, a place that cannot be written, no room, a file of another program in the
            way, or overlapping segments for a label map.
    """
    check_writable(path)
    _writer(_output_suffix(path))(segmentation, Path(path))


def _writer(suffix: str) -> Callable[[Segmentation, Path], None]:
    if suffix == ".seg.nrrd":
        from vistaseg.segmentation.seg_nrrd import write_seg_nrrd

        return write_seg_nrrd
    from vistaseg.segmentation.label_files import write_folder, write_label_map

    return write_label_map if suffix else write_folder


def check_writable(path: Path | str, names: Sequence[str] = ()) -> None:
    """Check, before a long computation, that a segmentation can be written to `path`.

    Args:
        path: where it will go.
        names: of the segments that it may have; in a folder each has a file.

    Raises:
        UsageError: says what is wrong with it.
    """
    if not str(path).strip():
        raise UsageError(f"No place for the segmentation was given: give {OUTPUT_FORMATS}.")
    try:
        _check_place(path, names)
    except OSError as error:
        from vistaseg.io import write_error

        raise write_error(Path(path), error) from error


def _check_place(path: Path | str, names: Sequence[str]) -> None:
    from vistaseg.io import check_file_place, check_folder
    from vistaseg.segmentation.label_files import file_names, table_path

    target = Path(path)
    if not _output_suffix(path):
        check_folder(target if target.is_dir() else target.parent)
        spare_foreign_files(target, file_names(names))
        return
    check_file_place(target)
    if target.name.lower().endswith(_NIFTI):
        spare_foreign_table(table_path(target))


def is_folder_output(path: Path | str) -> bool:
    """Whether a path to write to means a folder with one file per structure.

    Raises:
        UsageError: a segmentation cannot be written there.
    """
    return not _output_suffix(path)


def _output_suffix(path: Path | str) -> str:
    """The suffix of a file to write, "" for a folder."""
    target = Path(path)
    found = next((suffix for suffix in (".seg.nrrd", *_NIFTI) if target.name.lower().endswith(suffix)), "")
    separators = tuple(filter(None, (os.sep, os.altsep)))
    if found or target.is_dir() or str(path).endswith(separators):
        return found
    if target.suffix or target.exists():
        raise UsageError(f"{target} does not name a format for a segmentation: give {OUTPUT_FORMATS}.")
    return ""


def read_segmentation(path: Path | str) -> Segmentation:
    """Read what `write_segmentation` wrote, a `.seg.nrrd` of 3D Slicer, or a plain label map.

    Raises:
        InputError: missing, of another kind, or damaged.
    """
    if not str(path):
        raise InputError("No file was named. Give the path of a segmentation; the folder in use is a point (.).")
    from vistaseg.io import recover

    source = Path(path)
    recover(source.parent)
    if not source.exists():
        raise InputError(f"{source} does not exist: check the path.")
    if source.name.lower().endswith(".nrrd") and not source.is_dir():
        from vistaseg.segmentation.seg_nrrd_reader import read_seg_nrrd

        return read_seg_nrrd(source)
    from vistaseg.segmentation.label_files import read_folder, read_label_map

    if source.is_dir():
        return read_folder(source)
    if source.name.lower().endswith(_NIFTI):
        return read_label_map(source)
    raise InputError(f"{source} is of no known kind: give {OUTPUT_FORMATS}.")
