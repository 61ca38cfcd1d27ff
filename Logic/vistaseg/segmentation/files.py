"""The forms in which a segmentation is kept, told apart by the path; and whether a path can be written."""

from __future__ import annotations

import os
from pathlib import Path

from vistaseg.errors import InputError, UsageError
from vistaseg.segmentation.label_files import (
    read_folder,
    read_label_map,
    table_path,
    write_folder,
    write_label_map,
)
from vistaseg.segmentation.model import Segmentation
from vistaseg.segmentation.replacing import check_folder, write_error
from vistaseg.segmentation.seg_nrrd import write_seg_nrrd
from vistaseg.segmentation.seg_nrrd_reader import read_seg_nrrd
from vistaseg.segmentation.table import read_table

OUTPUT_FORMATS = "a file .seg.nrrd, .nii.gz or .nii, or a folder for one NIfTI file per structure"
_WRITERS = {".seg.nrrd": write_seg_nrrd, ".nii.gz": write_label_map, ".nii": write_label_map}
_READERS = {".nrrd": read_seg_nrrd, ".nii.gz": read_label_map, ".nii": read_label_map}


def write_segmentation(segmentation: Segmentation, path: Path | str) -> None:
    """Write a segmentation in the form that the path asks for; see `OUTPUT_FORMATS`.

    A path that is a folder, ends with a slash or has no suffix is a folder. What was there before is
    replaced only when all of the new is complete.

    Raises:
        UsageError: unknown suffix, a place that cannot be written, no room, or overlapping segments for a
            label map.
    """
    check_writable(path)
    _WRITERS.get(_output_suffix(path), write_folder)(segmentation, Path(path))


def check_writable(path: Path | str) -> None:
    """Check, before a long computation, that a segmentation can be written to `path`.

    Raises:
        UsageError: says what is wrong with it.
    """
    try:
        _check_place(path)
    except OSError as error:
        raise write_error(Path(path), error) from error


def _check_place(path: Path | str) -> None:
    target = Path(path)
    if not _output_suffix(path):
        check_folder(target if target.is_dir() else target.parent)
        return
    if target.is_dir():
        raise UsageError(f"{target} is a folder: give another name.")
    if target.name.lower().endswith((".nii", ".nii.gz")):
        _spare_foreign_table(table_path(target))
    check_folder(target.parent)


def _output_suffix(path: Path | str) -> str:
    """The suffix of a file to write, "" for a folder."""
    target = Path(path)
    found = next((suffix for suffix in _WRITERS if target.name.lower().endswith(suffix)), "")
    separators = tuple(filter(None, (os.sep, os.altsep)))
    if found or target.is_dir() or str(path).endswith(separators):
        return found
    if target.suffix or target.exists():
        raise UsageError(f"{target} is no place for a segmentation: give {OUTPUT_FORMATS}.")
    return ""


def _spare_foreign_table(path: Path) -> None:
    """A JSON file of the same name may be another program's, a BIDS sidecar for one."""
    try:
        ours = not path.exists() or read_table(path) is not None
    except InputError:
        ours = False
    if not ours:
        raise UsageError(f"{path} would be overwritten, and VistaSeg did not write it: give another name.")


def read_segmentation(path: Path | str) -> Segmentation:
    """Read what `write_segmentation` wrote, a `.seg.nrrd` of 3D Slicer, or a plain label map.

    Raises:
        InputError: missing, of another kind, or damaged.
    """
    source = Path(path)
    if source.is_dir():
        return read_folder(source)
    if not source.exists():
        raise InputError(f"{source} does not exist: check the path.")
    for suffix, read in _READERS.items():
        if source.name.lower().endswith(suffix):
            return read(source)
    raise InputError(f"{source} is of no known kind: give {OUTPUT_FORMATS}.")
