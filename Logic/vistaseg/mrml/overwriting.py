"""Which segments give way to one that grows, as the Segment Editor's overwrite mode says.

The editor itself goes through whole label maps for that, and once for each segment that is spared. Here the changed
box alone is looked at, and what shares a label map is written together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from vistaseg.mrml.geometry import BINARY_LABELMAP, Offset, array_of, lattice_of_image, shift
from vistaseg.mrml.masking import Rules, images_of, segment_ids, visible_ids
from vistaseg.mrml.modifying import one_modification

_Editor = slicer.vtkMRMLSegmentEditorNode


def give_way(segmentation_node: Any, segment_id: str, labelmap: Any, rules: Rules) -> bool:
    """Take the voxels of a label map from the segments that the rules let a segment overwrite.

    Args:
        segment_id: of the segment that gets the voxels, which is not changed.
        labelmap: vtkOrientedImageData, not 0 where the segment grows.

    Returns:
        Whether it is done. It is not where a segment has voxels of other places, or where surfaces are to be made
        anew: the editor does these itself.
    """
    images = images_of(segmentation_node, overwritten(segmentation_node, segment_id, rules))
    if not images:
        return True
    lattice = lattice_of_image(labelmap)
    offsets = {image: shift(lattice_of_image(image), lattice) for image in images}
    if None in offsets.values() or _has_more_than_labelmaps(segmentation_node):
        return False
    with one_modification(segmentation_node):
        for image, offset in offsets.items():
            if offset is not None:
                values = _erase(image, list(images[image]), labelmap, offset)
                _tell(segmentation_node.GetSegmentation(), [images[image][value] for value in values])
    return True


def overwritten(segmentation_node: Any, segment_id: str, rules: Rules) -> set[str]:
    """Ids of the segments that the rules let a segment overwrite."""
    if rules.overwrite_mode == _Editor.OverwriteNone:
        return set()
    if rules.overwrite_mode == _Editor.OverwriteVisibleSegments:
        return visible_ids(segmentation_node) - {segment_id}
    return set(segment_ids(segmentation_node)) - {segment_id}


def _has_more_than_labelmaps(segmentation_node: Any) -> bool:
    names: list[str] = []
    segmentation_node.GetSegmentation().GetContainedRepresentationNames(names)
    return names != [BINARY_LABELMAP]


def _erase(image: Any, values: list[int], labelmap: Any, offset: Offset) -> list[int]:
    """Clear some values of an image where a label map is set; returns those that were there."""
    there, here = lattice_of_image(image).box.shifted(offset), lattice_of_image(labelmap).box
    common = there.intersection(here)
    if common.empty:
        return []
    part = array_of(image)[common.relative_to(there.start).slices_kji]
    taken = array_of(labelmap)[common.relative_to(here.start).slices_kji] != 0
    under = part[taken]
    lost = np.isin(under, values)
    if not lost.any():
        return []
    part[taken] = np.where(lost, 0, under)
    # Not `image.Modified()`: the segmentation would take it that all of its segments have changed.
    image.GetPointData().GetScalars().Modified()
    return [int(value) for value in np.unique(under[lost])]


def _tell(segmentation: Any, ids: list[str]) -> None:
    for segment_id in ids:
        segmentation.InvokeEvent(segmentation.SourceRepresentationModified, segment_id)
        segmentation.InvokeEvent(segmentation.RepresentationModified, segment_id)
