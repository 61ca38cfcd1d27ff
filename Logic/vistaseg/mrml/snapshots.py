"""Segments of a segmentation node as they are now, copied so that masks can be made of them in another thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import slicer

from vistaseg.geometry.box import EMPTY_BOX, Index
from vistaseg.geometry.grid import Grid
from vistaseg.masks.boxed import BoxedMask
from vistaseg.masks.label_boxes import label_boxes
from vistaseg.mrml.cropping import crop_to_box
from vistaseg.mrml.drawing import drawn_of
from vistaseg.mrml.geometry import array_of, has_voxels, lattice_of_image
from vistaseg.mrml.reading import LabelmapPlacement, labelmap_of_segment, placement_of, segment_record
from vistaseg.mrml.seals import Seal, seal_of
from vistaseg.mrml.tags import SegmentRecord
from vistaseg.mrml.volumes import grid_of
from vistaseg.progress import Progress, silent
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.segmentation.confidence import without_confidence
from vistaseg.segmentation.drawn import Drawn


@dataclass(frozen=True, eq=False)
class Layer:
    """A label map that segments share.

    Attributes:
        image: vtkOrientedImageData; None where the segments have none.
        placement: how it lies on the grid of a volume.
        values: segment id → the value that it is drawn with.
        bent: what `LabelmapPlacement.labels` gives through a transform that bends: it belongs to nodes, which no other
            thread may touch.
    """

    image: Any
    placement: LabelmapPlacement
    values: Mapping[str, int]
    bent: tuple[np.ndarray, Index] | None = None

    def masks(self) -> Iterator[tuple[str, BoxedMask]]:
        """The id of each segment, and its mask on the grid; all are found in one pass."""
        return _masks(*(self.bent or self.placement.labels(self.image)), self.values)

    def drawn(self) -> dict[str, Drawn]:
        """Of segments that the grid may not hold unchanged, what they are on the voxels of the label map."""
        return drawn_of(self.image, self.placement, self.values)

    def own_masks(self) -> Iterator[tuple[str, BoxedMask]]:
        """As `masks` on the voxels of the label map; nothing where those are the volume's or begin before index 0."""
        if self.image is None or self.placement.offset == (0, 0, 0) or not has_voxels(self.image):
            return iter(())
        start = lattice_of_image(self.image).box.start
        return _masks(array_of(self.image), start, self.values) if min(start) >= 0 else iter(())


def _masks(labels: np.ndarray, start: Index, values: Mapping[str, int]) -> Iterator[tuple[str, BoxedMask]]:
    boxes = label_boxes(labels)
    for segment_id, value in values.items():
        yield segment_id, crop_to_box(labels, value, start, boxes.get(value, EMPTY_BOX))


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Segments at one moment.

    Attributes:
        name: of the segmentation.
        grid: of the volume.
        records: segment id → what it says of itself, in the order of the segments.
        layers: their label maps.
        seals: segment id → what the segment was when it was made automatically.
    """

    name: str
    grid: Grid
    records: Mapping[str, SegmentRecord]
    layers: Sequence[Layer]
    seals: Mapping[str, Seal] = field(default_factory=dict)

    def segmentation(self, progress: Progress = silent) -> Segmentation:
        """The segments with their masks, empty ones too; may be called in any thread, and takes a while."""
        found: dict[str, BoxedMask] = {}
        drawn: dict[str, Drawn] = {}
        for layer in self.layers:
            drawn.update(layer.drawn())
            for segment_id, mask in layer.masks():
                progress("segments", len(found), len(self.records))
                found[segment_id] = mask
        segments = [
            Segment(record.name, label, record.structure_id, record.color, record.terminology, found[segment_id],
                    self._provenance(segment_id, found[segment_id]), drawn.get(segment_id))
            for label, (segment_id, record) in enumerate(self.records.items(), start=1)
        ]  # fmt: skip
        return Segmentation(self.grid.shape_ijk, self.grid.ijk_to_ras, segments, self.name, self._notes())

    def _notes(self) -> tuple[str, ...]:
        if all(layer.placement.offset is not None for layer in self.layers):
            return ()
        return (f"{self.name} has other voxels than the scan: it was resampled to the nearest voxel.",)

    def _provenance(self, segment_id: str, mask: BoxedMask) -> dict[str, Any]:
        """How a segment was made; an automatic one that was painted on since is automatic no more."""
        made, old = self.records[segment_id].provenance, self.seals.get(segment_id)
        if made.get("algorithm_type") != "AUTOMATIC" or old is None or old.holds(mask):
            return made
        return {**without_confidence(made), "algorithm_type": "SEMIAUTOMATIC", "edited": True}


def layers_of(segmentation_node: Any, volume_node: Any, segment_ids: Iterable[str]) -> list[Layer]:
    """The label maps of segments as they lie on the grid of a volume, not copied: for the thread of MRML alone.

    Raises:
        InputError: a segment is gone, or its representation cannot be converted to voxels.
    """
    grid = grid_of(volume_node)
    images: dict[str, tuple[Any, dict[str, int]]] = {}
    for segment_id in segment_ids:
        image, value = labelmap_of_segment(segmentation_node, segment_id, volume_node, grid)
        address = "" if image is None else image.GetAddressAsString("")
        images.setdefault(address, (image, {}))[1][segment_id] = value
    return [
        Layer(image, placement_of(image, segmentation_node, volume_node, grid), values)
        for image, values in images.values()
    ]


def snapshot_of(segmentation_node: Any, volume_node: Any, segment_ids: Iterable[str] | None = None) -> Snapshot:
    """Copy segments of a node as they lie on the grid of a volume, whatever transforms the two are under.

    Args:
        segment_ids: in the order that they shall have; None for all.

    Raises:
        InputError: a segment is gone, or its representation cannot be converted to voxels.
    """
    ids = list(segmentation_node.GetSegmentation().GetSegmentIDs() if segment_ids is None else segment_ids)
    layers = [_copied(layer) for layer in layers_of(segmentation_node, volume_node, ids)]
    records = {segment_id: segment_record(segmentation_node, segment_id) for segment_id in ids}
    segmentation = segmentation_node.GetSegmentation()
    seals = {each: one for each in ids if (one := seal_of(segmentation.GetSegment(each))) is not None}
    name = segmentation_node.GetName() or "segmentation"
    return Snapshot(name, grid_of(volume_node), records, layers, seals)


def _copied(layer: Layer) -> Layer:
    """The same for any thread."""
    copy = None
    if layer.image is not None:
        copy = slicer.vtkOrientedImageData()
        copy.DeepCopy(layer.image)
    bent = layer.placement.labels(layer.image) if layer.placement.bends else None
    return Layer(copy, layer.placement, layer.values, bent)


def segmentation_from_node(
    segmentation_node: Any, volume_node: Any, segment_ids: Iterable[str] | None = None
) -> Segmentation:
    """The segments of a node on the grid of a volume; see `snapshot_of`, which does not keep the main thread as long.

    Raises:
        InputError: a segment is gone, or its representation cannot be converted to voxels.
    """
    return snapshot_of(segmentation_node, volume_node, segment_ids).segmentation()
