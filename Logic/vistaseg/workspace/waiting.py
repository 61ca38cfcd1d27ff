"""Prompts that wait for an answer: kept with the volume that they lie in, and so with the scene.

They stand in an attribute of the volume node, since the segment that they are for may not be there yet. Which
segmentation it is in stands in a reference, which MRML keeps right when a scene is added to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vistaseg.mrml.volumes import grid_of
from vistaseg.prompts import Prompt

ATTRIBUTE = "VistaSeg.WaitingPrompts"
_ROLE = "VistaSegWaiting"


def waiting_prompts(volume_node: Any, segmentation_node: Any, segment_id: str) -> tuple[Prompt, ...]:
    """Those on a segment, in order, where they lie on the volume now, in its local RAS mm.

    Args:
        segmentation_node: None for a segmentation that is not there yet.
        segment_id: empty for a segment that is not there yet.
    """
    entry = next((each for each in _entries(volume_node) if _is_on(each, segmentation_node, segment_id)), None)
    return () if entry is None else _prompts(volume_node, entry) or ()


def keep_waiting(volume_node: Any, segmentation_node: Any, segment_id: str, prompts: Sequence[Prompt]) -> None:
    """Let these, and no others, wait on a segment; see `waiting_prompts`."""
    from vistaseg.mrml.placement import voxels_key

    entries = [each for each in _entries(volume_node) if not _is_on(each, segmentation_node, segment_id)]
    if prompts:
        steps = [{"prompt": prompt.as_dict()} for prompt in prompts]
        entries.append(
            {
                "segmentation": segmentation_node,
                "segment_id": segment_id,
                "voxels": voxels_key(volume_node),
                "ijk_to_ras": grid_of(volume_node).ijk_to_ras.tolist(),
                "segment": {"steps": steps},
            }
        )
    _write(volume_node, entries)


def drop_lost(volume_node: Any) -> int:
    """Forget what cannot follow the volume, which was moved together with a change of its voxels, or stretched.

    Returns:
        Number of these prompts.
    """
    entries = _entries(volume_node)
    lost = [entry for entry in entries if _prompts(volume_node, entry) is None]
    if lost:
        _write(volume_node, [entry for entry in entries if entry not in lost])
    return sum(len(entry["segment"]["steps"]) for entry in lost)


def _prompts(volume_node: Any, entry: dict[str, Any]) -> tuple[Prompt, ...] | None:
    """None where they cannot follow the volume."""
    from vistaseg.mrml.placement import voxels_key  # with the first that waits, not with the panel
    from vistaseg.workspace.memory import moved, prompts_of

    document = moved(entry, grid_of(volume_node).ijk_to_ras)
    if document is None or (document is not entry and entry["voxels"] != voxels_key(volume_node)):
        return None
    return prompts_of(document) or None


def _entries(volume_node: Any) -> list[dict[str, Any]]:
    """What waits on segments that are there."""
    text = volume_node.GetAttribute(ATTRIBUTE) if volume_node is not None and volume_node.GetImageData() else None
    if not text:
        return []
    from vistaseg.segmentation.tags import values_of_json_tag

    found = (values_of_json_tag(text) or {}).get("waiting", [])
    entries = []
    for number, entry in enumerate(found if isinstance(found, list) else []):
        if not isinstance(entry, dict) or not isinstance(entry.get("segment"), dict):
            continue
        node = volume_node.GetNodeReference(f"{_ROLE}{number}")
        segment_id = str(entry.get("segment_id", ""))
        lost_node = node is None and bool(entry.get("referred"))
        lost_segment = node is not None and segment_id != "" and not node.GetSegmentation().GetSegment(segment_id)
        if not (lost_node or lost_segment) and isinstance(entry["segment"].get("steps"), list):
            entries.append({"voxels": "", **entry, "segmentation": node, "segment_id": segment_id})
    return entries


def _is_on(entry: dict[str, Any], segmentation_node: Any, segment_id: str) -> bool:
    return entry["segmentation"] is segmentation_node and entry["segment_id"] == segment_id


def _write(volume_node: Any, entries: Sequence[dict[str, Any]]) -> None:
    roles: list[str] = []
    volume_node.GetNodeReferenceRoles(roles)
    modifying = volume_node.StartModify()
    for role in roles:
        if role.startswith(_ROLE):
            volume_node.RemoveNodeReferenceIDs(role)
    documents = []
    for number, entry in enumerate(entries):
        node = entry["segmentation"]
        if node is not None:
            volume_node.SetNodeReferenceID(f"{_ROLE}{number}", node.GetID())
        documents.append({**{k: v for k, v in entry.items() if k != "segmentation"}, "referred": node is not None})
    if documents:
        from vistaseg.segmentation.tags import json_tag

        volume_node.SetAttribute(ATTRIBUTE, json_tag({"waiting": documents}))
    elif volume_node.GetAttribute(ATTRIBUTE) is not None:
        volume_node.RemoveAttribute(ATTRIBUTE)
    volume_node.EndModify(modifying)
