"""Line drawings over the slice views."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import slicer
import vtk

from SegmentEditorVistaSegLib.Markers import Line

LINE_WIDTH = 2


class MarkerViews:
    """The drawings of one effect, one for each slice view that exists.

    Args:
        scriptedEffect: that shows them.
    """

    def __init__(self, scriptedEffect) -> None:
        self._effect = scriptedEffect
        self._drawings: dict[object, LineActor] = {}

    def views(self) -> Iterator[object]:
        """The slice views of the layout."""
        manager = slicer.app.layoutManager()
        for name in manager.sliceViewNames() if manager is not None else ():
            yield manager.sliceWidget(name)

    def draw(self, view, lines: Iterable[Line]) -> None:
        """Show lines in a view instead of those before."""
        drawing = self._drawings.get(view)
        if drawing is None:
            drawing = self._drawings[view] = LineActor()
            self._effect.addActor2D(view, drawing.actor)
        if drawing.show(tuple(lines)):
            view.sliceView().scheduleRender()

    def clear(self) -> None:
        """Take all drawings away."""
        for view, drawing in self._drawings.items():
            self._effect.removeActor2D(view, drawing.actor)
        self._drawings.clear()


class LineActor:
    """Lines as an actor in the pixels of a view."""

    def __init__(self) -> None:
        self._lines: tuple[Line, ...] = ()
        self.data = vtk.vtkPolyData()
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputData(self.data)
        self.actor = vtk.vtkActor2D()
        self.actor.SetMapper(mapper)
        self.actor.GetProperty().SetLineWidth(LINE_WIDTH)
        self.actor.PickableOff()

    def show(self, lines: tuple[Line, ...]) -> bool:
        """Draw lines; returns whether they are others than before."""
        if lines == self._lines:
            return False
        self._lines = lines
        points, cells, colors = vtk.vtkPoints(), vtk.vtkCellArray(), vtk.vtkUnsignedCharArray()
        colors.SetNumberOfComponents(3)
        for line in lines:
            cells.InsertNextCell(len(line.places))
            for x, y in line.places:
                cells.InsertCellPoint(points.InsertNextPoint(x, y, 0))
            colors.InsertNextTuple(line.color)
        self.data.SetPoints(points)
        self.data.SetLines(cells)
        self.data.GetCellData().SetScalars(colors)
        return True
