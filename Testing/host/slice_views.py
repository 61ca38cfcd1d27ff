"""Stand-ins for the slice views of a layout."""

from __future__ import annotations

from typing import Any

import slicer
import vtk


class SliceWidget:
    """`qMRMLSliceWidget` over a slice node, without a window."""

    def __init__(self, node: Any) -> None:
        self.node, self.renderer, self.renderings = node, vtk.vtkRenderer(), 0
        self._interactor = vtk.vtkRenderWindowInteractor()

    def className(self) -> str:
        return "qMRMLSliceWidget"

    def sliceLogic(self) -> Any:
        return _Logic(self.node)

    def mrmlSliceNode(self) -> Any:
        return self.node

    def sliceView(self) -> SliceWidget:
        return self

    def interactor(self) -> Any:
        return self._interactor

    def scheduleRender(self) -> None:
        self.renderings += 1


class _Logic:
    def __init__(self, node: Any) -> None:
        self._node = node

    def GetSliceNode(self) -> Any:
        return self._node


def slice_widget(name: str) -> SliceWidget:
    """The view of a slice node by the name of its place in the layout."""
    node = next(node for node in slicer.util.getNodesByClass("vtkMRMLSliceNode") if node.GetLayoutName() == name)
    known = _slice_widgets.get(name)
    if known is None or known.node is not node:
        known = _slice_widgets[name] = SliceWidget(node)
    return known


_slice_widgets: dict[str, SliceWidget] = {}
