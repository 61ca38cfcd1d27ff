"""The prompts of the chosen segment as markups in the views: green and red points with their numbers, boxes."""

from __future__ import annotations

from typing import Any

from vistaseg.mrml.volumes import is_in_scene
from vistaseg.prompts import Point, Prompt, RegionOfInterest
from VistaSegLib.MarkupsNodes import COLORS, addMarkupsNode, removeMarkupsNode

# What one node shows: prompts with their numbers.
Content = tuple[tuple[int, Prompt], ...]


class PromptMarkers:
    """Nodes under the transform of the volume, whose own coordinates prompts have.

    They are made from the prompts, which are kept with their segment, and so are not saved themselves. Nodes of points
    stay, even without any: one that comes or goes keeps an application with views waiting for a tenth of a second.
    """

    def __init__(self) -> None:
        self._shown: dict[tuple, tuple[Any, Content]] = {}
        self._transformId: str | None = None

    def show(self, prompts: tuple[Prompt, ...], volumeNode) -> None:
        """Show these and no others; texts have no place."""
        wanted = _contents(prompts)
        transformId = volumeNode.GetTransformNodeID() if volumeNode is not None else None
        if transformId != self._transformId or not all(is_in_scene(node) for node, _content in self._shown.values()):
            self.close()
            self._transformId = transformId
        for key in self._shown.keys() - wanted.keys():
            self._empty(key)
        for key, content in wanted.items():
            node, before = self._shown.get(key) or (self._add(key[0]), ())
            if content != before:
                _fill(node, before, content)
            self._shown[key] = node, content

    def close(self) -> None:
        """Take them out of the scene."""
        while self._shown:
            removeMarkupsNode(self._shown.popitem()[1][0])

    def _empty(self, key: tuple) -> None:
        node, _content = self._shown[key]
        if key[0] == "box":
            removeMarkupsNode(node)
            del self._shown[key]
        else:
            node.RemoveAllControlPoints()
            self._shown[key] = node, ()

    def _add(self, kind: str):
        if kind == "box":
            node = addMarkupsNode("vtkMRMLMarkupsROINode", kind, COLORS[kind])
            node.GetDisplayNode().SetPropertiesLabelVisibility(True)
            node.GetDisplayNode().SetHandlesInteractive(False)
            node.GetDisplayNode().SetFillVisibility(False)
        else:
            node = addMarkupsNode("vtkMRMLMarkupsFiducialNode", kind, COLORS[kind])
        node.SetLocked(True)
        node.SetAndObserveTransformNodeID(self._transformId)
        return node


def _contents(prompts: tuple[Prompt, ...]) -> dict[tuple, Content]:
    """What each node shows: all positive points, all negative ones, and each box."""
    found: dict[tuple, Content] = {}
    for number, prompt in enumerate(prompts, start=1):
        if isinstance(prompt, Point):
            key: tuple = ("positive" if prompt.positive else "negative",)
        elif isinstance(prompt, RegionOfInterest):
            key = ("box", number)
        else:
            continue
        found[key] = (*found.get(key, ()), (number, prompt))
    return found


def _fill(node, before: Content, content: Content) -> None:
    number, prompt = content[0]
    if isinstance(prompt, RegionOfInterest):
        _fillBox(node, number, prompt)
        return
    if content[: len(before)] != before:
        node.RemoveAllControlPoints()
        before = ()
    for number, point in content[len(before) :]:
        assert isinstance(point, Point)
        node.AddControlPoint(list(point.ras), str(number))


def _fillBox(node, number: int, box: RegionOfInterest) -> None:
    node.SetCenter([(low + high) / 2 for low, high in zip(box.low, box.high, strict=True)])
    node.SetSize([high - low for low, high in zip(box.low, box.high, strict=True)])
    node.SetName(str(number))
