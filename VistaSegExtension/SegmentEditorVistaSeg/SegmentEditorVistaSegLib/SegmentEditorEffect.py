"""The effect as the Segment Editor sees it; what it does is in `Work`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect
from slicer.i18n import tr as _

ICON = Path(__file__).resolve().parents[1] / "Resources" / "Icons" / "SegmentEditorVistaSeg.png"


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    """Prompts in the slice views change the selected segment."""

    def __init__(self, scriptedEffect) -> None:
        scriptedEffect.name = "VistaSeg"  # not translated: modules find effects by it
        scriptedEffect.title = _("VistaSeg")
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.options: Any = None
        self.work: Any = None
        from VistaSegLib import Editors

        Editors.add(scriptedEffect)

    def clone(self):
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        copy = effects.qSlicerSegmentEditorScriptedEffect(None)
        copy.setPythonSource(Path(__file__).as_posix())
        return copy

    def icon(self):
        return qt.QIcon(str(ICON))

    def helpText(self) -> str:
        return _(
            "<html>Click, draw a box, scribble or name a structure: VISTA3D and SegVol answer<br>. Masking, "
            "overwriting and undo of this editor hold for what they answer.<p><ul style='margin: 0'>"
            "<li><b>Left click:</b> what is there belongs to the segment. <b>Ctrl + left click</b>, or the button "
            "<b>−</b>: it does not.</li>"
            "<li><b>Left button, drag:</b> a box around the structure, as deep as the shorter of its sides.</li>"
            "<li><b>Scribble:</b> draw along the structure instead.</li>"
            "<li><b>Click on a marker:</b> picks the prompt; Delete takes it back.</li>"
            "<li><b>Text:</b> the name of a structure.</li>"
            "<li><b>Auto:</b> the structure that the segment is named after, in the whole scan.</li>"
            "<li><b>What is this?</b> lists what the segment, or the latest click in it, may be.</li>"
            "<li><b>Preview:</b> look at an answer before it is written.</li></ul><p>"
            "The prompts are those of the panel VistaSeg. Undo takes them back as well.</html>"
        )

    def setMRMLDefaults(self) -> None:
        """The options are of the moment: nothing of them is kept in the scene."""

    def activate(self) -> None:
        from SegmentEditorVistaSegLib.Work import Work
        from VistaSegLib import Host

        workspace = Host.workspace()
        self._deactivate()
        if self.options is None:
            self._setUpOptions(workspace)
        self.work = Work(self.scriptedEffect, self.options, workspace)

    def deactivate(self) -> None:
        self._deactivate()

    def cleanup(self) -> None:
        from VistaSegLib import Editors

        Editors.remove(self.scriptedEffect)
        self._deactivate()
        if self.options is not None:
            self.options.cleanup()

    def processInteractionEvents(self, callerInteractor, eventId, viewWidget) -> bool:
        return self.work is not None and self.work.interaction.process(callerInteractor, eventId, viewWidget)

    def processViewNodeEvents(self, callerViewNode, eventId, viewWidget) -> None:
        if self.work is not None and viewWidget.className() == "qMRMLSliceWidget":
            self.work.interaction.drawView(viewWidget)

    def layoutChanged(self) -> None:
        self._update()

    def sourceVolumeNodeChanged(self) -> None:
        self._update()

    def updateGUIFromMRML(self) -> None:
        self._update()

    def updateMRMLFromGUI(self) -> None:
        """Nothing is kept."""

    def _update(self) -> None:
        if self.work is not None:
            self.work.update()

    def _deactivate(self) -> None:
        work, self.work = self.work, None
        if work is not None:
            work.close()

    def _setUpOptions(self, workspace) -> None:
        """When they are first needed: every Segment Editor sets up all of its effects at once."""
        from SegmentEditorVistaSegLib.Options import Options

        self.options = Options(workspace)
        for widget in self.options.widgets:
            self.scriptedEffect.addOptionsWidget(widget)
        self.options.connect(self._actions())

    def _actions(self) -> dict[str, Callable[[], None]]:
        return {
            "textLine.returnPressed": lambda: self.work.askText(),
            "textButton.clicked": lambda: self.work.askText(),
            "kindCombo.currentIndexChanged": lambda: self.work.chooseKind(),
            "autoButton.clicked": lambda: self.work.prompting.segmentAutomatically(),
            "whatButton.clicked": lambda: self.work.whatIsThis(),
            "nameButton.clicked": lambda: self.work.useName(),
            "namesList.itemDoubleClicked": lambda: self.work.useName(),
            "deleteButton.clicked": lambda: self.work.interaction.deletePicked(),
            "clearButton.clicked": lambda: self.work.prompting.clear(),
            "previewCheckBox.toggled": lambda: self._update(),
            "acceptButton.clicked": lambda: self.work.accept(),
            "refuseButton.clicked": lambda: self.work.refuse(),
            "modelButton.clicked": lambda: slicer.util.selectModule("VistaSeg"),
        }
