from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vistaseg.errors import UsageError
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, Segmentation, distinct_color

SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, max_side=5)
LABEL_MAPS = hnp.arrays(np.uint8, SHAPES, elements=st.integers(0, 3))
MASKS = hnp.arrays(bool, SHAPES)


@dataclass(frozen=True)
class Info:
    id: int
    name: str
    color: tuple[int, int, int]
    terminology: None = None


@given(LABEL_MAPS)
def test_a_label_map_comes_back_from_its_segments(labels):
    segmentation = Segmentation.from_label_map(labels, np.eye(4))
    assert np.array_equal(segmentation.label_map(), labels)
    assert [item.label_value for item in segmentation.segments] == [n for n in np.unique(labels) if n]
    assert sum(item.voxel_count for item in segmentation.segments) == np.count_nonzero(labels)


@given(LABEL_MAPS)
def test_segments_of_a_label_map_keep_only_their_own_box(labels):
    for item in Segmentation.from_label_map(labels, np.eye(4)).segments:
        assert item.mask.box == BoxedMask.of(labels == item.label_value).box


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
    segment = Segment("x", 1, None, (0, 0, 0), None, BoxedMask.of(np.ones((2, 5, 10))))
    tilted = np.diag([2.0, 2.0, 5.0, 1.0])
    tilted[1, 2] = 3.0  # the slices are shifted against each other, which changes no volume
    assert segment.volume_ml((2, 2, 5)) == pytest.approx(2.0)
    assert Segmentation((10, 5, 2), tilted, [segment]).volume_ml(segment) == pytest.approx(2.0)


def test_a_name_is_one_line():
    segment = Segment(" left\n kidney\x00 ", 1, None, (0, 0, 0), None, BoxedMask.of(np.ones((1, 1, 1))))
    assert segment.name == "left kidney"


def test_a_segment_outside_the_grid_is_refused():
    segment = Segment("x", 1, None, (0, 0, 0), None, BoxedMask.of(np.ones((1, 1, 1)), (3, 0, 0)))
    with pytest.raises(ValueError, match="outside"):
        Segmentation((3, 3, 3), np.eye(4), [segment])
