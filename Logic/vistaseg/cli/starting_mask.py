"""A segment of a file that clicks go on from, and the file's other segments, which stay as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vistaseg import catalog
from vistaseg.cli.console import echo
from vistaseg.errors import InputError
from vistaseg.geometry.matrices import same_grid
from vistaseg.segmentation import Segment, Segmentation, read_segmentation
from vistaseg.volume import Volume

if TYPE_CHECKING:
    from vistaseg.dicom import Series

TOLERANCE_MM = 1e-2


@dataclass(frozen=True, eq=False)
class StartingMask:
    """A segmentation and the one of its segments that is corrected."""

    path: Path
    segmentation: Segmentation
    segment: Segment

    @property
    def clickable_class(self) -> int | None:
        """The segment's class, if it can be clicked on."""
        class_id = self.segment.structure_id
        return None if class_id is None or catalog.get(class_id).subclasses else class_id

    def on_series(self, series: Series | None) -> StartingMask:
        """The same; of a DICOM segmentation, which may hold only some slices, on the grid of the series.

        Notes about it go to standard error.

        Raises:
            InputError: a DICOM segmentation refers to other images.
        """
        if not _is_dicom(self.path):
            return self
        from vistaseg.dicom import import_seg

        if series is None:
            raise InputError(f"{self.path} refers to DICOM images: give the folder of its series as the scan.")
        read = import_seg(self.path, series)
        for note in read.notes:
            echo(f"{self.path}: {note}", err=True)
        found = read.segmentation
        segment = next(one for one in found.segments if one.label_value == self.segment.label_value)
        return StartingMask(self.path, found, segment)

    def mask_on(self, volume: Volume) -> np.ndarray:
        """The segment's mask, bool (k, j, i), on the volume's grid.

        Raises:
            InputError: the segmentation is of another grid.
        """
        found = self.segmentation
        if found.shape_ijk != volume.shape_ijk or not same_grid(
            found.ijk_to_ras, volume.ijk_to_ras, volume.shape_ijk, TOLERANCE_MM
        ):
            raise InputError(f"{self.path} lies on another grid than the scan. Resample it to the scan first.")
        return found.full_mask(self.segment)

    def with_segment(self, corrected: Segmentation) -> Segmentation:
        """The segmentation with the corrected segment in the place of the one it was."""
        own = self.segment
        made = [self._as_before(segment) for segment in corrected.segments]
        segments = [part for segment in self.segmentation.segments for part in (made if segment is own else [segment])]
        return replace(self.segmentation, segments=segments)

    def _as_before(self, made: Segment) -> Segment:
        """What was made, under the name, label, colour and codes of the segment that was corrected."""
        own = self.segment
        return Segment(
            own.name,
            own.label_value,
            own.structure_id,
            own.color,
            own.terminology,
            made.mask,
            made.provenance | {"corrected": dict(own.provenance)},
        )


def read_starting_mask(path: Path, name: str | None) -> StartingMask:
    """Read a segmentation and find the segment to correct.

    Args:
        name: of the segment; None where there is only one.

    Raises:
        InputError: it cannot be read, or has no such segment.
    """
    found = _read(path)
    for note in found.notes:
        echo(f"{path}: {note}", err=True)
    named = [s for s in found.segments if name is None or s.name.casefold() == name.strip().casefold()]
    if len(named) != 1:
        choices = ", ".join(segment.name for segment in found.segments) or "none"
        raise InputError(f"Choose one segment of {path} with --segment. It has: {choices}.")
    return StartingMask(path, found, named[0])


def _read(path: Path) -> Segmentation:
    if not _is_dicom(path):
        return read_segmentation(path)
    from vistaseg.dicom import read_seg

    return read_seg(path)


def _is_dicom(path: Path) -> bool:
    from vistaseg.volume import errors_naming, holds_dicom

    with errors_naming(path):
        return path.is_file() and holds_dicom(path)
