"""Segments copied for another thread."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vistaseg.masks.boxed import BoxedMask, MaskChange
from vistaseg.mrml.adding import add_segments
from vistaseg.mrml.editing import SegmentEditing
from vistaseg.mrml.reading import read_mask
from vistaseg.mrml.snapshots import segmentation_from_node, snapshot_of
from vistaseg.mrml.transforms import matrix_from_array
from vistaseg.mrml.visibility import visible_segment_ids
from vistaseg.mrml.volumes import volume_from_node
from vistaseg.segmentation import Segment, Segmentation

SHAPE = (5, 6, 7)


def add_volume(scene, affine):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    slicer.util.updateVolumeFromArray(node, np.zeros(SHAPE, np.int16))
    node.SetIJKToRASMatrix(matrix_from_array(affine))
    return node


def add_segmentation(scene, volume_node, seed):
    """Three segments, of which two overlap and the last is empty."""
    random = np.random.default_rng(seed)
    masks = [random.random(SHAPE) > 0.7, random.random(SHAPE) > 0.7, np.zeros(SHAPE, bool)]
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    volume = volume_from_node(volume_node)
    segments = [
        Segment(f"part {n}", n, None, (n, 2, 3), None, BoxedMask.of(mask), {"algorithm_type": "AUTOMATIC"})
        for n, mask in enumerate(masks, start=1)
    ]
    add_segments(node, Segmentation(volume.shape_ijk, volume.ijk_to_ras, segments), volume_node)
    return node


@given(
    seed=st.integers(0, 1000),
    scale=st.sampled_from([(1, 1, 1), (-2, 1, 1.5), (0.7, 0.9, 3)]),
    angle=st.sampled_from([0.0, 0.5]),
    shared=st.booleans(),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_snapshot_has_what_each_segment_has(scene, seed, scale, angle, shared):
    scene.Clear(0)
    first, second = add_volume(scene, np.diag([-1.0, 1.0, 2.0, 1.0])), add_volume(scene, np.diag([*scale, 1.0]))
    node = add_segmentation(scene, first, seed)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    c, s = np.cos(angle), np.sin(angle)
    transform.SetMatrixTransformToParent(
        matrix_from_array(np.array([[c, -s, 0, 1], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))
    )
    for each in (first, node, *((second,) if shared else ())):
        each.SetAndObserveTransformNodeID(transform.GetID())
    for volume_node in (first, second):
        found = segmentation_from_node(node, volume_node)
        for segment_id, segment in zip(node.GetSegmentation().GetSegmentIDs(), found.segments, strict=True):
            mask = read_mask(node, segment_id, volume_node, volume_from_node(volume_node).grid)
            assert segment.mask.equals(mask)


def test_what_is_drawn_later_is_not_in_a_snapshot(scene):
    volume_node = add_volume(scene, np.eye(4))
    node = add_segmentation(scene, volume_node, 0)
    before = segmentation_from_node(node, volume_node)
    snapshot = snapshot_of(node, volume_node)
    editing = SegmentEditing(node, volume_node)
    segment_id = node.GetSegmentation().GetSegmentIDs()[0]
    extent = before.segments[0].mask.box
    nothing = np.zeros(extent.shape_kji, bool)
    editing.apply(segment_id, MaskChange.in_box(nothing, ~nothing, extent))
    after = segmentation_from_node(node, volume_node)
    assert after.segments[0].voxel_count == 0
    taken = snapshot.segmentation().segments
    assert [one.voxel_count for one in taken] == [one.voxel_count for one in before.segments]
    editing.close()


def test_a_snapshot_keeps_names_and_provenance_of_those_that_were_asked_for(scene):
    volume_node = add_volume(scene, np.eye(4))
    node = add_segmentation(scene, volume_node, 0)
    ids = list(node.GetSegmentation().GetSegmentIDs())
    node.GetDisplayNode().SetSegmentVisibility(ids[1], False)
    found = segmentation_from_node(node, volume_node, visible_segment_ids(node)).segments
    assert [(one.name, one.color, one.provenance["algorithm_type"]) for one in found] == [
        ("part 1", (1, 2, 3), "AUTOMATIC"),
        ("part 3", (3, 2, 3), "AUTOMATIC"),
    ]


def test_a_surface_is_taken_by_its_voxels(scene):
    volume_node = add_volume(scene, np.eye(4))
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Surface")
    node.GetSegmentation().SetSourceRepresentationName("Closed surface")
    sphere = slicer.vtkSegment()
    sphere.SetName("sphere")
    sphere.AddRepresentation("Closed surface", _sphere())
    node.GetSegmentation().AddSegment(sphere)
    (segment,) = segmentation_from_node(node, volume_node).segments
    assert 20 < segment.voxel_count < 50


def _sphere():
    """Of 2 mm around the middle of the volume."""
    source = vtk.vtkSphereSource()
    source.SetCenter(3, 2.5, 2)
    source.SetRadius(2)
    source.SetThetaResolution(20)
    source.SetPhiResolution(20)
    source.Update()
    return source.GetOutput()
