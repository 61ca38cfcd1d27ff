"""Whether segments were made for a volume: those of another scan do not lie on what the volume shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer

from vistaseg.mrml.dicom_images import instance_uids_of
from vistaseg.mrml.geometry import lattice_of_grid, offset_between
from vistaseg.mrml.placement import noted_volume
from vistaseg.mrml.reference import reference_lattice, reference_volume
from vistaseg.mrml.seals import seal_of
from vistaseg.mrml.tags import PROMPTS_TAG, read_tag
from vistaseg.mrml.volumes import grid_of, volume_from_node
from vistaseg.segmentation.tags import values_of_json_tag


def why_foreign(volume_node: Any, segmentation_node: Any, segment_ids: Sequence[str]) -> str:
    """That segments were made for another scan than a volume, and what to do; "" where nothing says so.

    What has images or a place in common with the volume that it was made for is the same scan, cropped or resampled.
    """
    made_for = reference_volume(segmentation_node)
    if made_for is None or made_for is volume_node or _is_same_scan(made_for, volume_node):
        return ""
    foreign = _made_of_others(volume_node, segmentation_node, segment_ids, unless_noted=True)
    if not foreign:
        return ""
    of, name = made_for.GetName(), volume_node.GetName()
    return (
        f"{segmentation_node.GetName()} was made for {of}, and {name} is another scan, on which these do not lie: "
        f"{_named(segmentation_node, foreign)}. Choose the volume {of} for them, or a segmentation that was made for "
        f"{name}."
    )


def doubt_about(volume_node: Any, segmentation_node: Any, segment_ids: Sequence[str]) -> str:
    """Why segments may not be of a volume, though nothing says for sure that they are not; "" where they are."""
    made_for = reference_volume(segmentation_node)
    name, volume = segmentation_node.GetName(), volume_node.GetName()
    if made_for is volume_node:
        # One node shows many scans: the times of a sequence, or what filters made of it.
        foreign = _noted_on_others(volume_node, segmentation_node, segment_ids)
        return _on_other_voxels(volume, segmentation_node, foreign)
    if made_for is not None:
        same = _share_images(made_for, volume_node)
        return "" if same else f"{name} was made for {made_for.GetName()}, not for {volume}: check that it lies on it."
    foreign = _made_of_others(volume_node, segmentation_node, segment_ids, unless_noted=False)
    if foreign:
        return _on_other_voxels(volume, segmentation_node, foreign)
    lattice = reference_lattice(segmentation_node)
    if lattice is None or offset_between(lattice, segmentation_node, volume_node) is not None:
        return ""
    return f"Nothing says which scan {name} was made for, and it has other voxels than {volume}: check that it fits."


def _on_other_voxels(volume: str, segmentation_node: Any, segment_ids: Sequence[str]) -> str:
    names = _named(segmentation_node, segment_ids)
    return f"These were made on other voxels than {volume} has: {names}. Check them." if names else ""


def _noted_on_others(volume_node: Any, segmentation_node: Any, segment_ids: Sequence[str]) -> list[str]:
    """Segments whose last result was made on other voxels than a volume has now; quick, also in a large scan."""
    segmentation = segmentation_node.GetSegmentation()
    return [each for each in segment_ids if noted_volume(segmentation.GetSegment(each), volume_node) is False]


def _made_of_others(
    volume_node: Any, segmentation_node: Any, segment_ids: Sequence[str], *, unless_noted: bool
) -> list[str]:
    """Segments that do not say that they were made of the voxels of a volume.

    Args:
        unless_noted: whether one that says nothing counts as made of others.
    """
    segmentation = segmentation_node.GetSegmentation()
    noted = {each: _noted_volumes(segmentation.GetSegment(each)) for each in segment_ids}
    own = volume_from_node(volume_node).content_hash if any(noted.values()) else ""
    return [each for each, said in noted.items() if (own not in said if said else unless_noted)]


def _noted_volumes(vtk_segment: Any) -> set[str]:
    """`Volume.content_hash` of what a segment was made on, as its prompts and its seal say."""
    prompts, made = values_of_json_tag(read_tag(vtk_segment, PROMPTS_TAG) or "") or {}, seal_of(vtk_segment)
    return {str(prompts["volume"])} if "volume" in prompts else set() if made is None else {made.volume}


def _named(segmentation_node: Any, segment_ids: Sequence[str]) -> str:
    return ", ".join(segmentation_node.GetSegmentation().GetSegment(each).GetName() for each in segment_ids)


def _is_same_scan(one: Any, other: Any) -> bool:
    """Whether two volumes are of one patient, and have images or voxels in common as a scan and a part of it have."""
    patients = {_patient_of(one), _patient_of(other)} - {0}
    if len(patients) > 1:
        return False
    return _share_images(one, other) or _is_part(one, other) or _is_part(other, one)


def _share_images(one: Any, other: Any) -> bool:
    return not set(instance_uids_of(one)).isdisjoint(instance_uids_of(other))


def _is_part(part: Any, whole: Any) -> bool:
    """Whether all voxels of a volume are voxels of the other."""
    if part.GetImageData() is None or whole.GetImageData() is None:
        return False
    of_whole = lattice_of_grid(grid_of(whole))
    offset = offset_between(of_whole, whole, part)
    if offset is None:
        return False
    return of_whole.box.union(lattice_of_grid(grid_of(part)).box.shifted(offset)) == of_whole.box


def _patient_of(node: Any) -> int:
    """The item of the subject hierarchy for the patient of a node; 0 where there is none."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
    item = hierarchy.GetItemByDataNode(node)
    level = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMLevelPatient()
    return int(hierarchy.GetItemAncestorAtLevel(item, level)) if item else 0
