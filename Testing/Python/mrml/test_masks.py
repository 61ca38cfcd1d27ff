"""Masks go to a segmentation node and come back on the volume's grid, whatever lies between."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from host.mrml_nodes import (
    KINDS,
    SHAPE_IJK,
    add_masks,
    add_volume,
    full_mask,
    put_under,
    random_affine,
    random_parent,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vistaseg.errors import InputError
from vistaseg.geometry.box import VoxelBox
from vistaseg.geometry.grid import apply_affine
from vistaseg.masks.boxed import BoxedMask, MaskChange
from vistaseg.mrml.editing import SegmentEditing
from vistaseg.mrml.geometry import Lattice, array_of, box_of_extent
from vistaseg.mrml.reading import mask_time, read_mask, segment_record
from vistaseg.mrml.reference import reference_lattice, set_reference
from vistaseg.mrml.resampling import values_on
from vistaseg.mrml.volumes import grid_of
from vistaseg.mrml.writing import labelmap_of

geometry = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
seeds = st.integers(0, 2**32 - 1)
WHOLE = VoxelBox((0, 0, 0), SHAPE_IJK)


def random_mask(random: np.random.Generator) -> np.ndarray:
    return random.random(SHAPE_IJK[::-1]) < 0.3


def place_nodes(scene, random, kind, place):
    """A volume under a parent transform, and a segmentation under the same, none or another."""
    parent = random_parent(random, kind)
    volume_node = add_volume(np.zeros(SHAPE_IJK[::-1], dtype=np.int16), random_affine(random), parent)
    segmentation_node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    if place == "same":
        segmentation_node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    if place == "other":
        put_under(segmentation_node, random_parent(random, "scaled"))
    return volume_node, segmentation_node


@geometry
@given(seed=seeds, kind=st.sampled_from(KINDS), place=st.sampled_from(("same", "none", "other")))
def test_masks_come_back_bit_for_bit(scene, seed, kind, place):
    random = np.random.default_rng(seed)
    volume_node, segmentation_node = place_nodes(scene, random, kind, place)
    masks = [random_mask(random) for _ in range(3)]
    ids = add_masks(segmentation_node, volume_node, *masks)
    for segment_id, mask in zip(ids, masks, strict=True):
        assert np.array_equal(full_mask(segmentation_node, segment_id, volume_node), mask)


@geometry
@given(seed=seeds, kind=st.sampled_from(KINDS), place=st.sampled_from(("same", "none", "other")))
def test_a_changed_segment_comes_back_bit_for_bit(scene, seed, kind, place):
    random = np.random.default_rng(seed)
    volume_node, segmentation_node = place_nodes(scene, random, kind, place)
    before, sibling, added = (random_mask(random) for _ in range(3))
    ids = add_masks(segmentation_node, volume_node, before, sibling & ~before)
    editing = SegmentEditing(segmentation_node, volume_node)
    editing.apply(ids[0], MaskChange.in_box(added, before & ~added, WHOLE))
    editing.close()
    assert np.array_equal(full_mask(segmentation_node, ids[0], volume_node), added)
    assert np.array_equal(full_mask(segmentation_node, ids[1], volume_node), sibling & ~before)


def crop_reference(segmentation_node, volume_node, extent):
    """The reference geometry of a file that was cropped: its first voxel is another of the volume's."""
    grid = grid_of(volume_node).cropped(extent)
    lattice = Lattice(grid.ijk_to_ras, VoxelBox.whole(grid.shape_ijk))
    set_reference(segmentation_node.GetSegmentation(), lattice)


def test_a_cropped_geometry_of_the_same_voxels_loses_nothing(ct, segmentation_node):
    random = np.random.default_rng(5)
    (kept,) = add_masks(segmentation_node, ct, np.ones(SHAPE_IJK[::-1], dtype=bool))
    crop_reference(segmentation_node, ct, VoxelBox((2, 3, 1), (7, 6, 5)))
    mask = random_mask(random)
    (segment_id,) = add_masks(segmentation_node, ct, mask)
    assert np.array_equal(full_mask(segmentation_node, segment_id, ct), mask)
    assert full_mask(segmentation_node, kept, ct).all()
    assert reference_lattice(segmentation_node).box == box_of_extent((-2, 6, -3, 4, -1, 5))


