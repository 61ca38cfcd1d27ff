from __future__ import annotations

import weakref

import numpy as np
import slicer
import slicer.util
from host.mrml_nodes import SHAPE_IJK, add_masks, full_mask

from vistaseg.mrml.sharing import isolate_segment, release_labelmaps


def halves():
    first = np.zeros(SHAPE_IJK[::-1], dtype=bool)
    first[:, :4] = True
    return first, ~first


def test_a_segment_of_its_own_has_the_same_mask_and_so_have_the_others(ct, segmentation_node):
    masks = halves()
    ids = add_masks(segmentation_node, ct, *masks)
    isolate_segment(segmentation_node, ids[1])
    segmentation = segmentation_node.GetSegmentation()
    assert segmentation.GetNumberOfLayers() == 2
    for segment_id, mask in zip(ids, masks, strict=True):
        assert np.array_equal(full_mask(segmentation_node, segment_id, ct), mask)
    own = segmentation.GetSegment(ids[1]).GetRepresentation("Binary labelmap")
    assert own.GetDimensions() == (9, 4, 7)


def test_the_value_that_was_left_is_free_for_another_segment(ct, segmentation_node):
    ids = add_masks(segmentation_node, ct, *halves())
    shared = slicer.util.arrayFromSegmentInternalBinaryLabelmap(segmentation_node, ids[0])
    isolate_segment(segmentation_node, ids[1])
    assert set(np.unique(shared)) == {0, 1}


def test_surfaces_that_are_shown_stay(ct, segmentation_node):
    ids = add_masks(segmentation_node, ct, *halves())
    segmentation_node.CreateClosedSurfaceRepresentation()
    isolate_segment(segmentation_node, ids[0])
    assert segmentation_node.GetSegmentation().ContainsRepresentation("Closed surface")


def test_a_released_node_can_be_removed(scene, ct, segmentation_node):
    ids = add_masks(segmentation_node, ct, *halves())
    image = weakref.ref(segmentation_node.GetSegmentation().GetSegment(ids[0]).GetRepresentation("Binary labelmap"))
    release_labelmaps(segmentation_node)
    scene.RemoveNode(segmentation_node)
    assert image() is None
