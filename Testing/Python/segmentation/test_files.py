from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vistaseg.catalog import Code, Terminology, structures
from vistaseg.errors import InputError, UsageError
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import (
    Segment,
    Segmentation,
    check_writable,
    read_segmentation,
    write_segmentation,
)

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="~^|", categories=["L", "N", "P", "S"]), min_size=1)
CODES = st.builds(Code, TEXTS, TEXTS, TEXTS)
TERMINOLOGIES = st.builds(Terminology, CODES, CODES, st.none() | CODES, CODES, st.none() | CODES)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
COLORS = st.tuples(*[st.integers(0, 255)] * 3)
SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, max_side=4)


@st.composite
def affines(draw):
    """Right-angled grids: any turn, flip, anisotropic spacing and position."""
    turn, _ = np.linalg.qr(draw(hnp.arrays(float, (3, 3), elements=st.floats(-1, 1))) + 3 * np.eye(3))
    flips = np.diag(draw(st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3)))
    order = np.eye(3)[list(draw(st.permutations(range(3))))]
    spacing = np.diag(draw(st.tuples(*[st.floats(0.3, 10)] * 3)))
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ flips @ order @ spacing
    matrix[:3, 3] = draw(st.tuples(*[st.floats(-500, 500)] * 3))
    return matrix


@st.composite
def segmentations(draw, overlapping=True):
    shape = draw(SHAPES)
    count = draw(st.integers(0, 4))
    labels = draw(st.lists(st.sampled_from([1, 2, 7, 255, 300, 65535]), min_size=count, max_size=count, unique=True))
    if overlapping:
        masks = draw(hnp.arrays(bool, (count, *shape)))
    else:
        owner = draw(hnp.arrays(np.int8, shape, elements=st.integers(-1, 3)))
        masks = owner == np.arange(count).reshape(-1, 1, 1, 1)
    segments = [draw(segments_of(mask, label)) for mask, label in zip(masks, labels, strict=True)]
    return Segmentation(shape[::-1], draw(affines()), segments, "scan")


@st.composite
def segments_of(draw, mask, label):
    made = draw(st.dictionaries(st.text(), JSON, max_size=3))
    if draw(st.booleans()):
        made |= {
            "algorithm_type": draw(st.sampled_from(["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"])),
            "model": "vista|3d",
        }
    structure = draw(st.none() | st.integers(0, 132))
    # Codes of something else would make it another structure: see `test_seg_nrrd.py`.
    own = next((each.terminology for each in structures() if each.id == structure), None)
    terminology = draw(st.none() | (TERMINOLOGIES if own is None else st.just(own)))
    return Segment(draw(TEXTS), label, structure, draw(COLORS), terminology, BoxedMask.of(mask), made)


def round_trip(segmentation, name):
    with tempfile.TemporaryDirectory() as folder:
        write_segmentation(segmentation, Path(folder) / name)
        assert not list(Path(folder).rglob("*partial*"))
        return read_segmentation(Path(folder) / name)


def assert_same(back, original):
    assert back.shape_ijk == original.shape_ijk
    assert np.allclose(back.ijk_to_ras, original.ijk_to_ras, rtol=0, atol=1e-9)
    assert [item.name for item in back.segments] == [item.name for item in original.segments]
    for one, other in zip(back.segments, original.segments, strict=True):
        assert np.array_equal(back.full_mask(one), original.full_mask(other))
        assert (one.label_value, one.structure_id, one.color) == (
            other.label_value,
            other.structure_id,
            other.color,
        )
        assert one.terminology == other.terminology
        assert one.provenance == other.provenance


@settings(max_examples=60, deadline=None)
@given(segmentations())
def test_seg_nrrd_comes_back_exactly(segmentation):
    assert_same(round_trip(segmentation, "scan.seg.nrrd"), segmentation)


@settings(max_examples=40, deadline=None)
@given(segmentations(overlapping=False), st.sampled_from(["scan.nii.gz", "scan.nii"]))
def test_a_label_map_with_its_table_comes_back_exactly(segmentation, name):
    assert_same(round_trip(segmentation, name), segmentation)


@settings(max_examples=30, deadline=None)
@given(segmentations())
def test_a_folder_of_masks_comes_back_exactly(segmentation):
    assert_same(round_trip(segmentation, "masks"), segmentation)


def test_overlapping_segments_are_refused_in_a_label_map_and_nothing_is_written(tmp_path, make_segment):
    whole = (slice(None), slice(None), slice(None))
    both = [make_segment("liver", 1, whole), make_segment("cyst", 2, whole)]
    with pytest.raises(UsageError, match="liver with cyst"):
        write_segmentation(Segmentation((7, 6, 5), np.eye(4), both), tmp_path / "x.nii.gz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["x.seg.nrrd", "x.nii.gz", "x.NII", "folder", "folder/"])
def test_known_places_are_writable(tmp_path, name):
    check_writable(f"{tmp_path}/{name}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["x.nrrd", "x.mha", "x.dcm", "x.v2"])
def test_an_unknown_suffix_is_refused_with_those_that_work(tmp_path, name):
    with pytest.raises(UsageError, match=r"\.seg\.nrrd, \.nii\.gz or \.nii, or a folder"):
        check_writable(tmp_path / name)


@pytest.mark.parametrize("name", ["x.seg.nrrd", "x.nii.gz", "folder"])
def test_a_missing_folder_is_named(tmp_path, name):
    with pytest.raises(UsageError, match="none does not exist"):
        check_writable(tmp_path / "none" / name)


@pytest.mark.parametrize("name", ["x.seg.nrrd", "folder"])
def test_a_file_where_a_folder_should_be_is_refused(tmp_path, name):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="file does not exist"):
        check_writable(tmp_path / "file" / name)


def test_a_file_without_suffix_is_no_folder_for_masks(tmp_path):
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(UsageError, match="file"):
        check_writable(tmp_path / "file")


def test_a_folder_with_the_name_of_a_file_is_refused(tmp_path):
    (tmp_path / "x.seg.nrrd").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        check_writable(tmp_path / "x.seg.nrrd")


def test_the_json_file_of_another_program_is_spared(tmp_path):
    (tmp_path / "scan.json").write_text('{"Modality": "CT"}')
    with pytest.raises(UsageError, match=r"scan\.json would be overwritten"):
        check_writable(tmp_path / "scan.nii.gz")


@pytest.mark.parametrize("name", ["x.seg.nrrd", "x.nii.gz", "x.mha"])
def test_reading_what_is_not_there_says_so(tmp_path, name):
    with pytest.raises(InputError, match="does not exist"):
        read_segmentation(tmp_path / name)


@pytest.mark.parametrize("name", ["x.seg.nrrd", "x.nii.gz", "x.txt"])
def test_reading_what_is_no_segmentation_says_so(tmp_path, name):
    (tmp_path / name).write_bytes(b"no segmentation\n")
    with pytest.raises(InputError, match="read|known kind"):
        read_segmentation(tmp_path / name)


def test_reading_a_folder_without_a_table_says_so(tmp_path):
    with pytest.raises(InputError, match=r"segments\.json"):
        read_segmentation(tmp_path)


@pytest.mark.parametrize("path", ["", " "])
def test_no_path_is_not_the_current_folder(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="No place"):
        check_writable(path)
    with pytest.raises(UsageError, match="No place"):
        write_segmentation(Segmentation((7, 6, 5), np.eye(4)), path)
    assert not list(tmp_path.iterdir())
