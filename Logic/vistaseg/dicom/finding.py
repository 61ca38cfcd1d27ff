"""What a folder holds, to choose from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vistaseg.errors import InputError
from vistaseg.volume.dicom.choosing import Paths, find_stacks
from vistaseg.volume.dicom.pixels import check_decoders
from vistaseg.volume.dicom.placement import place
from vistaseg.volume.dicom.stacks import Stack


@dataclass(frozen=True)
class SeriesSummary:
    """A series, or a part of one that makes a volume of its own.

    Attributes:
        number: from 1, to choose it by.
        uid: SeriesInstanceUID, "" where it is blank.
        study: StudyInstanceUID, "" where it is blank.
        description: SeriesDescription, may be "".
        modality: "CT", "MR", ..., "" where the files do not say.
        part: what part of the series it is, "" for all of it.
        images: how many, frames counted one by one.
        size: rows and columns.
        files: that it consists of.
        notes: what was left out, a sentence each.
        problem: why it cannot be read as a volume, as far as the headers tell, or None.
    """

    number: int
    uid: str
    study: str
    description: str
    modality: str
    part: str
    images: int
    size: tuple[int, int]
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class SeriesList:
    """What was found.

    Attributes:
        series: scans first.
        notes: which files were left out, a sentence for each kind of them.
    """

    series: tuple[SeriesSummary, ...]
    notes: tuple[str, ...] = ()


def find_series(paths: Paths) -> list[SeriesSummary]:
    """As `list_series`, without the notes."""
    return list(list_series(paths).series)


def list_series(paths: Paths) -> SeriesList:
    """The series in a folder and those below it, in a list of files, or around one image.

    Pixels are read only to tell copies from images of another time.

    Raises:
        InputError: no image was found.
    """
    stacks, found = find_stacks(paths)
    return SeriesList(tuple(_summary(number, stack) for number, stack in enumerate(stacks, start=1)), found.notes)


def _summary(number: int, stack: Stack) -> SeriesSummary:
    first = stack.first
    return SeriesSummary(
        number,
        stack.uid,
        first.text("StudyInstanceUID"),
        first.text("SeriesDescription"),
        first.modality,
        stack.part,
        len(stack.slices),
        first.size,
        stack.files,
        stack.notes,
        _problem(stack),
    )


def _problem(stack: Stack) -> str | None:
    try:
        check_decoders(place(stack).slices)
    except InputError as error:
        return str(error)
    return None
