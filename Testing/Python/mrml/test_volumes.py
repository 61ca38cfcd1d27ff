from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util
import vtk
from host.mrml_nodes import SHAPE_IJK, put_under, random_parent

from vistaseg.errors import InputError
from vistaseg.mrml.transforms import array_from_matrix
from vistaseg.mrml.volumes import is_in_scene, state_of, volume_from_node


def test_voxels_and_place_are_those_of_the_node(ct):
    volume = volume_from_node(ct)
    matrix = vtk.vtkMatrix4x4()
    ct.GetIJKToRASMatrix(matrix)
    assert volume.shape_ijk == SHAPE_IJK and volume.name == "CT"
    assert np.allclose(volume.ijk_to_ras, array_from_matrix(matrix))
    assert np.array_equal(volume.array, slicer.util.arrayFromVolume(ct))


def test_the_parent_transform_does_not_move_the_volume(ct):
    before = volume_from_node(ct).ijk_to_ras
    put_under(ct, random_parent(np.random.default_rng(0), "scaled"))
    assert np.array_equal(volume_from_node(ct).ijk_to_ras, before)


def test_voxels_are_not_copied_and_outlive_the_node(scene, ct):
    volume = volume_from_node(ct)
    assert np.shares_memory(volume.array, slicer.util.arrayFromVolume(ct))
    expected = volume.array.copy()
    scene.RemoveNode(ct)
    assert not is_in_scene(ct)
    del ct
    assert np.array_equal(volume.array, expected)


def test_the_modality_is_read_where_the_subject_hierarchy_knows_it(scene, ct):
    assert volume_from_node(ct).modality is None
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.CreateItem(hierarchy.GetSceneItemID(), ct)
    hierarchy.SetItemAttribute(item, "DICOM.Modality", "MR")
    assert volume_from_node(ct).modality == "MR"


def _edit(node):
    slicer.util.arrayFromVolume(node)[0, 0, 0] += 1
    slicer.util.arrayFromVolumeModified(node)


@pytest.mark.parametrize(
    ("change", "notices"),
    [
        (_edit, True),
        (lambda node: node.SetSpacing(1, 2, 3), True),
        (lambda node: node.SetAndObserveImageData(vtk.vtkImageData()), True),
        (lambda node: node.SetName("other"), False),
        (lambda node: put_under(node, np.diag([2.0, 1, 1, 1])), False),
    ],
)
def test_the_state_tells_whether_results_still_fit(ct, change, notices):
    before = state_of(ct)
    assert state_of(ct) == before
    change(ct)
    assert (state_of(ct) != before) == notices


def _vectors(scene):
    node = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "photo")
    image = vtk.vtkImageData()
    image.SetDimensions(4, 4, 4)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    node.SetAndObserveImageData(image)
    return node


def _without_voxels(scene):
    return scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")


def _allocated_nothing(scene):
    node = _without_voxels(scene)
    node.SetAndObserveImageData(vtk.vtkImageData())
    return node


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda scene: None, "No volume is selected"),
        (lambda scene: scene.AddNewNodeByClass("vtkMRMLModelNode", "skull"), "skull is not a scalar volume"),
        (lambda scene: scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels"), "labels is a label map"),
        (_vectors, "photo has 3 values a voxel"),
        (_without_voxels, "empty has no voxels"),
        (_allocated_nothing, "empty has no voxels"),
    ],
)
def test_what_is_no_scalar_volume_is_refused_by_name(scene, make, words):
    with pytest.raises(InputError, match=words):
        volume_from_node(make(scene))


def test_a_position_that_is_no_number_is_refused(ct):
    ct.SetOrigin(np.nan, 0, 0)
    with pytest.raises(InputError, match="not numbers"):
        volume_from_node(ct)


def test_an_image_whose_indices_do_not_start_at_zero_keeps_its_place(ct):
    first = volume_from_node(ct)
    part = vtk.vtkExtractVOI()
    part.SetInputData(ct.GetImageData())
    part.SetVOI(2, 5, 1, 6, 3, 5)
    part.Update()
    image = vtk.vtkImageData()
    image.DeepCopy(part.GetOutput())
    ct.GetImageData().DeepCopy(image)
    volume = volume_from_node(ct)
    assert np.array_equal(volume.array, first.array[3:6, 1:7, 2:6])
    assert np.allclose(volume.index_to_ras([(0, 0, 0)]), first.index_to_ras([(2, 1, 3)]))
