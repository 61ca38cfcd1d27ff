"""Segments that share a label map are removed without a copy of the whole for each, whoever removes them."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from host.mrml_nodes import SHAPE_IJK, add_masks, full_mask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vistaseg.mrml.editing import SegmentEditing
from vistaseg.mrml.geometry import BINARY_LABELMAP, array_of
from vistaseg.mrml.removing import WatchedSegmentations, part_segments
from vistaseg.mrml.sharing import shared_labelmaps

COUNT = 40
FEW = 6  # modifications of the shared label map; each segment that `vtkSegmentation` takes out of it is one or more
some_examples = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
seeds = st.integers(0, 2**32 - 1)


def touching(count=COUNT, seed=3):
    """Masks that fill the volume and do not overlap."""
    owner = np.random.default_rng(seed).integers(0, count, SHAPE_IJK[::-1])
    return [owner == n for n in range(count)]


def count_copies(segmentation_node):
    """A list that grows when the label map that all segments share is replaced as a whole."""
    segmentation = segmentation_node.GetSegmentation()
    assert segmentation.GetNumberOfLayers() == 1
    copies = []
    segmentation.GetLayerDataObject(0).AddObserver("ModifiedEvent", lambda *_: copies.append(1))
    return copies


def assert_masks(segmentation_node, volume_node, masks):
    for segment_id, mask in masks.items():
        assert np.array_equal(full_mask(segmentation_node, segment_id, volume_node), mask)


@pytest.fixture
def editing(ct, segmentation_node):
    made = SegmentEditing(segmentation_node, ct)
    yield made
    made.close()


@pytest.fixture
def watched(scene):
    made = WatchedSegmentations(scene)
    yield made
    made.close()


@pytest.fixture
def masks(ct, segmentation_node, watched):
    """The masks, by segment, of a watched node."""
    with watched.changing(segmentation_node):
        return dict(zip(add_masks(segmentation_node, ct, *touching()), touching(), strict=True))


def test_slicer_alone_copies_all_for_each_segment(ct, segmentation_node):
    add_masks(segmentation_node, ct, *touching())
    copies = count_copies(segmentation_node)
    segmentation_node.GetSegmentation().RemoveAllSegments()
    assert len(copies) >= COUNT - 1


def test_undo_takes_many_segments_away_without_as_many_copies_and_redo_brings_them_back(ct, segmentation_node, editing):
    kept = dict(zip(add_masks(segmentation_node, ct, *touching(3, seed=4)), touching(3, seed=4), strict=True))
    before = segmentation_node.GetSegmentation().GetNumberOfLayers()
    with editing.step():
        added = dict(zip(add_masks(segmentation_node, ct, *touching()), touching(), strict=True))
    copies = []
    shared = segmentation_node.GetSegmentation().GetLayerDataObject(before)
    shared.AddObserver("ModifiedEvent", lambda *_: copies.append(1))
    editing.undo()
    assert len(copies) <= FEW
    assert list(segmentation_node.GetSegmentation().GetSegmentIDs()) == list(kept)
    assert_masks(segmentation_node, ct, kept)
    editing.redo()
    assert list(segmentation_node.GetSegmentation().GetSegmentIDs()) == [*kept, *added]
    assert_masks(segmentation_node, ct, kept | added)
    assert segmentation_node.GetSegmentation().GetNumberOfLayers() == before + 1


def test_undo_of_the_segment_editor_is_as_quick_on_a_watched_node(scene, ct, segmentation_node, watched):
    editor = scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    logic = slicer.vtkSlicerSegmentEditorLogic()
    logic.SetMRMLScene(scene)
    logic.SetSegmentEditorNode(editor)
    editor.SetAndObserveSegmentationNode(segmentation_node)
    logic.SaveStateForUndo()
    with watched.changing(segmentation_node):
        ids = add_masks(segmentation_node, ct, *touching())
    copies = count_copies(segmentation_node)
    logic.Undo()
    assert len(copies) <= FEW and segmentation_node.GetSegmentation().GetNumberOfSegments() == 0
    logic.Redo()
    assert_masks(segmentation_node, ct, dict(zip(ids, touching(), strict=True)))


def test_all_segments_of_a_watched_node_are_removed_with_few_copies(segmentation_node, masks):
    copies = count_copies(segmentation_node)
    segmentation_node.GetSegmentation().RemoveAllSegments()
    assert len(copies) <= FEW


@pytest.mark.parametrize("how", ["removed", "closed"])
def test_a_watched_node_goes_without_a_copy(scene, ct, watched, how):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    with watched.changing(node):
        add_masks(node, ct, *touching())
    copies = count_copies(node)
    scene.RemoveNode(node) if how == "removed" else scene.Clear(0)
    assert node.GetScene() is None
    del node
    assert not copies


def test_a_node_that_is_not_watched_keeps_its_masks_when_it_is_removed(scene, ct, segmentation_node, watched):
    ids = add_masks(segmentation_node, ct, *touching())
    # An application takes the segments out of the node that goes; whoever holds one of them still has its mask.
    segments = [segmentation_node.GetSegmentation().GetSegment(segment_id) for segment_id in ids]
    scene.RemoveNode(segmentation_node)
    assert all(segment.GetRepresentation("Binary labelmap") is not None for segment in segments)


@some_examples
@given(seed=seeds, count=st.integers(2, 12))
def test_segments_that_are_set_apart_share_with_one_another_alone_and_keep_their_masks(scene, ct, seed, count):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    random = np.random.default_rng(seed)
    masks = dict(zip(add_masks(node, ct, *touching(count, seed)), touching(count, seed), strict=True))
    apart = {segment_id for segment_id in masks if random.random() < 0.5}
    copies = count_copies(node)
    part_segments(node, [*apart, "gone"])
    assert not copies
    assert_masks(node, ct, masks)
    for _, values in shared_labelmaps(node):
        assert values.keys() <= apart or not values.keys() & apart


@some_examples
@given(seed=seeds, order=st.permutations(range(8)), removals=st.integers(1, 8))
def test_in_whatever_order_segments_of_a_watched_node_go_the_others_stay(scene, ct, seed, order, removals):
    node, watched = scene.AddNewNodeByClass("vtkMRMLSegmentationNode"), WatchedSegmentations(scene)
    with watched.changing(node):
        ids = add_masks(node, ct, *touching(8, seed))
    masks = dict(zip(ids, touching(8, seed), strict=True))
    for n in order[:removals]:
        node.GetSegmentation().RemoveSegment(ids[n])
        del masks[ids[n]]
        assert_masks(node, ct, masks)
    watched.close()


def test_voxels_that_slicer_painted_in_place_between_two_removals_stay(ct, segmentation_node, watched):
    places = [(slice(n, n + 2),) * 3 for n in (0, 2, 4)] + [(slice(6, 7),) * 3]
    blocks = [np.zeros(SHAPE_IJK[::-1], bool) for _ in places]
    for block, place in zip(blocks, places, strict=True):
        block[place] = True
    with watched.changing(segmentation_node):
        first, second, third, _ = add_masks(segmentation_node, ct, *blocks)
    segmentation = segmentation_node.GetSegmentation()
    segmentation.RemoveSegment(first)
    image = segmentation.GetSegment(third).GetRepresentation(BINARY_LABELMAP)
    # As Slicer's tools do where the label map keeps its size: the array is changed, the image is modified.
    array_of(image)[0, 0, 0] = segmentation.GetSegment(third).GetLabelValue()
    image.Modified()
    segmentation.RemoveSegment(second)
    assert full_mask(segmentation_node, third, ct).sum() == blocks[2].sum() + 1
