"""Registers the Segment Editor effect VistaSeg; the module itself is hidden."""

from __future__ import annotations

from pathlib import Path

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule


class SegmentEditorVistaSeg(ScriptedLoadableModule):
    """What Slicer knows of the module."""

    def __init__(self, parent) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "SegmentEditorVistaSeg"
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations", "VistaSeg"]
        parent.contributors = ["The VistaSeg developers"]
        parent.hidden = True
        parent.helpText = _("Adds the effect VistaSeg to the Segment Editor.")
        slicer.app.connect("startupCompleted()", registerEffect)


def registerEffect() -> None:
    """Add the effect to those that every Segment Editor offers."""
    import qSlicerSegmentationsEditorEffectsPythonQt as effects

    # Slicer takes the class from this package, and so finds the other files of it.
    import SegmentEditorVistaSegLib

    effect = effects.qSlicerSegmentEditorScriptedEffect(None)
    source = Path(SegmentEditorVistaSegLib.__file__).with_name("SegmentEditorEffect.py")
    effect.setPythonSource(source.as_posix())
    effect.self().register()
