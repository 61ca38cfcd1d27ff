"""Segmentations as NIfTI: one label map with a table beside it, or a folder with one file per structure."""

from __future__ import annotations

import re
import reprlib
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vistaseg.errors import InputError, UsageError
from vistaseg.geometry.matrices import Matrix, same_grid, sound_affine
from vistaseg.io import locked, made_folder, recover, tidy, together, write_bytes
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation.foreign import own_files, spare_foreign_files
from vistaseg.segmentation.model import Segment, Segmentation
from vistaseg.segmentation.nifti import check_nifti_grid, read_nifti, write_nifti
from vistaseg.segmentation.overlap import require_label_map
from vistaseg.segmentation.slabs import label_dtype
from vistaseg.segmentation.table import (
    FOLDER_TABLE,
    WrittenFile,
    folder_table,
    is_described,
    label_map_table,
    read_table,
    segment_of_row,
    table_bytes,
    whole_number,
)

_WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def table_path(path: Path) -> Path:
    """`X.json` for `X.nii.gz` and `X.nii`."""
    return path.with_name(re.sub(r"\.nii(\.gz)?$", "", path.name, flags=re.IGNORECASE) + ".json")


def write_label_map(segmentation: Segmentation, path: Path) -> None:
    """Write a label map and, beside it, its table.

    Raises:
        UsageError: segments overlap, or a file cannot be written.
    """
    require_label_map(segmentation.segments)
    check_nifti_grid(segmentation.grid)
    painted = [(segment.label_value, segment) for segment in segmentation.segments]
    dtype = label_dtype(segmentation.segments)
    with together():
        sha256 = write_nifti(path, segmentation.shape_ijk, segmentation.ijk_to_ras, painted, dtype)
        table = label_map_table(segmentation, sha256)
        write_bytes(table_path(path), table_bytes(table))


def read_label_map(path: Path) -> Segmentation:
    """Read a label map; labels that no table beside it names are called "label 7".

    A table that was written for another file than this one is not believed, which a note says.

    Raises:
        InputError: the image or its table cannot be used.
    """
    labels, ijk_to_ras, notes = read_nifti(path)
    try:
        plain = replace(Segmentation.from_label_map(labels, ijk_to_ras, name=table_path(path).stem), notes=notes)
    except UsageError as error:
        raise InputError(f"{path}: {error}") from error
    if not table_path(path).exists():
        return plain
    table = read_table(table_path(path))
    if table is None:
        return replace(plain, notes=(*plain.notes, _not_a_table(path)))
    found = {segment.label_value: segment for segment in plain.segments}
    with _damage_reported(table_path(path)):
        if not is_described(path, table.get("image", {})):
            return replace(plain, notes=(*plain.notes, _not_believed(path)))
        named = [segment_of_row(row, _mask(found.pop(row["label"], None))) for row in table["segments"]]
        return _on_grid(table, plain, [*named, *found.values()])


def _not_a_table(path: Path) -> str:
    return f"{table_path(path).name} is not a table that VistaSeg wrote: each label is called by its number."


def _not_believed(path: Path) -> str:
    return (
        f"{table_path(path).name} describes another file than {path.name} as it is now: its names and codes were left "
        "out, and each label is called by its number."
    )


def _mask(segment: Segment | None) -> BoxedMask | None:
    return None if segment is None else segment.mask


@contextmanager
def _damage_reported(path: Path) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{path} is damaged ({reprlib.repr(error)}): write the segmentation again.") from error


