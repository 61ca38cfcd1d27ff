"""The module VistaSeg: registers itself and mounts the panel, which is in `VistaSegLib`."""

from __future__ import annotations

import os

import slicer
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class VistaSeg(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        from VistaSegLib import About

        parent.title = "VistaSeg"
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations", "Markups", "Volumes"]
        parent.contributors = ["The VistaSeg developers"]
        parent.helpText = About.helpText()
        parent.acknowledgementText = About.acknowledgementText()
        slicer.app.connect("startupCompleted()", _registerSampleData)


class VistaSegWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The place of the panel in the application."""

    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)

    def setup(self) -> None:
        ScriptedLoadableModuleWidget.setup(self)
        from VistaSegLib.Panel import Panel

        self.logic = VistaSegLogic()
        self.panel = Panel(self.layout, self.logic.parameters)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, lambda *_: self.panel.leaveScene())
        for event in (scene.EndCloseEvent, scene.EndImportEvent, scene.EndBatchProcessEvent):
            self.addObserver(slicer.mrmlScene, event, lambda *_: self.panel.enterScene())
        if self.parent.isEntered:  # reloaded while shown: enter() is not called again
            self.panel.enter()

    def enter(self) -> None:
        self.panel.enter()

    def exit(self) -> None:
        self.panel.exit()

    def cleanup(self) -> None:
        self.removeObservers()
        self.panel.cleanup()


class VistaSegLogic(ScriptedLoadableModuleLogic):
    """Finds the panel's state in the scene, and works for scripts and the Python console."""

    def parameters(self):
        from VistaSegLib.ParameterNode import VistaSegParameterNode

        return VistaSegParameterNode(self.getParameterNode())

    def segment(self, volumeNode, structures, **options):
        """Segment structures by name; see `VistaSegLib.Console.segment`."""
        return _console().segment(volumeNode, structures, **options)

    def refine(self, segmentationNode, segmentName, **options):
        """Correct a segment by points, a box or a name; see `VistaSegLib.Console.refine`."""
        return _console().refine(segmentationNode, segmentName, **options)

    def exportDICOM(self, segmentationNode, folder="", **options):
        """Write a DICOM segmentation; see `VistaSegLib.Console.exportDICOM`."""
        return _console().exportDICOM(segmentationNode, folder, **options)


class VistaSegTest(ScriptedLoadableModuleTest):
    """Runs the tests of the source tree that the module was loaded from."""

    def runTest(self) -> None:
        from VistaSegLib.SelfTest import runTests

        runTests()


def _console():
    from VistaSegLib import Console

    return Console


def _registerSampleData() -> None:
    from VistaSegLib.SampleData import register

    register(os.path.join(os.path.dirname(__file__), "Resources", "Icons"))
