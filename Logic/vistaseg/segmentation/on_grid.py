"""A segment with the grid of its segmentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vistaseg.segmentation.model import Mask, Segment, Segmentation


@dataclass(frozen=True, eq=False)
class SegmentOnGrid:
    """One segment of a segmentation, with its whole grid.

    Attributes:
        segment: name, codes, colour, and how it was made.
        segmentation: that it belongs to.
    """

    segment: Segment
    segmentation: Segmentation

    @property
    def name(self) -> str:
        """Name of the structure."""
        return self.segment.name

    @property
    def mask(self) -> Mask:
        """Bool (k, j, i) on the whole grid; a new array."""
        return self.segmentation.full_mask(self.segment)

    @property
    def voxel_count(self) -> int:
        """Number of voxels set."""
        return self.segment.voxel_count

    @property
    def volume_ml(self) -> float:
        """Volume in millilitres."""
        return self.segmentation.volume_ml(self.segment)

    @property
    def confidence(self) -> float | None:
        """How sure the model is of an automatic mask, 0…1; None where it says nothing."""
        return self.segment.confidence

    def __repr__(self) -> str:
        return f"<{self.name}: {self.volume_ml:.4g} ml>"
