"""A Segment Editor with the effect in it before a volume: what the tests of the effect and its figures share.

It is the real editor inside a Slicer, and its stand-in elsewhere; Qt has to be there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import host
import numpy as np
import slicer
from host import module_manager
from host.module_manager import EXTENSION
from host.mrml_nodes import add_scan, add_segmentation, full_mask
from waiting import wait_until

if host.is_slicer():
    import editor_in_slicer as segment_editor
else:
    from host import segment_editor

from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import BoxedMask
from vistaseg.mrml.transforms import to_world
from vistaseg.mrml.writing import labelmap_of
from vistaseg.volume import Volume
from vistaseg.workspace import SegmentReference, Workspace

VIEW = 400
"""Pixels of the view along each side."""


def register_effect() -> None:
    """Have the effect registered as at start-up, once in a process."""
    if host.is_slicer():
        return
    segment_editor.install()
    sys.path.insert(0, str(EXTENSION / "VistaSeg"))
    module_manager.load("SegmentEditorVistaSeg")
    sys.modules["SegmentEditorVistaSeg"].registerEffect()


class Bench:
    """What a test works with.

    Attributes:
        editor: the Segment Editor, the effect active.
        volume: what the volume node holds.
        segments: ids by name: a, b and c, empty.
    """

    def __init__(self, volume: Volume, load: Callable[[str], Any], view: Any) -> None:
        from VistaSegLib import Host

        self.scene, self.volume = slicer.mrmlScene, volume
        self.workspace = Workspace(slicer.mrmlScene, load)
        self.workspace.models = ("demo",)
        Host.use(self.workspace)
        self.volumeNode = add_scan(volume)
        self.segmentationNode = add_segmentation(self.volumeNode)
        self.segments = {name: self.add_segment(name) for name in ("a", "b", "c")}
        self.view, self.sliceNode = view, view.mrmlSliceNode()
        self.editor = segment_editor.Editor("VistaSeg")
        self.editor.choose(self.volumeNode, self.segmentationNode, self.segments["a"])
        self.editor.activate()
        self.mouse = segment_editor.Mouse(self.editor, self.view)

    @property
    def effect(self) -> Any:
        return self.editor.effect.self()

    @property
    def ui(self) -> SimpleNamespace:
        return self.effect.options.ui

    def add_segment(self, name: str) -> str:
        return self.segmentationNode.GetSegmentation().AddEmptySegment("", name)

    def look_at(self, world: Any, normal: Any = (0, 0, 1), up: Any = (0, 1, 0)) -> None:
        """Show a place in world RAS in the middle of the view, one mm a pixel."""
        self.sliceNode.SetFieldOfView(VIEW, VIEW, 2.0)
        self.sliceNode.SetSliceToRASByNTP(*normal, *np.cross(up, normal), *world, 0)

    def at(self, name: str) -> tuple[int, int]:
        """Where to click for a structure of the phantom, after the view was moved there."""
        self.look_at(to_world(self.volumeNode, PLACES[name]))
        return VIEW // 2, VIEW // 2

    def target(self, name: str) -> SegmentReference:
        return SegmentReference(self.volumeNode.GetID(), self.segmentationNode.GetID(), self.segments[name])

    def mask(self, name: str) -> np.ndarray:
        """A segment on the grid of the volume, bool (k, j, i)."""
        return full_mask(self.segmentationNode, self.segments[name], self.volumeNode)

    def fill(self, name: str, mask: np.ndarray) -> None:
        """Put a mask, bool (k, j, i), in the place of a segment, whatever the rules."""
        logic, whole = slicer.vtkSlicerSegmentationsModuleLogic, VoxelBox.whole(self.volume.shape_ijk)
        labelmap = labelmap_of(BoxedMask(mask, whole), self.volumeNode, self.segmentationNode)
        logic.SetBinaryLabelmapToSegment(labelmap, self.segmentationNode, self.segments[name], logic.MODE_REPLACE)

    def region(self, low: float, high: float) -> np.ndarray:
        return (self.volume.array >= low) & (self.volume.array <= high)

    def finish(self, seconds: float = 20.0) -> None:
        """Let the application work until nothing is left to do."""
        wait_until(lambda: not self.workspace.busy, slicer.app.processEvents, seconds)

    def renew(self) -> None:
        """Close the scene and set everything up again in the next one."""
        slicer.mrmlScene.Clear(0)
        self.editor.deactivate()
        self.volumeNode = add_scan(self.volume)
        self.segmentationNode = add_segmentation(self.volumeNode)
        self.segments = {name: self.add_segment(name) for name in ("a", "b", "c")}
        self.editor.reset()
        self.editor.choose(self.volumeNode, self.segmentationNode, self.segments["a"])
        self.editor.activate()

    def texts(self) -> list[str]:
        return [message.text for message in self.workspace.messages.all]

    def drawings(self) -> list[Any]:
        """What the effect draws with over the view: lines of three colors."""
        actors = [actor for actor in segment_editor.renderer_of(self.view).GetViewProps() if actor.IsA("vtkActor2D")]
        mappers = [actor.GetMapper() for actor in actors]
        data = [mapper.GetInput() for mapper in mappers if mapper is not None and mapper.IsA("vtkPolyDataMapper2D")]
        return [each for each in data if each is not None and _is_colored(each)]

    def lines(self) -> int:
        """Number of lines that are drawn over the view."""
        return sum(each.GetNumberOfLines() for each in self.drawings())


def _is_colored(data: Any) -> bool:
    colors = data.GetCellData().GetScalars()
    return colors is not None and colors.GetNumberOfComponents() == 3


# In local RAS mm.
PLACES = {"body": (0.0, 0.0, 0.0), "left": (-40.0, 10.0, 33.0), "right": (40.0, 10.0, -20.0)}