@geometry
@given(seed=seeds)
def test_another_geometry_takes_the_nearest_voxels_and_grows_to_hold_them_all(scene, seed):
    random = np.random.default_rng(seed)
    volume_node, segmentation_node = place_nodes(scene, random, "rotated", "same")
    own = Lattice(random_affine(random), box_of_extent((-3, 2, 0, 4, 2, 5)))
    own.ijk_to_local[:3, 3] = grid_of(volume_node).index_to_ras([(4, 4, 3)])[0] - own.ijk_to_local[:3, :3] @ [0, 2, 3]
    segmentation_node.GetSegmentation().AddEmptySegment("first")
    set_reference(segmentation_node.GetSegmentation(), own)
    mask = random_mask(random)
    got = labelmap_of(BoxedMask(mask, WHOLE), volume_node, segmentation_node)
    grown = reference_lattice(segmentation_node)
    assert np.allclose(grown.ijk_to_local, own.ijk_to_local)
    # Around what was asked for, too, so that nothing lies beyond.
    around = Lattice(grown.ijk_to_local, grown.box.union(box_of_extent([-40, 40] * 3)))
    expected, sure = nearest(mask, around, grid_of(volume_node))
    full = values_on(got, around, around.box).astype(bool)
    assert np.array_equal(full[sure], expected[sure])
    assert grown.box.intersection(box_of_extent(got.GetExtent())) == box_of_extent(got.GetExtent())


def test_nothing_is_cut_off_by_the_geometry_of_another_scan(scene, ct, segmentation_node):
    """Half of the second scan lies beyond the first, and its voxels lie otherwise."""
    (first,) = add_masks(segmentation_node, ct, np.ones(SHAPE_IJK[::-1], dtype=bool))
    other = grid_of(ct).ijk_to_ras @ np.diag([1.3, 1.3, 1.3, 1])
    other[:3, 3] = grid_of(ct).index_to_ras([(5, 5, 4)])[0]
    volume_node = add_volume(np.zeros((30, 30, 30), dtype=np.int16), other)
    (second,) = add_masks(segmentation_node, volume_node, np.ones((30, 30, 30), dtype=bool))
    image = segmentation_node.GetSegmentation().GetSegment(second).GetRepresentation("Binary labelmap")
    assert np.count_nonzero(array_of(image)) == pytest.approx(30**3 * 1.3**3, rel=0.05)
    assert full_mask(segmentation_node, second, volume_node).all()
    assert full_mask(segmentation_node, first, ct).all()


def test_a_segmentation_that_cannot_grow_so_far_is_refused_before_anything_is_written(scene, ct, segmentation_node):
    add_masks(segmentation_node, ct, np.ones(SHAPE_IJK[::-1], dtype=bool))
    affine = np.eye(4)
    affine[:3, 3] = 5e4
    far = add_volume(np.zeros((3, 3, 3), dtype=np.int16), affine)
    before = reference_lattice(segmentation_node).box
    writing = (
        lambda: SegmentEditing(segmentation_node, far),
        lambda: add_masks(segmentation_node, far, np.ones((3, 3, 3), bool)),
    )
    for write in writing:
        with pytest.raises(InputError, match="Segmentation cannot be made large enough for CT"):
            write()
    assert segmentation_node.GetSegmentation().GetNumberOfSegments() == 1
    assert reference_lattice(segmentation_node).box == before


def nearest(mask, lattice, grid):
    """The nearest voxel's value for each voxel of a lattice, and where that is not a matter of rounding."""
    (i0, j0, k0), (i1, j1, k1) = lattice.box.start, lattice.box.stop
    k, j, i = np.meshgrid(range(k0, k1), range(j0, j1), range(i0, i1), indexing="ij")
    index = grid.ras_to_index(apply_affine(lattice.ijk_to_local, np.stack([i, j, k], axis=-1).reshape(-1, 3)))
    rounded = np.rint(index).astype(int)
    inside = ((rounded >= 0) & (rounded < grid.shape_ijk)).all(axis=1)
    values = np.zeros(len(index), dtype=bool)
    values[inside] = mask[tuple(rounded[inside, ::-1].T)]
    sure = (np.abs(np.abs(index - rounded) - 0.5) > 1e-3).all(axis=1)
    return values.reshape(k.shape), sure.reshape(k.shape)


@geometry
@given(seed=seeds)
def test_a_segment_on_another_grid_is_read_by_the_nearest_voxels(scene, seed):
    random = np.random.default_rng(seed)
    drawn_on, segmentation_node = place_nodes(scene, random, "identity", "same")
    mask = random_mask(random)
    (segment_id,) = add_masks(segmentation_node, drawn_on, mask)
    other = random_affine(random)
    other[:3, 3] = grid_of(drawn_on).index_to_ras([(4, 4, 3)])[0] - other[:3, :3] @ [4, 4, 3]
    volume_node = add_volume(np.zeros(SHAPE_IJK[::-1], dtype=np.int16), other)
    expected, sure = nearest(mask, Lattice(other, WHOLE), grid_of(drawn_on))
    got = full_mask(segmentation_node, segment_id, volume_node)
    assert np.array_equal(got[sure], expected[sure])


