"""The prompts of the chosen segment as markups in the views: green and red points with their numbers, boxes."""

from __future__ import annotations

from vistaseg.mrml.volumes import is_in_scene
from vistaseg.prompts import Point, Prompt, RegionOfInterest
from VistaSegLib.MarkupsNodes import COLORS, addMarkupsNode, removeMarkupsNode


class PromptMarkers:
    """Nodes under the transform of the volume, whose own coordinates prompts have.

    They are made from the prompts, which are kept with their segment, and so are not saved themselves.
    """

    def __init__(self) -> None:
        self._nodes: list[object] = []
        self._shown: tuple = ((), None)

    def show(self, prompts: tuple[Prompt, ...], volumeNode) -> None:
        """Show these and no others; texts have no place."""
        wanted = (prompts, volumeNode.GetTransformNodeID() if volumeNode is not None else None)
        if wanted == self._shown and all(map(is_in_scene, self._nodes)):
            return
        self.close()
        self._shown = wanted
        numbered = list(enumerate(prompts, start=1))
        for kind, positive in (("positive", True), ("negative", False)):
            points = [
                (n, prompt) for n, prompt in numbered if isinstance(prompt, Point) and prompt.positive == positive
            ]
            if points:
                self._addPoints(kind, points, volumeNode)
        for number, prompt in numbered:
            if isinstance(prompt, RegionOfInterest):
                self._addBox(number, prompt, volumeNode)

    def close(self) -> None:
        """Take them out of the scene."""
        for node in self._nodes:
            removeMarkupsNode(node)
        self._nodes, self._shown = [], ((), None)

    def _addPoints(self, kind: str, points: list[tuple[int, Point]], volumeNode) -> None:
        node = self._add("vtkMRMLMarkupsFiducialNode", kind, volumeNode)
        for number, point in points:
            node.AddControlPoint(list(point.ras), str(number))

    def _addBox(self, number: int, box: RegionOfInterest, volumeNode) -> None:
        node = self._add("vtkMRMLMarkupsROINode", "box", volumeNode)
        node.SetCenter([(low + high) / 2 for low, high in zip(box.low, box.high, strict=True)])
        node.SetSize([high - low for low, high in zip(box.low, box.high, strict=True)])
        node.SetName(str(number))
        node.GetDisplayNode().SetPropertiesLabelVisibility(True)
        node.GetDisplayNode().SetHandlesInteractive(False)
        node.GetDisplayNode().SetFillVisibility(False)

    def _add(self, className: str, kind: str, volumeNode):
        node = addMarkupsNode(className, kind, COLORS[kind])
        node.SetLocked(True)
        node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
        self._nodes.append(node)
        return node
