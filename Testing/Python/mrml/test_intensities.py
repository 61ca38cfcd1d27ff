"""A range of intensities holds on the voxels of the segmentation, whatever these are to those of the volume."""

from __future__ import annotations

import numpy as np
import slicer
from host.mrml_nodes import add_volume, random_affine, random_rotation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import MaskChange
from vistaseg.mrml.editing import SegmentEditing
from vistaseg.mrml.geometry import Lattice, array_of
from vistaseg.mrml.reference import reference_lattice, set_reference
from vistaseg.mrml.resampling import values_on
from vistaseg.mrml.volumes import grid_of
from vistaseg.mrml.writing import labelmap_of

SHAPE = (12, 11, 10)
LOW, HIGH = 20, 120
GRIDS = ("same", "finer", "coarser", "cropped", "oblique")


def own_lattice(kind: str, affine: np.ndarray, random: np.random.Generator) -> Lattice:
    """Voxels of a segmentation around those of a volume."""
    step = {"finer": 0.5, "coarser": 1.7}.get(kind, 1.0)
    own = affine @ np.diag([step, step, step, 1])
    if kind == "oblique":
        own[:3, :3] = random_rotation(random) @ own[:3, :3]
    own[:3, 3] += affine[:3, :3] @ (random.uniform(-0.4, 0.4, 3) if kind != "cropped" else [3, 2, 4])
    return Lattice(own, VoxelBox.whole((6, 5, 4)))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(GRIDS), removing=st.booleans(), whole=st.booleans())
def test_the_editor_itself_would_have_changed_the_same_voxels(scene, seed, kind, removing, whole):
    random = np.random.default_rng(seed)
    affine = random_affine(random)
    smooth = np.add.outer(np.add.outer(np.arange(SHAPE[2]) * 9, np.arange(SHAPE[1]) * 7), np.arange(SHAPE[0]) * 5)
    volume_node = add_volume((smooth + random.integers(-40, 40, smooth.shape)).astype(np.int16), affine)
    extent = VoxelBox.whole(SHAPE) if whole else VoxelBox((2, 3, 1), (9, 8, 7))
    mask = random.random(extent.shape_kji) < 0.7
    change = MaskChange.in_box(mask & (not removing), mask & removing, extent)
    results = []
    for write in (write_with_rules, write_with_editor):
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
        segment_id = node.GetSegmentation().AddEmptySegment("a")
        if kind != "same":
            set_reference(node.GetSegmentation(), own_lattice(kind, affine, random_of(seed)))
        everything = np.ones(SHAPE[::-1], bool)
        if removing:
            SegmentEditing(node, volume_node).apply(
                segment_id, MaskChange.in_box(everything, ~everything, VoxelBox.whole(SHAPE))
            )
        write(node, segment_id, volume_node, change)
        results.append(values_of(node, segment_id))
    assert np.array_equal(*results)
    if not removing and results[0].any():
        values = aligned(volume_node, node)[results[0]]
        assert values.min() >= LOW and values.max() <= HIGH


def random_of(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 1])


def rules(volume_node, node=None):
    editor = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    editor.SetOverwriteMode(editor.OverwriteNone)
    editor.SetSourceVolumeIntensityMask(True)
    editor.SetSourceVolumeIntensityMaskRange(LOW, HIGH)
    if node is not None:
        editor.SetAndObserveSegmentationNode(node)
        editor.SetAndObserveSourceVolumeNode(volume_node)
    return editor


def write_with_rules(node, segment_id, volume_node, change):
    editing = SegmentEditing(node, volume_node, rules(volume_node))
    editing.apply(segment_id, change)
    editing.close()


def write_with_editor(node, segment_id, volume_node, change):
    """The change on the voxels of the segmentation, and everything else left to Slicer."""
    logic = slicer.vtkSlicerSegmentEditorLogic()
    logic.SetMRMLScene(slicer.mrmlScene)
    editor = rules(volume_node, node)
    editor.SetSelectedSegmentID(segment_id)
    logic.SetSegmentEditorNode(editor)
    for mask, mode in ((change.added, logic.ModificationModeAdd), (change.removed, logic.ModificationModeRemove)):
        if not mask.empty:
            labelmap = labelmap_of(mask, volume_node, node)
            logic.ModifySegmentByLabelmap(node, segment_id, labelmap, mode, False, False)
    logic.SetSegmentEditorNode(None)


def values_of(node, segment_id) -> np.ndarray:
    """The segment on the node's reference geometry, bool (k, j, i)."""
    lattice = reference_lattice(node)
    segment = node.GetSegmentation().GetSegment(segment_id)
    image = segment.GetRepresentation("Binary labelmap")
    if image is None or not image.GetNumberOfPoints():
        return np.zeros(lattice.box.shape_kji, bool)
    return values_on(image, lattice, lattice.box) == segment.GetLabelValue()


def aligned(volume_node, node) -> np.ndarray:
    """The volume as the Segment Editor sees it on the voxels of the segmentation."""
    logic = slicer.vtkSlicerSegmentEditorLogic()
    logic.SetMRMLScene(slicer.mrmlScene)
    logic.SetSegmentEditorNode(rules(volume_node, node))
    assert logic.UpdateAlignedSourceVolume()
    return array_of(logic.GetAlignedSourceVolume()).copy()


def test_no_voxel_outside_the_range_is_written_on_a_segmentation_twice_as_fine(scene):
    random = np.random.default_rng(4)
    affine = np.diag([1.5, 1.5, 2.0, 1])
    volume_node = add_volume(random.integers(-200, 300, SHAPE[::-1]).astype(np.int16), affine)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    segment_id = node.GetSegmentation().AddEmptySegment("a")
    set_reference(node.GetSegmentation(), Lattice(affine @ np.diag([0.5, 0.5, 0.5, 1]), VoxelBox.whole((4, 4, 4))))
    everything = np.ones(SHAPE[::-1], bool)
    write_with_rules(node, segment_id, volume_node, MaskChange.in_box(everything, ~everything, VoxelBox.whole(SHAPE)))
    written = aligned(volume_node, node)[values_of(node, segment_id)]
    assert written.size > 1000
    assert ((written >= LOW) & (written <= HIGH)).all()
    assert grid_of(volume_node).shape_ijk == SHAPE
