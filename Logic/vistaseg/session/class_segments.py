"""From the masks of classes to segments, each with how it was made and how sure the model is of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vistaseg import catalog
from vistaseg.masks.boxed import BoxedMask
from vistaseg.models.protocol import ClassMasks
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.segmentation.confidence import with_confidence
from vistaseg.volume import Volume


def class_segments(masks: ClassMasks, volume: Volume, provenance: Mapping[str, Any]) -> list[Segment]:
    """A segment of each class that has a voxel; those that lie within others come last.

    Args:
        masks: on the grid of `volume`.
        provenance: what all of them have in common.
    """
    table = {structure.id: structure for structure in catalog.structures()}
    exclusive = Segmentation.from_label_map(masks.labels, volume.ijk_to_ras, table, volume.name, provenance).segments
    overlapping = [_overlapping(i, mask, provenance) for i, mask in masks.overlaps.items() if mask.any()]
    found = [*exclusive, *overlapping]
    for segment in found:
        confidence = masks.confidences.get(segment.label_value)
        segment.provenance = with_confidence(segment.provenance, confidence, segment.voxel_count)
    return found


def _overlapping(class_id: int, mask: np.ndarray, provenance: Mapping[str, Any]) -> Segment:
    structure = catalog.get(class_id)
    color, terminology = structure.color, structure.terminology
    return Segment(structure.name, class_id, class_id, color, terminology, BoxedMask.of(mask), dict(provenance))
