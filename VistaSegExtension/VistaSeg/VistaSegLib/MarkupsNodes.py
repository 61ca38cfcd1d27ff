"""Markups that belong to the panel: shown in the views, in no list of nodes, and not saved with the scene."""

from __future__ import annotations

import slicer

from vistaseg.mrml.volumes import is_in_scene

COLORS = {"positive": (0.2, 0.8, 0.2), "negative": (0.9, 0.2, 0.2), "box": (0.95, 0.8, 0.2)}


def addMarkupsNode(className: str, name: str, color: tuple[float, float, float]):
    """A markups node of the panel's own, with its display node."""
    node = slicer.mrmlScene.CreateNodeByClass(className)
    node.UnRegister(None)
    node.SetName(f"VistaSeg {name}")
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    _addAside(node)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetSaveWithScene(False)
    display.SetColor(*color)
    display.SetSelectedColor(*color)
    display.SetActiveColor(*color)
    return node


def removeMarkupsNode(node) -> None:
    """Take a node and its display out of the scene, as far as they are there."""
    if not is_in_scene(node):
        return
    display = node.GetDisplayNode()
    slicer.mrmlScene.RemoveNode(node)
    if is_in_scene(display):
        slicer.mrmlScene.RemoveNode(display)


def _addAside(node) -> None:
    """Add a node without making it the one that clicks in the views go to, as Slicer does with new markups."""
    selection = slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    className, nodeId = selection.GetActivePlaceNodeClassName(), selection.GetActivePlaceNodeID()
    slicer.mrmlScene.AddNode(node)
    selection.SetReferenceActivePlaceNodeClassName(className)
    selection.SetReferenceActivePlaceNodeID(nodeId)


def limitToSliceViews(node) -> None:
    """Show it in slice views alone: a 3D view does not show which voxel is meant."""
    for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        node.GetDisplayNode().AddViewNodeID(view.GetID())
