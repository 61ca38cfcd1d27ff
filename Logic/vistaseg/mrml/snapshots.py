"""Segments of a segmentation node as they are now, copied so that masks can be made of them in another thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vistaseg.mrml.reading import labelmap_of_segment, labels_on_grid, segment_record
from vistaseg.mrml.seals import Seal, seal_of
from vistaseg.mrml.tags import SegmentRecord
from vistaseg.mrml.volumes import grid_of
from vistaseg.progress import Progress, silent
from vistaseg.segmentation import Extent, Segment, Segmentation
from vistaseg.segmentation.confidence import without_confidence
from vistaseg.segmentation.label_boxes import label_boxes
from vistaseg.segmentation.model import EMPTY_EXTENT, Index, Mask
from vistaseg.volume import Grid


@dataclass(frozen=True, eq=False)
class Layer:
    """A label map that segments share, on the grid of a volume.

    Attributes:
        labels: unsigned integers (k, j, i).
        start: index (i, j, k) of its first voxel.
        values: segment id → the value that it is drawn with.
    """

    labels: np.ndarray
    start: Index
    values: Mapping[str, int]

    def masks(self) -> Iterator[tuple[str, Mask, Extent]]:
        """Of each segment its id, its mask (k, j, i) and where that lies; all are found in one pass."""
        boxes = label_boxes(self.labels)
        for segment_id, value in self.values.items():
            box = boxes.get(value)
            if box is None:
                yield segment_id, np.zeros((0, 0, 0), dtype=bool), EMPTY_EXTENT
                continue
            first = [begin + part.start for begin, part in zip(self.start, box[::-1], strict=True)]
            last = [begin + part.stop for begin, part in zip(self.start, box[::-1], strict=True)]
            extent = Extent((first[0], first[1], first[2]), (last[0], last[1], last[2]))
            yield segment_id, self.labels[box] == value, extent


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Segments at one moment.

    Attributes:
        name: of the segmentation.
        grid: of the volume, on which all layers lie.
        records: segment id → what it says of itself, in the order of the segments.
        layers: where their voxels are.
        seals: segment id → what the segment was when it was made automatically.
    """

    name: str
    grid: Grid
    records: Mapping[str, SegmentRecord]
    layers: Sequence[Layer]
    seals: Mapping[str, Seal] = field(default_factory=dict)

    def segmentation(self, progress: Progress = silent) -> Segmentation:
        """The segments with their masks, empty ones too; may be called in any thread, and takes a while."""
        found: dict[str, tuple[Mask, Extent]] = {}
        for layer in self.layers:
            for segment_id, mask, extent in layer.masks():
                progress("segments", len(found), len(self.records))
                found[segment_id] = mask, extent
        segments = [
            Segment(record.name, label, record.structure_id, record.color, record.terminology, *found[segment_id],
                    self._provenance(segment_id, *found[segment_id]))
            for label, (segment_id, record) in enumerate(self.records.items(), start=1)
        ]  # fmt: skip
        return Segmentation(self.grid.shape_ijk, self.grid.ijk_to_ras, segments, self.name)

    def _provenance(self, segment_id: str, mask: Mask, extent: Extent) -> dict[str, Any]:
        """How a segment was made; an automatic one that was painted on since is automatic no more."""
        made, old = self.records[segment_id].provenance, self.seals.get(segment_id)
        if made.get("algorithm_type") != "AUTOMATIC" or old is None or old.holds(mask, extent):
            return made
        return {**without_confidence(made), "algorithm_type": "SEMIAUTOMATIC", "edited": True}


def snapshot_of(segmentation_node: Any, volume_node: Any, segment_ids: Iterable[str] | None = None) -> Snapshot:
    """Copy segments of a node as they lie on the grid of a volume, whatever transforms the two are under.

    Args:
        segment_ids: in the order that they shall have; None for all.

    Raises:
        InputError: a segment is gone, or there is no way from its representation to voxels.
    """
    grid = grid_of(volume_node)
    ids = list(segmentation_node.GetSegmentation().GetSegmentIDs() if segment_ids is None else segment_ids)
    images: dict[str, tuple[Any, dict[str, int]]] = {}
    for segment_id in ids:
        image, value = labelmap_of_segment(segmentation_node, segment_id, volume_node, grid)
        address = "" if image is None else image.GetAddressAsString("")
        images.setdefault(address, (image, {}))[1][segment_id] = value
    layers = []
    for image, values in images.values():
        labels, start = labels_on_grid(image, segmentation_node, volume_node, grid)
        layers.append(Layer(labels.copy(), start, values))
    records = {segment_id: segment_record(segmentation_node, segment_id) for segment_id in ids}
    segmentation = segmentation_node.GetSegmentation()
    seals = {each: one for each in ids if (one := seal_of(segmentation.GetSegment(each))) is not None}
    return Snapshot(segmentation_node.GetName() or "segmentation", grid, records, layers, seals)


def segmentation_from_node(
    segmentation_node: Any, volume_node: Any, segment_ids: Iterable[str] | None = None
) -> Segmentation:
    """The segments of a node on the grid of a volume; see `snapshot_of`, which does not keep the main thread as long.

    Raises:
        InputError: a segment is gone, or there is no way from its representation to voxels.
    """
    return snapshot_of(segmentation_node, volume_node, segment_ids).segmentation()
