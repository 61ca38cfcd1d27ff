"""Where to segment automatically: everywhere, in a box, or in what the slice views show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer
from slicer.i18n import tr as _

from vistaseg.errors import InputError

if TYPE_CHECKING:
    from vistaseg.prompts import RegionOfInterest

KINDS = ("whole", "roi", "visible")


def kindTexts() -> dict[str, str]:
    """What each kind is called."""
    return {"whole": _("Whole volume"), "roi": _("Inside a box"), "visible": _("What the slice views show")}


def regionOf(kind: str, roiNode, volumeNode) -> RegionOfInterest | None:
    """The region in the volume's own coordinates, mm; None for all of it.

    Raises:
        InputError: it is empty, or lies outside the volume.
    """
    from vistaseg.mrml.markups import box_of, visible_region  # with the first region, not with the panel

    if kind == "roi":
        if roiNode is None:
            raise InputError(_("No box is chosen for the region: choose one, or segment the whole volume."))
        return box_of(roiNode, volumeNode)
    return visible_region(volumeNode, sliceNodesShowing(volumeNode)) if kind == "visible" else None


def sliceNodesShowing(volumeNode) -> list:
    """The nodes of the slice views that show a volume, in the background or the foreground.

    Raises:
        InputError: no view shows it.
    """
    scene = volumeNode.GetScene()
    nodes = [view for view in slicer.util.getNodesByClass("vtkMRMLSliceNode", scene) if _shows(view, volumeNode)]
    if not nodes:
        raise InputError(_("No slice view shows the volume: show it, or segment the whole volume."))
    return nodes


def fitToVolume(roiNode, volumeNode) -> None:
    """Make a box as large as a volume, to be made smaller by its handles."""
    bounds = [0.0] * 6
    volumeNode.GetRASBounds(bounds)
    low, high = bounds[::2], bounds[1::2]
    roiNode.SetXYZ([(first + last) / 2 for first, last in zip(low, high, strict=True)])
    roiNode.SetRadiusXYZ([(last - first) / 2 for first, last in zip(low, high, strict=True)])


def _shows(sliceNode, volumeNode) -> bool:
    if not sliceNode.IsMappedInLayout():
        return False
    composite = slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(sliceNode)
    shown = (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID()) if composite else ()
    return volumeNode.GetID() in shown
