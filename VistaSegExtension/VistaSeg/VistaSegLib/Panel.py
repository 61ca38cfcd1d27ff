"""The panel: its sections, one below the other, before the scene of the application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

import slicer

from VistaSegLib import Host
from VistaSegLib.AutomaticSection import AutomaticSection
from VistaSegLib.ExportSection import ExportSection
from VistaSegLib.InteractiveSection import InteractiveSection
from VistaSegLib.MessageSection import MessageSection
from VistaSegLib.ModelSection import ModelSection
from VistaSegLib.ProgressSection import ProgressSection
from VistaSegLib.ResultsSection import ResultsSection
from VistaSegLib.Selection import Selection
from VistaSegLib.VolumeArrivals import VolumeArrivals
from VistaSegLib.WrappedHeight import WrappedHeight


class Section(Protocol):
    """A part of the panel, made as `XSection(selection, workspace)`.

    Attributes:
        widget: what the panel shows.
    """

    widget: object

    def update(self) -> None:
        """Show what is; called after any change of the selection or the workspace, many times a second."""

    def cleanup(self) -> None:
        """Let go of everything that would outlive the widget."""


# What runs and what was said stay in sight where the window is too low for all of it.
SECTIONS = (
    ModelSection,
    ProgressSection,
    MessageSection,
    AutomaticSection,
    InteractiveSection,
    ResultsSection,
    ExportSection,
)


class Panel:
    """Mounts the sections into a layout.

    Args:
        findParameters: gives the parameter node of the scene.
    """

    def __init__(self, layout, findParameters: Callable[[], object]) -> None:
        self._findParameters = findParameters
        self._entered = False
        self.workspace = Host.workspace()
        self.selection = Selection(self.workspace.messages.tell)
        self.sections: dict[str, Section] = {}
        for kind in SECTIONS:
            section = self.sections[kind.__name__] = kind(self.selection, self.workspace)
            layout.addWidget(section.widget)
        layout.addStretch(1)
        self._height = WrappedHeight(layout)
        self._arrivals = VolumeArrivals(self._onArrived)
        self._stops = [self.workspace.listen(self.update), self.selection.listen(self._onSelected)]

    def enter(self) -> None:
        """The user looks at the panel."""
        self._entered = True
        self.enterScene()
        cast(InteractiveSection, self.sections["InteractiveSection"]).enter()

    def exit(self) -> None:
        """The user looks at something else; what runs goes on."""
        self._entered = False
        if self.sections:
            cast(InteractiveSection, self.sections["InteractiveSection"]).exit()

    def leaveScene(self) -> None:
        """The scene is about to be emptied."""
        self.workspace.leave()
        self.selection.setParameters(None)

    def enterScene(self) -> None:
        """There is a scene, perhaps another one than before."""
        if self._entered and not slicer.mrmlScene.IsBatchProcessing():
            self.selection.setParameters(self._findParameters())
            self.selection.chooseVolume()

    def update(self) -> None:
        """Show what is."""
        for section in self.sections.values():
            section.update()

    def cleanup(self) -> None:
        """Cancel what runs and release the scene; Slicer may call this more than once."""
        if self.sections:
            self.workspace.cancel()
        while self._stops:
            self._stops.pop()()
        self._arrivals.close()
        self.selection.setParameters(None)
        while self.sections:
            self.sections.popitem()[1].cleanup()

    def _onArrived(self, volumeNode) -> None:
        if self._entered and not slicer.mrmlScene.IsBatchProcessing():
            self.selection.chooseIfNone(volumeNode)

    def _onSelected(self) -> None:
        self.workspace.models = self.selection.models
        self.update()
