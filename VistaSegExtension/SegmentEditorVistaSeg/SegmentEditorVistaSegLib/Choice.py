"""What the editor has chosen, and why it may not be used."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from vistaseg.errors import InputError
from vistaseg.mrml.geometry import BINARY_LABELMAP
from vistaseg.workspace import SegmentReference


def chosenTarget(scriptedEffect) -> SegmentReference | None:
    """The segment that is selected, or None where there is none."""
    try:
        return requireTarget(scriptedEffect)
    except InputError:
        return None


def requireTarget(scriptedEffect) -> SegmentReference:
    """The segment that is selected.

    Raises:
        InputError: there is none, or it cannot be edited.
    """
    node = scriptedEffect.parameterSetNode()
    segmentation = node.GetSegmentationNode() if node is not None else None
    if segmentation is None:
        raise InputError(_("Choose a segmentation in the Segment Editor first."))
    if node.GetSourceVolumeNode() is None:
        raise InputError(_("Choose the CT as the source volume in the Segment Editor first."))
    if not scriptedEffect.optionsFrame().enabled:
        raise InputError(_("This segmentation is read-only here: choose another one."))
    segmentId = node.GetSelectedSegmentID() or ""
    if segmentation.GetSegmentation().GetSegment(segmentId) is None:
        raise InputError(_("Add a segment in the Segment Editor, or choose one, then prompt."))
    _requireLabelmap(segmentation)
    return SegmentReference(node.GetSourceVolumeNode().GetID(), segmentation.GetID(), segmentId)


def _requireLabelmap(segmentationNode) -> None:
    """The editor asks for the conversion when an effect is chosen; somebody may have changed it since."""
    if segmentationNode.GetSegmentation().GetSourceRepresentationName() != BINARY_LABELMAP:
        raise InputError(
            _("{name} is not kept as voxels any more. Choose another effect and VistaSeg again to convert it.").format(
                name=segmentationNode.GetName()
            )
        )


def volumeOf(target: SegmentReference):
    """The volume node of a target."""
    return slicer.mrmlScene.GetNodeByID(target.volume_id)


def segmentationOf(target: SegmentReference):
    """The segmentation node of a target."""
    return slicer.mrmlScene.GetNodeByID(target.segmentation_id)
