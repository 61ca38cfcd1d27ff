"""Markups that belong to the panel: shown in the views, in no list of nodes, and not saved with the scene."""

from __future__ import annotations

import slicer

COLORS = {"positive": (0.2, 0.8, 0.2), "negative": (0.9, 0.2, 0.2), "box": (0.95, 0.8, 0.2)}


def addMarkupsNode(className: str, name: str, color: tuple[float, float, float]):
    """A markups node of the panel's own, with its display node."""
    node = slicer.mrmlScene.CreateNodeByClass(className)
    node.UnRegister(None)
    node.SetName(f"VistaSeg {name}")
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    slicer.mrmlScene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetSaveWithScene(False)
    display.SetColor(*color)
    display.SetSelectedColor(*color)
    display.SetActiveColor(*color)
    return node


def limitToSliceViews(node) -> None:
    """Show it in slice views alone: in a 3D view nobody sees which voxel is meant."""
    for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        node.GetDisplayNode().AddViewNodeID(view.GetID())
