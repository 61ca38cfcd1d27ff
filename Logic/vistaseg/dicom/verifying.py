"""Whether a file that was just written says what was meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from vistaseg.dicom.algorithm import MANUAL, algorithm_name, algorithm_type
from vistaseg.dicom.codes import short_text, terms_as_written
from vistaseg.dicom.history import predecessor_of
from vistaseg.dicom.seg_reader import read_seg
from vistaseg.dicom.segment_items import terms_of
from vistaseg.errors import VistaSegError
from vistaseg.segmentation import Segment, Segmentation

if TYPE_CHECKING:
    from vistaseg.dicom.series import Series


def require_same(meant: Segmentation, header: Dataset, series: Series, path: Path) -> None:
    """Read a DICOM segmentation back and compare it with what was meant, voxel by voxel and code by code.

    Raises:
        VistaSegError: it differs; names the segments.
    """
    found = read_seg(path, series).segments
    pairs = list(zip(meant.segments, found, header.SegmentSequence[-len(meant.segments) :], strict=False))
    differing = [one.name for one, other, item in pairs if not _same(one, other, item)]
    if len(found) != len(meant.segments) or differing:
        named = ", ".join(differing) or "their number"
        raise VistaSegError(
            f"The DICOM file, read back, differs from what was to be exported ({named}), so it was not kept. "
            "Export to another place, and report this."
        )


def _same(meant: Segment, found: Segment, item: Dataset) -> bool:
    return all(_comparisons(meant, found, item))


def _comparisons(meant: Segment, found: Segment, item: Dataset) -> Iterator[bool]:
    made, said, tracked = meant.provenance, found.provenance, predecessor_of(found.provenance)
    yield short_text(found.name) == short_text(meant.name)
    yield found.mask.equals(meant.mask)
    yield terms_as_written(terms_of(found)) == terms_as_written(terms_of(meant))
    yield found.color == meant.color
    yield algorithm_type(said) == algorithm_type(made)
    yield algorithm_type(made) == MANUAL or algorithm_name(said) == algorithm_name(made)
    yield tracked is not None and tracked.tracking_uid == str(item.TrackingUID)
