"""One slice of a DICOM image: its place, and how its values are rescaled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vistaseg.volume.dicom.bounds import frame_count
from vistaseg.volume.dicom.values import HeaderNumbers, read_numbers, unreadable_in

_UNIT_TOLERANCE = 5e-3  # directions are often rounded to three decimals
SOFTWARE = "VistaSeg"
"""Manufacturer of all that is made here."""

_NO_SCANS = ("SEG", "RTDOSE")
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_CLASSES = {
    "CT": ("2", "2.1", "2.2"),
    "MR": ("4", "4.1", "4.3", "4.4"),
    "PT": ("128", "130", "128.1"),
    "NM": ("20",),
    "US": ("6.1", "3.1", "6.2"),
    "SEG": ("66.4", "66.7"),
    "RTDOSE": ("481.2",),
}
"""Modality → the ends of the UIDs of the storage classes whose images are of no other one (PS3.4 B.5)."""

_MODALITIES = {_STORAGE + end: modality for modality, ends in _CLASSES.items() for end in ends}

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
        """(3,) LPS mm of the centre of the first voxel; None where the header does not say, or not legibly."""
        return self._position.numbers

    @cached_property
    def orientation(self) -> np.ndarray | None:
        """(2, 3) LPS unit vectors along a row and down a column; None where the header does not say, or not legibly."""
        numbers = self._orientation.numbers
        if numbers is None:
            return None
        vectors = numbers.reshape(2, 3)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    @cached_property
    def spacing(self) -> np.ndarray | None:
        """(2,) mm between rows and between columns; None where the header does not say, or not legibly."""
        return self._spacing.numbers

    @cached_property
    def missing(self) -> HeaderNumbers | None:
        """The first attribute that the place needs and that is absent or unusable."""
        needed = (self._position, self._orientation, self._spacing)
        return next((value for value in needed if value.numbers is None), None)

    @cached_property
    def is_unplaced(self) -> bool:
        """Whether the header has nothing about a place, as that of a screenshot; what cannot be read is something."""
        return self._position.is_absent and self._orientation.is_absent

    @cached_property
    def _position(self) -> HeaderNumbers:
        if self.frame is not None and not self.is_enhanced:
            return HeaderNumbers("ImagePositionPatient")  # that of the image is not that of each frame
        return self.numbers("ImagePositionPatient", "PlanePositionSequence", 3)

    @cached_property
    def _orientation(self) -> HeaderNumbers:
        stated = self.numbers("ImageOrientationPatient", "PlaneOrientationSequence", 6)
        if stated.numbers is None:
            return stated
        vectors = stated.numbers.reshape(2, 3)
        is_sound = np.abs(vectors @ vectors.T - np.eye(2)).max() <= _UNIT_TOLERANCE
        return stated if is_sound else stated.unusable()

    @cached_property
    def _spacing(self) -> HeaderNumbers:
        stated = self.numbers("PixelSpacing", "PixelMeasuresSequence", 2)
        return stated.unusable() if stated.numbers is not None and (stated.numbers <= 0).any() else stated

    @cached_property
    def slope_and_intercept(self) -> tuple[HeaderNumbers, HeaderNumbers]:
        """RescaleSlope and RescaleIntercept as the header has them; a slope of 0 is unreadable."""
        slope, intercept = (
            self.numbers(keyword, "PixelValueTransformationSequence", 1)
            for keyword in ("RescaleSlope", "RescaleIntercept")
        )
        return (slope.unusable() if slope.numbers is not None and slope.numbers[0] == 0 else slope), intercept

    @cached_property
    def rescale(self) -> tuple[float, float] | None:
        """Slope and intercept; None where the header does not have both."""
        slope, intercept = (stated.numbers for stated in self.slope_and_intercept)
        return None if slope is None or intercept is None else (float(slope[0]), float(intercept[0]))

    @property
    def unit(self) -> str:
        """RescaleType, "" where the header does not say."""
        return str(self.value("RescaleType", "PixelValueTransformationSequence") or "").strip()

    @property
    def has_modality_table(self) -> bool:
        """Whether its values are defined by a table, which takes the place of slope and intercept."""
        keyword = "ModalityLUTSequence"
        return bool(self.header.get(keyword)) or keyword in unreadable_in(self.header)

    @cached_property
    def padding(self) -> tuple[HeaderNumbers, HeaderNumbers]:
        """PixelPaddingValue and PixelPaddingRangeLimit as the header has them."""
        return read_numbers(self.header, "PixelPaddingValue"), read_numbers(self.header, "PixelPaddingRangeLimit")

    @property
    def is_enhanced(self) -> bool:
        """Whether the header describes each frame."""
        return _EACH_FRAME in self.header

    @property
    def is_grey(self) -> bool:
        """Whether a voxel has one value, and no colour."""
        is_single = (self.header.get("SamplesPerPixel") or 1) == 1
        return bool(is_single) and self.text("PhotometricInterpretation") in ("", "MONOCHROME1", "MONOCHROME2")

    @property
    def is_localizer(self) -> bool:
        """Whether it is a scout view, by its image type."""
        return "LOCALIZER" in (self.header.get("ImageType") or ())

    @property
    def is_screenshot(self) -> bool:
        """Whether the image type calls it one."""
        return "SCREEN" in str(self.header.get("ImageType") or "")

    @property
    def sop_class(self) -> str:
        """SOP Class UID, "" where the file states none."""
        return self.text("SOPClassUID") or str(self.header.file_meta.get("MediaStorageSOPClassUID", "") or "")

    @cached_property
    def modality(self) -> str:
        """CT only where neither Modality nor the SOP class says otherwise, else what is not CT; "" where none does.

        OT (other) says nothing of its own, so that the SOP class decides.
        """
        stated = self.text("Modality").upper()
        return (self.class_modality or stated) if stated in ("", "OT", "CT") else stated

    @property
    def class_modality(self) -> str:
        """The modality of all images of its SOP class, "" where that has none."""
        return _MODALITIES.get(self.sop_class, "")

    @property
    def is_scan(self) -> bool:
        """Whether it shows what a scanner measured: neither a segmentation nor a dose."""
        return self.modality not in _NO_SCANS

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

    def numbers(self, keyword: str, sequence: str, count: int) -> HeaderNumbers:
        """As `value`, with what is absent and what cannot be read kept apart."""
        for group in self._groups():
            if sequence in unreadable_in(group):
                return HeaderNumbers(keyword, raw=unreadable_in(group)[sequence])
            items = group.get(sequence)
            if items and (keyword in items[0] or keyword in unreadable_in(items[0])):
                return read_numbers(items[0], keyword, count)
        return read_numbers(self.header, keyword, count)

    def _groups(self) -> Iterator[Any]:
        if self.frame is None:
            return
        for keyword, index in ((_EACH_FRAME, self.frame), ("SharedFunctionalGroupsSequence", 0)):
            groups = self.header.get(keyword) or ()
            if index < len(groups):
                yield groups[index]


def slices_of(header: Any) -> list[Slice]:
    """The slices of an image, one for each frame; of an image that can hold them (`implausible_frames`)."""
    count = frame_count(header)
    is_enhanced = _EACH_FRAME in header
    return [Slice(header, frame) for frame in range(count)] if count > 1 or is_enhanced else [Slice(header)]
