"""What a DICOM export needs of the nodes in the scene, and how to mend what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from vistaseg.errors import InputError
from vistaseg.mrml.dicom_images import dicom_files_of
from vistaseg.mrml.transforms import linear_part, transform_between
from vistaseg.mrml.volumes import modality_of, volume_from_node


def obstacles(volume_node: Any, segmentation_node: Any, segment_ids: Sequence[str], derive: bool) -> list[str]:
    """What stands in the way of an export, a sentence or two each with the way out; none where all is well.

    Looks at nodes, the database and whether files exist, but opens none: what the images say is checked by
    `vistaseg.dicom.deliver` before it writes.

    Args:
        segment_ids: of the segments to export.
        derive: whether the export is to refer to images that are made from the volume.
    """
    return list(_obstacles(volume_node, segmentation_node, segment_ids, derive))


def _obstacles(volume_node: Any, segmentation_node: Any, segment_ids: Sequence[str], derive: bool) -> Iterator[str]:
    if segmentation_node is None:
        yield "Choose a segmentation, or segment something first."
    elif not segment_ids:
        yield f"{segmentation_node.GetName()} has no segments to export: segment something, or show what is hidden."
    try:
        volume_from_node(volume_node)
        if segmentation_node is not None:
            from vistaseg.mrml.belonging import why_foreign  # with the first segmentation, not with the panel

            if foreign := why_foreign(volume_node, segmentation_node, segment_ids):
                yield foreign
        if derive:
            _require_ct(volume_node)
        else:
            dicom_files_of(volume_node)
    except InputError as error:
        yield str(error)
        return
    if _bends(volume_node):
        yield (
            f"{volume_node.GetName()} is under a transform that bends it, so its slices are not those of its series. "
            "Harden the transform in the module Transforms, and refer to a CT series made from the volume."
        )


def _require_ct(volume_node: Any) -> None:
    modality = modality_of(volume_node)
    if modality not in (None, "CT"):
        raise InputError(
            f"{volume_node.GetName()} is of modality {modality}, and only CT series are made. Refer to its own series."
        )
    volume_from_node(volume_node).grid.require_orthogonal("a CT series")


def _bends(volume_node: Any) -> bool:
    return linear_part(transform_between(volume_node, None)) is None


def remarks(volume_node: Any, segmentation_node: Any, segment_ids: Sequence[str]) -> list[str]:
    """What a user should know of transforms, and of what segments were made for, a sentence or two each."""
    from vistaseg.mrml.belonging import doubt_about
    from vistaseg.mrml.placement import is_displaced

    found = list(filter(None, [doubt_about(volume_node, segmentation_node, segment_ids)]))
    displaced = [each for each in segment_ids if is_displaced(volume_node, segmentation_node, each)]
    if displaced:
        names = ", ".join(segmentation_node.GetSegmentation().GetSegment(each).GetName() for each in displaced)
        found.append(
            f"{volume_node.GetName()} and {segmentation_node.GetName()} were moved against each other since these were "
            f"made, which are exported where they lie now: {names}."
        )
    transform = volume_node.GetParentTransformNode()
    if transform is not None:
        found.append(
            f"{volume_node.GetName()} is under the transform {transform.GetName()}, which is not exported: the "
            "segments are written where they lie on the scan."
        )
    own = segmentation_node.GetParentTransformNode()
    if own is not None and own is not transform:
        found.append(
            f"{segmentation_node.GetName()} is under the transform {own.GetName()}: it is exported as it is seen on "
            "the scan."
        )
    return found
