"""The state of the panel that is saved with the scene."""

from __future__ import annotations

import slicer
from slicer.parameterNodeWrapper import parameterNodeWrapper


@parameterNodeWrapper
class VistaSegParameterNode:
    """Attributes, each kept in the parameter node.

    volume, segmentation: what is segmented, and where results go.
    region: the box that automatic segmentation is limited to, where regionKind is "roi".
    segmentId: the segment that clicks, boxes and texts change; "" for a new one.
    modelChoice: see `Models.choices`.
    classIds: ids of the chosen structures, separated by blanks.
    regionKind: "whole", "roi" or "visible".
    answerAtOnce: whether each prompt is answered when it is placed.
    knownOrgan: whether clicks for a new segment are on an organ of a kind that the model knows, not on something new.
    """

    volume: slicer.vtkMRMLScalarVolumeNode
    segmentation: slicer.vtkMRMLSegmentationNode
    region: slicer.vtkMRMLMarkupsROINode
    segmentId: str = ""
    modelChoice: str = "auto"
    classIds: str = ""
    regionKind: str = "whole"
    answerAtOnce: bool = True
    knownOrgan: bool = False
