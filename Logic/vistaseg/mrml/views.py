"""Which scans slice views show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import slicer

from vistaseg.errors import InputError
from vistaseg.mrml.volumes import is_in_scene


def scans_in(slice_node: Any) -> list[Any]:
    """The scans that a slice view shows, the background first; label maps and colour images are none.

    Args:
        slice_node: vtkMRMLSliceNode.
    """
    composite = slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(slice_node)
    if composite is None:
        return []
    scene, opacity = slice_node.GetScene(), composite.GetForegroundOpacity()
    ids = composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID()
    back, front = (scene.GetNodeByID(node_id) if node_id else None for node_id in ids)
    if _is_scan(front) and opacity >= 1:
        return [front]
    return [node for node in (back, front if opacity > 0 else None) if _is_scan(node)]


def scan_instead(slice_nodes: Iterable[Any], volume_node: Any) -> Any | None:
    """The scan that slice views show while none of them shows a volume; None where one does, and without a scan."""
    shown = [node for slice_node in slice_nodes for node in scans_in(slice_node)]
    if not shown or volume_node in shown:
        return None
    return max(shown, key=shown.count)


def require_shown(slice_nodes: Iterable[Any], volume_node: Any) -> None:
    """Refuse a prompt in views of another scan: the place would be looked up in the wrong one.

    Raises:
        InputError: the views show another scan, and not the volume.
    """
    other = scan_instead(slice_nodes, volume_node)
    if other is not None:
        raise InputError(
            f"The view shows {other.GetName()}, and {volume_node.GetName()} is segmented: nothing was asked. Choose "
            f"{other.GetName()} as the volume, or show {volume_node.GetName()} in the view."
        )


def _is_scan(node: Any) -> bool:
    return is_in_scene(node) and node.GetClassName() == "vtkMRMLScalarVolumeNode"
