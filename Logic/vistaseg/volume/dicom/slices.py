"""One slice of a DICOM image: its place, and how its values are rescaled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vistaseg.errors import InputError

_UNIT_TOLERANCE = 5e-3  # directions are often rounded to three decimals
SOFTWARE = "VistaSeg"
"""Manufacturer of all that is made here."""

_NO_SCANS = ("SEG", "RTDOSE")
_EACH_FRAME = "PerFrameFunctionalGroupsSequence"


@dataclass(frozen=True, eq=False)
class Slice:
    """An image of a single frame, or one frame of a multi-frame image.

    Attributes:
        header: at least `TAGS` of the file.
        frame: number of the frame, from 0; None for an image of a single frame.
    """

    header: Any
    frame: int | None = None

    @property
    def path(self) -> Path:
        """The file."""
        return Path(str(self.header.filename))

    @cached_property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.header.Rows), int(self.header.Columns)

    @cached_property
    def position(self) -> np.ndarray | None:
        """(3,) LPS mm of the centre of the first voxel; None where the header does not say."""
        if self.frame is not None and not self.is_enhanced:
            return None  # that of the image is not that of each frame
        return _numbers(self.value("ImagePositionPatient", "PlanePositionSequence"), 3)

    @cached_property
    def orientation(self) -> np.ndarray | None:
        """(2, 3) LPS unit vectors along a row and down a column; None where the header does not say."""
        numbers = _numbers(self.value("ImageOrientationPatient", "PlaneOrientationSequence"), 6)
        if numbers is None:
            return None
        vectors = numbers.reshape(2, 3)
        if np.abs(vectors @ vectors.T - np.eye(2)).max() > _UNIT_TOLERANCE:
            return None
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    @cached_property
    def spacing(self) -> np.ndarray | None:
        """(2,) mm between rows and between columns; None where the header does not say."""
        numbers = _numbers(self.value("PixelSpacing", "PixelMeasuresSequence"), 2)
        return None if numbers is None or (numbers <= 0).any() else numbers

    @cached_property
    def missing(self) -> str | None:
        """The first attribute that the place needs and that is not usable."""
        needed = {
            "ImagePositionPatient": self.position,
            "ImageOrientationPatient": self.orientation,
            "PixelSpacing": self.spacing,
        }
        return next((keyword for keyword, value in needed.items() if value is None), None)

    @cached_property
    def rescale(self) -> tuple[float, float] | None:
        """Slope and intercept; None where the header has neither."""
        found = [
            _numbers(self.value(keyword, "PixelValueTransformationSequence"), 1)
            for keyword in ("RescaleSlope", "RescaleIntercept")
        ]
        if found[0] is None and found[1] is None:
            return None
        return 1.0 if found[0] is None else float(found[0][0]), 0.0 if found[1] is None else float(found[1][0])

    @property
    def is_enhanced(self) -> bool:
        """Whether the header describes each frame."""
        return _EACH_FRAME in self.header

    @property
    def is_grey(self) -> bool:
        """Whether a voxel has one value, and no colour."""
        return bool((self.header.get("SamplesPerPixel") or 1) == 1)

    @property
    def is_localizer(self) -> bool:
        """Whether it is a scout view, by its image type."""
        return "LOCALIZER" in (self.header.get("ImageType") or ())

    @property
    def is_scan(self) -> bool:
        """Whether it shows what a scanner measured: neither a segmentation nor a dose."""
        return self.text("Modality") not in _NO_SCANS

    @property
    def is_own(self) -> bool:
        """Whether VistaSeg made it, from a volume or from another image."""
        return self.text("Manufacturer") == SOFTWARE

    def text(self, keyword: str) -> str:
        """An attribute of the header as text, "" where there is none."""
        return str(self.header.get(keyword, "") or "").strip()

    def value(self, keyword: str, sequence: str) -> Any:
        """An attribute as it holds for this frame: of the frame, of all frames, or of the image; None if nowhere."""
        for group in self._groups():
            items = group.get(sequence)
            if items and keyword in items[0]:
                return items[0].get(keyword)
        return self.header.get(keyword)

    def _groups(self) -> Iterator[Any]:
        if self.frame is None:
            return
        for keyword, index in ((_EACH_FRAME, self.frame), ("SharedFunctionalGroupsSequence", 0)):
            groups = self.header.get(keyword) or ()
            if index < len(groups):
                yield groups[index]


def slices_of(header: Any) -> list[Slice]:
    """The slices of an image, one for each frame.

    Raises:
        InputError: its number of frames is no number.
    """
    try:
        count = int(header.get("NumberOfFrames", 1) or 1)
    except (TypeError, ValueError) as error:
        raise InputError(f"{Path(str(header.filename)).name} is damaged (NumberOfFrames). Export it again.") from error
    is_enhanced = _EACH_FRAME in header
    return [Slice(header, frame) for frame in range(count)] if count > 1 or is_enhanced else [Slice(header)]


def _numbers(value: Any, count: int) -> np.ndarray | None:
    try:
        numbers = np.array(value, dtype=np.float64).reshape(count)
    except (TypeError, ValueError):
        return None
    return numbers if np.isfinite(numbers).all() else None
