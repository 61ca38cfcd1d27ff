"""What is there while the effect is active: it keeps the options, the views and the workspace together."""

from __future__ import annotations

import slicer
import vtk
from slicer.util import VTKObservationMixin

from SegmentEditorVistaSegLib.Choice import segmentationOf
from SegmentEditorVistaSegLib.Interaction import Interaction
from SegmentEditorVistaSegLib.Naming import meantBy
from SegmentEditorVistaSegLib.Options import Options
from SegmentEditorVistaSegLib.Preview import Preview
from SegmentEditorVistaSegLib.Prompting import EffectPrompting
from vistaseg.errors import VistaSegError
from vistaseg.mrml.removals import on_removals
from vistaseg.mrml.volumes import is_in_scene
from vistaseg.prompts import Text
from vistaseg.workspace import SegmentReference, Workspace
from VistaSegLib.ClickKind import kindOf, setKind

EVENTS = (
    slicer.vtkSegmentation.SourceRepresentationModified,
    slicer.vtkSegmentation.SegmentModified,
    slicer.vtkSegmentation.SegmentRemoved,
)


class Work(VTKObservationMixin):
    """From the effect's activation to its deactivation.

    Args:
        scriptedEffect: that is active.
        options: its options.
        workspace: the application's.
    """

    def __init__(self, scriptedEffect, options: Options, workspace: Workspace) -> None:
        super().__init__()
        self._effect, self._options, self._workspace = scriptedEffect, options, workspace
        self.prompting = EffectPrompting(scriptedEffect, workspace, lambda: options.previewing, self._onAnswered)
        self.interaction = Interaction(
            scriptedEffect, self.prompting, lambda: options.tool, lambda: options.removing, self.update
        )
        self.preview = Preview()
        self._target: SegmentReference | None = None
        self._named: SegmentReference | None = None
        self._answered = self._updating = False
        self._segmentation = VTKObservationMixin()
        self._parameterSetNode = None
        self._stops = [workspace.listen(self.update), on_removals(slicer.mrmlScene, self.update)]
        self.update()

    def askText(self) -> None:
        """Ask for what was typed."""
        text = self._options.takeText()
        if text:
            self.prompting.ask(Text(text))

    def whatIsThis(self) -> None:
        """Ask what the segment may be, and list the answers."""
        self.prompting.whatIsThis(self._onNames)

    def useName(self) -> None:
        """Give the segment the name that is chosen in the list."""
        name = self._options.takeName()
        if name and self._named is not None:
            self.prompting.giveName(self._named, name)
        self.update()

    def chooseKind(self) -> None:
        """Note with the segment what clicks on it are on."""
        if self._target is not None:
            setKind(segmentationOf(self._target), self._target.segment_id, self._options.kind)

    def accept(self) -> None:
        """Write what the preview shows."""
        self.prompting.accept()
        self._propose()

    def refuse(self) -> None:
        """Take back what the preview shows."""
        if self._target is not None:
            self.prompting.refuse(self._target)
        self._propose()

    def update(self) -> None:
        """Show what is."""
        if self._updating:
            return
        self._updating = True
        try:
            self._update()
        finally:
            self._updating = False

    def close(self) -> None:
        """Leave nothing behind."""
        while self._stops:
            self._stops.pop()()
        self.removeObservers()
        self._segmentation.removeObservers()
        self.prompting.leave()
        if self.preview.shown and self._target is not None:
            self.prompting.refuse(self._target)
        self.preview.hide()
        self.interaction.close()

    def _update(self) -> None:
        self._followEditor()
        target = self.prompting.target
        if target != self._target:
            self._onAnother(target)
        if self._answered and self._workspace.task is None:
            self._answered = False
            self._showProposal(target)
        meant = meantBy(target) if target is not None else None
        self._options.showKind(kindOf(segmentationOf(target), target.segment_id) if target is not None else None)
        self._options.show(
            self.prompting.prompts,
            self.interaction.picked,
            "" if meant is None else meant[0],
            self.preview.shown,
            target is not None,
        )
        self.interaction.draw()

    def _followEditor(self) -> None:
        """The editor takes another node after the scene was closed."""
        node = self._effect.parameterSetNode()
        node = node if is_in_scene(node) else None
        if node is not self._parameterSetNode:
            self.removeObservers()
            self._parameterSetNode = node
            if node is not None:
                self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._onModified)

    def _onAnother(self, target: SegmentReference | None) -> None:
        """Another segment is selected: what was proposed for the one before is not wanted."""
        before, self._target = self._target, target
        if before is not None and self.preview.shown:
            self.prompting.refuse(before)
            self.preview.hide()
        self._options.showNames(())
        self._observe(target)
        if target is not None and (before is None or _nodes(before) != _nodes(target)):
            self.prompting.warn(target)

    def _observe(self, target: SegmentReference | None) -> None:
        self._segmentation.removeObservers()
        if target is not None:
            for event in EVENTS:
                self._segmentation.addObserver(segmentationOf(target), event, self._onSegmentation)

    def _showProposal(self, target: SegmentReference | None) -> None:
        try:
            change = self._workspace.proposal(target) if target is not None else None
        except VistaSegError as error:
            self._workspace.messages.add_error(error)
            change = None
        if target is None or change is None:
            self.preview.hide()
        else:
            self.preview.show(target, change)

    def _onNames(self, target: SegmentReference, names) -> None:
        if target == self._target:
            self._named = target
            self._options.showNames(names)

    def _onModified(self, *_) -> None:
        self.update()

    def _onSegmentation(self, *_) -> None:
        self._propose()

    def _onAnswered(self, *_) -> None:
        self._answered = self._answered or self._options.previewing or self.preview.shown

    def _propose(self) -> None:
        """Look again at what is proposed, and show what is."""
        self._answered = self._answered or self.preview.shown
        self.update()


def _nodes(target: SegmentReference) -> tuple[str, str]:
    return target.volume_id, target.segmentation_id
