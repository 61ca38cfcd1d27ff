"""What the header of an NRRD, MetaImage, VTK or GIPL file says, in the terms that all readers of headers share."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from vistaseg.errors import InputError
from vistaseg.volume.limits import FARTHEST_MM

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

LONGEST_LINE = 1000
"""Characters in a line that states a field; ITK's readers crash on lines of several thousand."""
UNORIENTED = (
    "The file does not say how it is oriented: left and right may be exchanged. It was read as ITK and 3D Slicer read "
    "it, with LPS axes where it names none."
)
UNPLACED = "The file does not say where its first voxel lies: it was put at 0, as ITK and 3D Slicer do."

_MOST_FILES = 100_000
_MILLIMETRES = ("mm", "millimeter", "millimeters", "millimetre", "millimetres", "", "?", "???")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d{1,12}")


@dataclass(frozen=True, eq=False)
class ItkHeader:
    """A header that was checked.

    Attributes:
        image_io: ITK's name of the reader for it.
        shape_ijk: number of voxels along (i, j, k).
        byte_count: of all voxels, uncompressed.
        data_files: the files where they are, of equal parts along the slowest axis; none: in the same file.
        data_start: the byte of each at which they start.
        ratio: most bytes of voxels that one byte of the file can stand for.
        ijk_to_ras: (4, 4), or None where the header leaves the place to the reader.
        notes: what is doubtful, a sentence each.
        modality: "CT", "MR", ...; None where the header does not say.
        may_end_later: whether the file may hold more bytes than `byte_count` from there.
        gzip: whether the voxels are one gzip stream.
        gzip_skip: bytes before the voxels in it.
        packed_bytes: of the zlib stream that the voxels are; None if they are stored otherwise.
    """

    image_io: str
    shape_ijk: tuple[int, int, int]
    byte_count: int
    data_files: tuple[str, ...]
    data_start: int
    ratio: float
    ijk_to_ras: np.ndarray | None
    notes: tuple[str, ...] = ()
    modality: str | None = None
    may_end_later: bool = False
    gzip: bool = False
    gzip_skip: int = 0
    packed_bytes: int | None = None


def refuse(field: str, value: str, expected: str) -> NoReturn:
    """Raise the error about a field of the header, quoting no more of its value than a line takes."""
    shown = value if len(value) <= 60 else value[:57] + "..."
    raise InputError(f"The header states {field} as {shown!r}; {expected}. Mend the header, or export the scan again.")


def numbers(field: str, text: str, count: int | None = None) -> list[float]:
    """Numbers separated by blanks.

    Raises:
        InputError: there is something else, another count of them, or one that is not finite or implausibly large.
    """
    words = text.split()
    if not all(_NUMBER.fullmatch(word) for word in words) or (count is not None and len(words) != count):
        refuse(field, text, f"{'numbers are' if count is None else _counted(count)} expected")
    values = [float(word) for word in words]
    if not all(math.isfinite(value) and abs(value) <= FARTHEST_MM for value in values):
        refuse(field, text, f"numbers up to {FARTHEST_MM:.0e} are expected")
    return values


def whole_numbers(field: str, text: str, count: int | None = None) -> list[int]:
    """Whole numbers separated by blanks.

    Raises:
        InputError: as `numbers`.
    """
    words = text.split()
    if not all(_WHOLE.fullmatch(word) for word in words) or (count is not None and len(words) != count):
        refuse(field, text, f"{'whole numbers are' if count is None else _counted(count, 'whole number')} expected")
    return [int(word) for word in words]


def spacings(field: str, text: str, count: int) -> list[float]:
    """Distances of voxels in mm.

    Raises:
        InputError: as `numbers`, or one is 0 or negative.
    """
    values = numbers(field, text, count)
    if any(value <= 0 for value in values):
        raise InputError(f"The voxel spacing in the header is 0 or negative ({field}: {text}). Mend it in its header.")
    return values


