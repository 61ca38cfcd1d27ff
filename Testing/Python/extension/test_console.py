"""Segmenting, correcting and exporting from the Python console, with the panel's worker and undo."""

from __future__ import annotations

import sys

import numpy as np
import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")
pydicom = pytest.importorskip("pydicom")

import host
import panel_case
from panel_case import BODY, LEFT_KIDNEY, MIDDLES, SPLEEN, add_rotation, mask_of, voxel_to_world

from vistaseg.errors import InputError, UsageError


@pytest.fixture
def logic(panel):
    """The module's logic, while the panel is open."""
    if host.is_slicer():
        return slicer.util.getModuleLogic("VistaSeg")
    return sys.modules["VistaSeg"].VistaSegLogic()


@pytest.fixture(params=["at rest", "turned"])
def volume(scene, request):
    """A tilted CT, in one case under a transform."""
    node = panel_case.add_ct()
    if request.param == "turned":
        node.SetAndObserveTransformNodeID(add_rotation().GetID())
    return node


def mask(segmentation, name, volume):
    ids = segmentation.GetSegmentation()
    found = [each for each in ids.GetSegmentIDs() if ids.GetSegment(each).GetName() == name]
    return mask_of(segmentation, found[0], volume)


def names(segmentation):
    ids = segmentation.GetSegmentation()
    return [ids.GetSegment(each).GetName() for each in ids.GetSegmentIDs()]


def test_structures_by_name_lie_where_they_are_in_the_scan(logic, volume):
    found = logic.segment(volume, "spleen, kidneys", model="demo")
    assert sorted(names(found)) == ["left kidney", "right kidney", "spleen"]
    array = slicer.util.arrayFromVolume(volume)
    assert np.array_equal(mask(found, "spleen", volume), array == SPLEEN)
    assert np.array_equal(mask(found, "left kidney", volume), array == LEFT_KIDNEY)
    assert found.GetTransformNodeID() == volume.GetTransformNodeID()


def test_a_segment_is_corrected_by_points_in_world_coordinates(logic, volume):
    found = logic.segment(volume, "spleen", model="demo")
    array = slicer.util.arrayFromVolume(volume)
    world = voxel_to_world(volume, MIDDLES[LEFT_KIDNEY])
    assert logic.refine(found, "spleen", points=[world], model="demo") is found
    assert np.array_equal(mask(found, "spleen", volume), (array == SPLEEN) | (array == LEFT_KIDNEY))
    logic.refine(found, "spleen", negativePoints=[world], model="demo")
    assert np.array_equal(mask(found, "spleen", volume), array == SPLEEN)


def test_a_point_list_makes_a_new_segment(logic, volume):
    found = logic.segment(volume, "spleen", model="demo")
    points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    points.AddControlPointWorld(*voxel_to_world(volume, MIDDLES[BODY]))
    logic.refine(found, "lesion", points=points, model="demo")
    assert np.array_equal(mask(found, "lesion", volume), slicer.util.arrayFromVolume(volume) == BODY)


def test_the_panel_undoes_what_a_script_did(logic, volume, panel):
    found = logic.segment(volume, "spleen", model="demo")
    before = mask(found, "spleen", volume)
    logic.refine(found, "spleen", points=[voxel_to_world(volume, MIDDLES[LEFT_KIDNEY])], model="demo")
    panel.selection.volumeNode, panel.selection.segmentationNode = volume, found
    assert panel.selection.editing.canUndo
    panel.selection.editing.undo()
    assert np.array_equal(mask(found, "spleen", volume), before)
    panel.selection.editing.undo()
    assert names(found) == []


def test_a_callback_is_called_with_the_result_or_the_error(logic, volume, wait_until):
    calls = []
    assert logic.segment(volume, "spleen", model="demo", callback=lambda *call: calls.append(call)) is None
    wait_until(lambda: calls)
    ((found, error),) = calls
    assert names(found) == ["spleen"] and error is None
    outside = voxel_to_world(volume, (500, 500, 500))
    logic.refine(found, "spleen", points=[outside], model="demo", callback=lambda *call: calls.append(call))
    wait_until(lambda: len(calls) == 2)
    assert calls[1][0] is None and isinstance(calls[1][1], InputError)


def test_what_fails_is_raised_and_leaves_nothing_behind(logic, volume):
    count = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")
    for structures, model in (("livr", "demo"), ("spleen", "unet"), ("", "demo")):
        with pytest.raises(UsageError):
            logic.segment(volume, structures, model=model)
    with pytest.raises(InputError):
        logic.segment(None, "spleen", model="demo")
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == count
    found = logic.segment(volume, "spleen", model="demo")
    with pytest.raises(UsageError, match="points"):
        logic.refine(found, "spleen", model="demo")
    with pytest.raises(InputError):
        logic.refine(found, "lesion", points=[voxel_to_world(volume, (500, 500, 500))], model="demo")
    assert names(found) == ["spleen"]


def test_the_models_of_the_panel_stay_chosen(logic, volume, panel):
    before = panel.workspace.models
    logic.segment(volume, "spleen", model="demo")
    assert panel.workspace.models == before


def test_a_segmentation_is_exported_as_dicom(logic, export_desk, tmp_path):
    folder = tmp_path / "console"
    folder.mkdir()
    paths = logic.exportDICOM(export_desk.segmentation, folder, volumeNode=export_desk.volume, report=True)
    kinds = sorted(pydicom.dcmread(path).Modality for path in paths)
    assert kinds == ["SEG", "SR"] and all(path.is_file() for path in paths)
    with pytest.raises(InputError, match="does not exist"):
        logic.exportDICOM(export_desk.segmentation, tmp_path / "nowhere", volumeNode=export_desk.volume)


def test_an_export_is_added_to_the_database(logic, export_desk):
    paths = logic.exportDICOM(export_desk.segmentation, volumeNode=export_desk.volume, toDatabase=True)
    assert len(paths) == 1 and "database" in export_desk.told.text