def _on_grid(table: dict[str, Any], image: Segmentation, segments: list[Segment]) -> Segmentation:
    """NIfTI keeps positions in single precision; the table has them exactly, if it is of this image."""
    exact = sound_affine(table["grid"]["ijk_to_ras"])
    return Segmentation(
        image.shape_ijk,
        exact if _near(exact, image) else image.ijk_to_ras,
        segments,
        _text(table["name"]),
        image.notes,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a name is a text")
    return value


def write_folder(segmentation: Segmentation, folder: Path) -> None:
    """Write one NIfTI mask per structure, and `segments.json`, into a folder, made if it is not there.

    All is written beside first, then takes its place together; files of a former result that have no successor are
    removed, other files are left alone.

    Raises:
        UsageError: the folder or a file cannot be written, a file of another program is in the way, or another run
            writes there.
    """
    check_nifti_grid(segmentation.grid)
    names = file_names([segment.name for segment in segmentation.segments])
    with made_folder(folder), locked(folder), together() as files:
        tidy(folder)
        spare_foreign_files(folder, names)
        for stale in own_files(folder).difference(names):
            files.remove(folder / stale)
        pairs = zip(segmentation.segments, names, strict=True)
        written = [_write_mask(segmentation, segment, folder / name) for segment, name in pairs]
        write_bytes(folder / FOLDER_TABLE, table_bytes(folder_table(segmentation, written)))


def _write_mask(on: Segmentation, segment: Segment, path: Path) -> WrittenFile:
    sha256 = write_nifti(path, on.shape_ijk, on.ijk_to_ras, [(1, segment)], np.dtype(np.uint8))
    return WrittenFile(path.name, sha256)


def read_folder(folder: Path) -> Segmentation:
    """Read a folder that `write_folder` wrote.

    Raises:
        InputError: no table in it, or a file that is missing, damaged, on another grid, or not the one that the table
            was written for.
    """
    recover(folder)
    path = folder / FOLDER_TABLE
    table = read_table(path)
    if table is None:
        raise InputError(f"{path} is not a table that VistaSeg wrote: give a folder that it wrote.")
    with _damage_reported(path):
        grid, rows = table["grid"], table["segments"]
        i, j, k = (whole_number(size) for size in grid["size_ijk"])
        segmentation = Segmentation((i, j, k), sound_affine(grid["ijk_to_ras"]), name=_text(table["name"]))
        masks = [_read_mask(folder, row, segmentation) for row in rows]
        segments = [segment_of_row(row, mask) for row, mask in zip(rows, masks, strict=True)]
        return replace(segmentation, segments=segments)


def _read_mask(folder: Path, row: dict[str, Any], on: Segmentation) -> BoxedMask:
    path = folder / Path(row["file"]).name
    labels, ijk_to_ras, _ = read_nifti(path)
    if labels.shape != on.shape_kji or not _near(ijk_to_ras, on):
        raise InputError(f"{path} is on another grid than {FOLDER_TABLE} says: write the segmentation again.")
    if not is_described(path, row):
        raise InputError(
            f"{path} is not the file that {FOLDER_TABLE} was written for, so what that says of it is not believed: "
            "write the segmentation again, or give this file alone."
        )
    return BoxedMask.of(labels != 0)


def _near(ijk_to_ras: Matrix, image: Segmentation) -> bool:
    """Whether two geometries differ only by the single precision in which NIfTI keeps positions."""
    return same_grid(ijk_to_ras, image.ijk_to_ras, image.shape_ijk, tolerance=0.1 * min(image.spacing))


def file_names(names: Sequence[str]) -> list[str]:
    """The files in a folder that hold the masks of segments with these names."""
    return [f"{stem}.nii.gz" for stem in safe_stems(names)]


def files_at_stake(folder: Path, names: Sequence[str]) -> set[str]:
    """Files of a folder that are replaced or removed when segments of these names are written into it."""
    return {*file_names(names), *own_files(folder), FOLDER_TABLE}


def safe_stems(names: Sequence[str]) -> list[str]:
    """File names without suffix that every file system takes, no two the same, whatever the case."""
    stems: list[str] = []
    for name in names:
        stem = _safe_stem(name)
        tries = (f"{stem}_{n}" for n in range(2, len(names) + 2))
        stems.append(stem if stem not in stems else next(again for again in tries if again not in stems))
    return stems


def _safe_stem(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    stem = re.sub(r"[^a-z0-9]+", "_", ascii_name.lower()).strip("_")[:80].rstrip("_") or "segment"
    return f"{stem}_" if _WINDOWS_DEVICES.fullmatch(stem) else stem
