"""What changed in a label map that several segments share is told apart from what did not."""

from __future__ import annotations

import numpy as np
import pytest
import slicer

from vistaseg.mrml.adding import add_segments
from vistaseg.mrml.counting import Look, looked_through, shared_labelmaps
from vistaseg.mrml.cropping import NO_BOX
from vistaseg.mrml.editing import Change, SegmentEditing
from vistaseg.mrml.geometry import array_of
from vistaseg.segmentation import Extent, Segment, Segmentation

SHAPE = (40, 30, 24)
BOXES = [Extent((2, 2, 2), (8, 8, 8)), Extent((10, 10, 10), (16, 18, 15)), Extent((20, 3, 12), (28, 9, 20))]


@pytest.fixture
def node(scene):
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    slicer.util.updateVolumeFromArray(volume, np.zeros(SHAPE[::-1], np.int16))
    made = [
        Segment(f"part {n}", n, None, (9, 9, 9), None, np.ones(box.shape_kji, bool), box)
        for n, box in enumerate(BOXES, start=1)
    ]
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.ids = add_segments(segmentation, Segmentation(SHAPE, np.eye(4), made), volume)
    segmentation.volume = volume
    return segmentation


def looks(node) -> dict[str, Look]:
    found = {}
    for image, values in shared_labelmaps(node):
        steps = looked_through(image, values)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                found |= end.value
                break
    return found


def prints(node):
    return {key: look.fingerprint for key, look in looks(node).items()}


def edit(node, place, added):
    mask = np.ones(place.shape_kji, bool)
    nothing = np.zeros_like(mask)
    change = Change(mask if added else nothing, nothing if added else mask, place)
    SegmentEditing(node, node.volume).apply(node.ids[1], change)


def test_segments_of_one_label_map_are_found_together(node):
    ((_, values),) = shared_labelmaps(node)
    assert set(values) == set(node.ids) and len(set(values.values())) == 3


@pytest.mark.parametrize(
    ("place", "added"),
    [
        (Extent((16, 10, 10), (17, 18, 15)), True),
        (Extent((10, 10, 10), (11, 11, 11)), False),
        (Extent((36, 26, 20), (39, 29, 23)), True),  # the label map grows for it
    ],
)
def test_only_the_segment_that_was_edited_has_another_fingerprint(node, place, added):
    before = prints(node)
    edit(node, place, added)
    after = prints(node)
    assert {key for key in before if after.get(key) != before[key]} == {node.ids[1]}


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_shift_is_an_edit_within_slices_too(node, axis):
    before = prints(node)
    ((image, values),) = shared_labelmaps(node)
    labels, value = array_of(image), values[node.ids[1]]
    mask = labels == value
    labels[mask] = 0
    labels[np.roll(mask, 1, axis)] = value
    after = prints(node)
    assert {key for key in before if after[key] != before[key]} == {node.ids[1]}


def test_nothing_edited_is_nothing_changed(node):
    assert prints(node) == prints(node)


def test_each_segment_is_found_where_it_is(node):
    ((image, values),) = shared_labelmaps(node)
    for segment_id, look in looks(node).items():
        hit = np.argwhere(array_of(image) == values[segment_id])
        assert [(part.start, part.stop) for part in look.box] == list(
            zip(hit.min(axis=0), hit.max(axis=0) + 1, strict=True)
        )
    labels = array_of(image)
    labels[labels == values[node.ids[0]]] = 0
    assert looks(node)[node.ids[0]].box == NO_BOX