def unit_notes(units: Sequence[str]) -> tuple[str, ...]:
    """A sentence where a header states a unit of length other than mm."""
    others = {unit.strip() for unit in units if unit.strip().lower() not in _MILLIMETRES}
    if not others:
        return ()
    return (f"The header states its unit as {', '.join(sorted(others))}; as in ITK and 3D Slicer it was read as mm.",)


def spatial_shape(field: str, sizes: Sequence[int], spatial: Sequence[int]) -> tuple[int, int, int]:
    """The sizes of the three axes in space; all others have to be 1.

    Args:
        spatial: which of the axes they are.

    Raises:
        InputError: a size is 0 or negative, or the image is a time series, a vector image or a picture.
    """
    text = " ".join(map(str, sizes))
    if any(size < 1 for size in sizes):
        refuse(field, text, "every size has to be at least 1")
    if len(sizes) < 3:
        raise InputError(
            f"The image has {len(sizes)} dimension{'s' * (len(sizes) > 1)}; a volume has 3. Give the whole scan, not a "
            "single picture."
        )
    others = [size for axis, size in enumerate(sizes) if axis not in spatial]
    if any(size > 1 for size in others):
        raise InputError(
            f"The image has {len(sizes)} dimensions ({' x '.join(map(str, sizes))}), and each voxel has "
            f"{math.prod(others)} values: it is a time series, or a colour or vector image. Extract a single volume "
            "from it."
        )
    i, j, k = (sizes[axis] for axis in spatial)
    return i, j, k


def files_of_pattern(field: str, stated: str) -> tuple[str, ...] | None:
    """The names that a pattern and its numbers (first, last, step) stand for; None without a pattern.

    Raises:
        InputError: the pattern or its numbers cannot be used.
    """
    if "%" not in stated:
        return None
    pattern, *words = stated.rsplit(maxsplit=3)
    if not re.fullmatch(r"[^%]*%0?\d{0,2}d[^%]*", pattern) or len(words) != 3 or not all(map(_WHOLE.fullmatch, words)):
        refuse(
            field, stated, "a pattern such as slice%03d.raw with the first number, the last and the step is expected"
        )
    first, last, step = map(int, words)
    if not step or abs(last - first) > _MOST_FILES * abs(step):
        refuse(field, stated, f"numbers of at most {_MOST_FILES} files are expected")
    return tuple(pattern % number for number in range(first, last + (1 if step > 0 else -1), step))


def check_file_count(field: str, names: Sequence[str], sizes: Sequence[int]) -> None:
    """Refuse slices in files that are not as many as the header counts slices.

    Raises:
        InputError: there are more or fewer names than the last of the sizes.
    """
    if len(names) != sizes[-1]:
        raise InputError(
            f"The header counts {sizes[-1]} slices, but names {len(names)} files ({field}): slices may be missing. "
            "Export the scan again."
        )


def once(fields: Mapping[str, list[str]]) -> dict[str, str]:
    """The value of each field.

    Raises:
        InputError: a field is stated twice, with different values.
    """
    for field, values in fields.items():
        if any(value != values[0] for value in values):
            refuse(field, " and ".join(values), "it has two values, and which one holds cannot be known")
    return {field: values[0] for field, values in fields.items()}


def check_lines(lines: Sequence[bytes], most: int) -> None:
    """Refuse what ITK's readers crash on.

    Raises:
        InputError: a line is longer than `LONGEST_LINE`, holds a NUL, or there are more lines than `most`.
    """
    if len(lines) > most:
        raise InputError(f"The header has more than {most} lines: it is damaged, or no image. Export the scan again.")
    for line in lines:
        if len(line) > LONGEST_LINE or b"\0" in line:
            start = line[:40].decode("ascii", "replace")
            raise InputError(
                f"A line of the header ({start!r}...) is longer than {LONGEST_LINE} characters, or no text. Remove it "
                "from the header, or export the scan again."
            )


def _counted(count: int, what: str = "number") -> str:
    return f"{count} {what}{'s are' if count > 1 else ' is'}"