def test_a_segmentation_without_reference_geometry_keeps_its_own_voxels(scene, ct, segmentation_node):
    grid = grid_of(ct)
    coarse = grid.ijk_to_ras @ np.diag([2.0, 2, 2, 1])
    image = Lattice(coarse, VoxelBox.whole((4, 4, 3))).image()
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    array_of(image)[:] = 1
    segment_id = segmentation_node.AddSegmentFromBinaryLabelmapRepresentation(image, "drawn elsewhere")
    editing = SegmentEditing(segmentation_node, ct)
    removed = np.ones(SHAPE_IJK[::-1], dtype=bool)
    removed[:, :, 4:] = False
    editing.apply(segment_id, MaskChange.in_box(np.zeros_like(removed), removed, WHOLE))
    editing.close()
    assert np.allclose(reference_lattice(segmentation_node).ijk_to_local, coarse)
    got = full_mask(segmentation_node, segment_id, ct)
    assert not got[:, :, :3].any() and got[:5, :7, 4:7].all()


@pytest.fixture
def ball(segmentation_node):
    """A segment that is only a surface: a ball around the origin."""
    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(20)
    sphere.SetThetaResolution(60)
    sphere.SetPhiResolution(60)
    sphere.Update()
    segmentation_node.GetSegmentation().SetSourceRepresentationName("Closed surface")
    return segmentation_node.AddSegmentFromClosedSurfaceRepresentation(sphere.GetOutput(), "ball", [1, 0, 0])


@pytest.fixture
def around_origin(scene):
    affine = np.diag([1.5, 1.5, 2.0, 1])
    affine[:3, 3] = -30
    return add_volume(np.zeros((30, 40, 40), dtype=np.int16), affine)


def test_a_surface_is_read_as_voxels_and_stays_a_surface(segmentation_node, ball, around_origin):
    mask = full_mask(segmentation_node, ball, around_origin)
    assert np.count_nonzero(mask) * 4.5 == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.03)
    assert mask[15, 20, 20] and not mask[15, 20, 2]
    segmentation = segmentation_node.GetSegmentation()
    assert not segmentation.ContainsRepresentation("Binary labelmap")
    assert reference_lattice(segmentation_node) is None


def test_a_segment_that_is_gone_is_named_as_such(ct, segmentation_node):
    with pytest.raises(InputError, match="no such segment"):
        read_mask(segmentation_node, "gone", ct, grid_of(ct))
    with pytest.raises(InputError, match="no such segment"):
        segment_record(segmentation_node, "gone")
    assert mask_time(segmentation_node, "gone") == 0


def test_an_empty_segment_has_an_empty_mask(ct, segmentation_node):
    segment_id = segmentation_node.GetSegmentation().AddEmptySegment("new")
    assert read_mask(segmentation_node, segment_id, ct, grid_of(ct)).box.empty


def test_the_time_of_a_mask_tells_every_change(ct, segmentation_node):
    ids = add_masks(segmentation_node, ct, np.eye(9, 8, dtype=bool).T[None].repeat(7, axis=0))
    segmentation = segmentation_node.GetSegmentation()
    times = [mask_time(segmentation_node, ids[0])]

    def note():
        times.append(mask_time(segmentation_node, ids[0]))

    editing = SegmentEditing(segmentation_node, ct)
    note()
    assert times[0] == times[1]
    all_voxels = np.ones(SHAPE_IJK[::-1], dtype=bool)
    with editing.step():
        editing.apply(ids[0], MaskChange.in_box(all_voxels, ~all_voxels, WHOLE))
    note()
    editing.undo()
    note()
    editing.redo()
    note()
    segment = segmentation.GetSegment(ids[0])
    copy = slicer.vtkSegment()
    copy.DeepCopy(segment)
    segmentation.RemoveSegment(ids[0])
    note()
    segmentation.AddSegment(copy, ids[0])
    note()
    put_under(segmentation_node, np.diag([2.0, 1, 1, 1]))
    note()
    segmentation_node.SetAndObserveTransformNodeID(None)
    note()
    editing.close()
    changes = list(zip(times[1:], times[2:], strict=False))
    assert all(before != after for before, after in changes)
