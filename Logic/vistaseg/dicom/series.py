"""A DICOM series: its volume, and the headers of the images that it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vistaseg.dicom.mending import mend
from vistaseg.errors import InputError
from vistaseg.volume import Volume
from vistaseg.volume.dicom.choosing import Paths, choose_stack
from vistaseg.volume.dicom.headers import read_header
from vistaseg.volume.dicom.reading import read_stack
from vistaseg.volume.dicom.slices import Slice

if TYPE_CHECKING:
    from pydicom import Dataset


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


def read_series(paths: Paths, uid: str | None = None) -> Series:
    """Read one series.

    Args:
        paths: a folder, an image of the series, or a list of files.
        uid: SeriesInstanceUID, the beginning of one, or its number in `find_series`; by default the largest CT is read.

    Raises:
        InputError: the series does not exist, or its slices do not form a regular volume; the message says why.
    """
    volume, placement = read_stack(choose_stack(paths, uid))
    slices = placement.slices
    single = slices[0].frame is None
    files = tuple(piece.path for piece in slices) if single else (slices[0].path,)
    datasets = tuple(_header(file) for file in files)
    mended = mend(datasets)
    return Series(volume, datasets, files, None if single else _frame_numbers(slices), mended)


def _header(file: Path) -> Any:
    header = read_header(file)
    if header is None:
        raise InputError(f"{file.name} can no longer be read. Leave the series in its place while it is used.")
    return header


def _frame_numbers(slices: Sequence[Slice]) -> tuple[int, ...]:
    """As DICOM counts them, from 1."""
    return tuple((piece.frame or 0) + 1 for piece in slices)
