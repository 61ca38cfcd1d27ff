"""A session: one volume before one model, and the results asked of it so far.

The command line, the panel and the editor effect are clients of this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vistaseg import __version__, catalog
from vistaseg.errors import UsageError
from vistaseg.models.protocol import ClassMasks, SegmentationModel
from vistaseg.progress import Progress, silent
from vistaseg.prompts import RegionOfInterest
from vistaseg.segmentation import Segment, Segmentation, crop_to_content
from vistaseg.volume import Volume


class Session:
    """Questions to a model about a volume; what was computed is kept between them.

    Args:
        volume: a CT that passed `vistaseg.volume.check_ct`.
        model: a loaded model.

    Raises:
        InputError: the model cannot use the volume.
    """

    def __init__(self, volume: Volume, model: SegmentationModel) -> None:
        self.volume = volume
        self.model = model
        self._opened = model.open(volume)

    def windows(self, region: RegionOfInterest | None = None) -> int:
        """Windows that the next automatic segmentation has to encode; 0 when the features are at hand."""
        return self._opened.windows(region)

    def segment(
        self, class_ids: Sequence[int], region: RegionOfInterest | None = None, progress: Progress = silent
    ) -> Segmentation:
        """Segment classes automatically.

        Args:
            class_ids: ids of the catalogue; those that stand for several are expanded.
            region: only voxels inside are labelled.

        Returns:
            Segments in the order asked for, on the volume's grid; classes that were not found are left out.

        Raises:
            UsageError: the model does not know a class, or none was asked for.
            InputError: the region lies outside the body.
            MemoryLimitError, CancelledError: nothing was changed.
        """
        ids = catalog.expand(class_ids)
        if not ids:
            raise UsageError("No structure was asked for: name at least one.")
        masks = self._opened.segment_classes(ids, region, progress)
        found = {segment.label_value: segment for segment in self._segments(masks)}
        return Segmentation(
            self.volume.shape_ijk, self.volume.ijk_to_ras, [found[i] for i in ids if i in found], self.volume.name
        )

    def _segments(self, masks: ClassMasks) -> list[Segment]:
        table = {structure.id: structure for structure in catalog.structures()}
        exclusive = Segmentation.from_label_map(
            masks.labels, self.volume.ijk_to_ras, table, self.volume.name, self._provenance()
        ).segments
        overlapping = [self._overlapping(i, mask) for i, mask in masks.overlaps.items() if mask.any()]
        return exclusive + overlapping

    def _overlapping(self, class_id: int, mask: np.ndarray) -> Segment:
        structure = catalog.get(class_id)
        cropped, extent = crop_to_content(mask)
        return Segment(
            structure.name,
            class_id,
            class_id,
            structure.color,
            structure.terminology,
            cropped,
            extent,
            self._provenance(),
        )

    def _provenance(self) -> dict[str, Any]:
        identity = self.model.identity
        return {
            "algorithm_type": "AUTOMATIC",
            "algorithm_name": identity.title,
            "software": f"VistaSeg {__version__}",
            "model": identity.key,
            "weights_sha256": identity.weights_sha256,
        }
