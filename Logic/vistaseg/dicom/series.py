"""A DICOM series: its volume, and the headers of the images that it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vistaseg.volume import Volume

if TYPE_CHECKING:
    from pydicom import Dataset

Paths = Path | Sequence[Path]


@dataclass(frozen=True, eq=False)
class Series:
    """A series that was chosen and read.

    Attributes:
        volume: in HU where it is a CT.
        datasets: headers without pixels, mended where that can be; `datasets[k]` is slice k of the volume. Of an
            enhanced multi-frame image one.
        files: of the datasets, in the same order.
        frames: of an enhanced multi-frame image the number of the frame (from 1) of each k, else None.
        mended: what was mended in the headers, a sentence each.
    """

    volume: Volume
    datasets: tuple[Dataset, ...]
    files: tuple[Path, ...]
    frames: tuple[int, ...] | None = None
    mended: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeriesSummary:
    """What can be read of the files given, without their pixels.

    Attributes:
        number: from 1, to choose it by.
        uid: SeriesInstanceUID, "" where it has none.
        description: SeriesDescription, may be "".
        modality: "CT", "MR", ..., "" where the files do not say.
        images: how many, frames counted one by one.
        size: rows, columns.
        files: all that it consists of.
        problem: why it cannot be read as a volume, or None.
    """

    number: int
    uid: str
    description: str
    modality: str
    images: int
    size: tuple[int, int]
    files: tuple[Path, ...]
    problem: str | None = None


def find_series(paths: Paths) -> list[SeriesSummary]:
    """The series in a folder and those below it, or in a list of files."""
    raise NotImplementedError


def read_series(paths: Paths, uid: str | None = None) -> Series:
    """Read one series.

    Args:
        paths: a folder, an image of the series, or a list of files.
        uid: SeriesInstanceUID, the beginning of one, or its number in `find_series`; by default the largest CT is read.

    Raises:
        InputError: there is no such series, or it makes no regular volume; the message says why.
    """
    import pydicom

    from vistaseg.volume.dicom import read_dicom

    place = paths if isinstance(paths, Path) else paths[0].parent
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    headers = [(pydicom.dcmread(file, stop_before_pixels=True), file) for file in files]
    headers.sort(key=lambda pair: float(pair[0].ImagePositionPatient[2]))
    return Series(read_dicom(place), tuple(h for h, _ in headers), tuple(f for _, f in headers))
