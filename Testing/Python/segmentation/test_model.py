from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vistaseg.errors import UsageError
from vistaseg.geometry.box import VoxelBox
from vistaseg.segmentation import Segment, Segmentation, crop_to_content, distinct_color

SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, max_side=5)
LABEL_MAPS = hnp.arrays(np.uint8, SHAPES, elements=st.integers(0, 3))
MASKS = hnp.arrays(bool, SHAPES)


@dataclass(frozen=True)
class Info:
    id: int
    name: str
    color: tuple[int, int, int]
    terminology: None = None


@given(MASKS)
def test_a_cropped_mask_is_tight_and_lies_where_it_was(mask):
    cropped, extent = crop_to_content(mask)
    back = np.zeros_like(mask)
    back[extent.slices_kji] = cropped
    assert np.array_equal(back, mask)
    for axis in range(3):
        if mask.any():
            ends = cropped.take([0, -1], axis=axis)
            assert ends.any(axis=tuple(a for a in range(3) if a != axis)).all()
    assert extent.empty == (not mask.any())


def test_cropping_counts_from_the_given_start():
    _, extent = crop_to_content(np.ones((1, 2, 3)), start=(10, 20, 30))
    assert extent == VoxelBox((10, 20, 30), (13, 22, 31))


@given(MASKS, MASKS)
def test_intersection_of_extents_is_what_both_arrays_cover(one, other):
    (_, first), (_, second) = crop_to_content(one), crop_to_content(other)
    canvas = np.zeros((5, 5, 5), dtype=int)
    canvas[first.slices_kji] += 1
    canvas[second.slices_kji] += 1
    common = first.intersection(second)
    assert (not common.empty) == bool((canvas == 2).any())
    if not common.empty:
        assert np.all(canvas[common.slices_kji] == 2)
        assert canvas[common.slices_kji].size == (canvas == 2).sum()


@given(LABEL_MAPS)
def test_a_label_map_comes_back_from_its_segments(labels):
    segmentation = Segmentation.from_label_map(labels, np.eye(4))
    assert np.array_equal(segmentation.label_map(), labels)
    assert [item.label_value for item in segmentation.segments] == [n for n in np.unique(labels) if n]
    assert sum(item.voxel_count for item in segmentation.segments) == np.count_nonzero(labels)


@given(LABEL_MAPS)
def test_segments_of_a_label_map_keep_only_their_own_box(labels):
    for item in Segmentation.from_label_map(labels, np.eye(4)).segments:
        assert (item.mask.shape, item.extent) == (
            crop_to_content(labels == item.label_value)[0].shape,
            crop_to_content(labels == item.label_value)[1],
        )


def test_the_table_names_labels_and_the_others_get_a_name_of_their_number():
    labels = np.array([[[1, 2]]], dtype=np.uint16)
    segmentation = Segmentation.from_label_map(labels, np.eye(4), {1: Info(1, "liver", (1, 2, 3))}, "scan", {"a": 1})
    liver, other = segmentation.segments
    assert (liver.name, liver.structure_id, liver.color) == ("liver", 1, (1, 2, 3))
    assert (other.name, other.structure_id, other.color) == ("label 2", None, distinct_color(2))
    liver.provenance["a"] = 2
    assert other.provenance == {"a": 1}


def test_catalog_structures_are_a_table():
    catalog = pytest.importorskip("vistaseg.catalog")
    structure = catalog.structures()[1]
    labels = np.full((1, 1, 1), structure.id, dtype=np.uint8)
    (segment,) = Segmentation.from_label_map(labels, np.eye(4), {structure.id: structure}).segments
    assert (segment.name, segment.terminology) == (structure.name, structure.terminology)


@pytest.mark.parametrize("label", [-1, 70000])
def test_labels_that_cannot_be_kept_are_refused(label):
    with pytest.raises(UsageError, match="renumber"):
        Segmentation.from_label_map(np.full((1, 1, 1), label), np.eye(4))


def test_volume_is_voxels_times_spacing_and_right_for_a_tilted_grid():
    segment = Segment("x", 1, None, (0, 0, 0), None, np.ones((2, 5, 10)), VoxelBox((0, 0, 0), (10, 5, 2)))
    tilted = np.diag([2.0, 2.0, 5.0, 1.0])
    tilted[1, 2] = 3.0  # the slices are shifted against each other, which changes no volume
    assert segment.volume_ml((2, 2, 5)) == pytest.approx(2.0)
    assert Segmentation((10, 5, 2), tilted, [segment]).volume_ml(segment) == pytest.approx(2.0)


def test_a_name_is_one_line():
    segment = Segment(
        " left\n kidney\x00 ", 1, None, (0, 0, 0), None, np.ones((1, 1, 1)), VoxelBox((0, 0, 0), (1, 1, 1))
    )
    assert segment.name == "left kidney"


def test_a_mask_that_does_not_fill_its_extent_is_refused():
    with pytest.raises(ValueError, match="extent"):
        Segment("x", 1, None, (0, 0, 0), None, np.ones((1, 1, 2)), VoxelBox((0, 0, 0), (1, 1, 2)))


def test_a_segment_outside_the_grid_is_refused():
    segment = Segment("x", 1, None, (0, 0, 0), None, np.ones((1, 1, 1)), VoxelBox((3, 0, 0), (4, 1, 1)))
    with pytest.raises(ValueError, match="outside"):
        Segmentation((3, 3, 3), np.eye(4), [segment])
