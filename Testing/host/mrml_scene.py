"""What `slicer` offers without Qt, from the slicer-core wheel: the scene, and the logics of its modules.

`set_up` gives `slicer.mrmlScene` and `slicer.modules.<name>.logic()`, as in the application, and does nothing inside
a running Slicer. There is one scene in a process; tests clear it between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import mkdtemp
from typing import Any

import pytest
import slicer
import vtk

LOGICS = {
    "Annotations": "vtkSlicerAnnotationModuleLogic",
    "CropVolume": "vtkSlicerCropVolumeLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Units": "vtkSlicerUnitsLogic",
    "Volumes": "vtkSlicerVolumesLogic",
}
# It reads its lists from the application's folder when it gets a scene, and the wheel has no such folder.
WITHOUT_SCENE = {"Terminologies"}


class Module:
    """A loaded module, as `slicer.modules` has it."""

    def __init__(self, name: str, logic: Any) -> None:
        self.name = name
        self._logic = logic

    def logic(self) -> Any:
        return self._logic


class Modules:
    """Stand-in for `slicer.modules`: a module an attribute."""


def set_up() -> Any:
    """Make the application's scene and logics, once in a process; returns the scene."""
    if not hasattr(slicer, "mrmlScene"):
        slicer.mrmlScene = slicer.vtkMRMLScene()
        slicer.applicationLogic = _application_logic()
        slicer.modules = Modules()
        _add_module("Colors", slicer.applicationLogic.GetColorLogic())
        for name, class_name in LOGICS.items():
            _add_module(name, getattr(slicer, class_name)())
        _add_data_io()
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(slicer.mrmlScene, True)
    return slicer.mrmlScene


def _application_logic() -> Any:
    logic = slicer.vtkSlicerApplicationLogic()
    logic.SetMRMLScene(slicer.mrmlScene)
    logic.GetColorLogic().SetMRMLScene(slicer.mrmlScene)
    logic.SetSliceLogics(vtk.vtkCollection())
    logic.SetViewLogics(vtk.vtkCollection())
    return logic


def _add_data_io() -> None:
    """What scenes in one file are unpacked with."""
    logic = slicer.vtkMRMLRemoteIOLogic()
    logic.GetCacheManager().SetRemoteCacheDirectory(mkdtemp(prefix="VistaSeg-cache-"))
    _add_module("RemoteIO", logic)
    logic.AddDataIOToScene()


def _add_module(name: str, logic: Any) -> None:
    logic.SetMRMLApplicationLogic(slicer.applicationLogic)
    slicer.applicationLogic.SetModuleLogic(name, logic)
    if name not in WITHOUT_SCENE:
        logic.SetMRMLScene(slicer.mrmlScene)
    setattr(slicer.modules, name.lower(), Module(name, logic))


def clear() -> None:
    """Close the scene, as File / Close scene does."""
    slicer.mrmlScene.Clear(0)
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)  # the application makes it anew


@contextmanager
def reported_errors() -> Iterator[list[str]]:
    """Errors that VTK and MRML report while the block runs; they reach nobody otherwise."""
    errors: list[str] = []

    @vtk.calldata_type(vtk.VTK_STRING)
    def note(_window: Any, _event: str, text: str) -> None:
        errors.append(text)

    window = vtk.vtkOutputWindow.GetInstance()
    tag = window.AddObserver("ErrorEvent", note)
    try:
        yield errors
    finally:
        window.RemoveObserver(tag)


@pytest.fixture
def scene() -> Iterator[Any]:
    """The application's scene, empty; fails the test when VTK reports an error meanwhile."""
    set_up()
    clear()
    with reported_errors() as errors:
        yield slicer.mrmlScene
        clear()
    assert not errors
