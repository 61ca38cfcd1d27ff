from __future__ import annotations

import json
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import nibabel
import numpy as np
import pytest

from vistaseg.errors import InputError, UsageError
from vistaseg.evaluate import Truth, read_names, read_truth
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, Segmentation, write_segmentation
from vistaseg.volume import Volume, reorient

LIVER, SPLEEN, RIGHT_KIDNEY, LEFT_KIDNEY = 1, 3, 5, 14
CODES = [codes for order in permutations(("RL", "AP", "SI")) for codes in ("".join(pair[n % 2] for n, pair in
         enumerate(order)), "".join(pair[1] for pair in order))]  # fmt: skip


@pytest.fixture
def labels(volume: Volume) -> np.ndarray:
    """A block of each structure, (k, j, i)."""
    array = np.zeros(volume.array.shape, np.uint8)
    for number, value in enumerate((LIVER, SPLEEN, RIGHT_KIDNEY, LEFT_KIDNEY)):
        array[3 + 5 * number : 7 + 5 * number, 4:9, 10 : 15 + number] = value
    return array


@pytest.fixture
def write_labels(tmp_path: Path, volume: Volume) -> Callable[..., Path]:
    def write(array: np.ndarray, affine: np.ndarray = volume.ijk_to_ras, name: str = "truth.nii.gz") -> Path:
        nibabel.save(nibabel.Nifti1Image(array.T, affine), tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def write_segments(tmp_path: Path, volume: Volume) -> Callable[..., Path]:
    def write(masks: dict[str, np.ndarray], name: str = "truth.seg.nrrd") -> Path:
        segments = [Segment(n, 1, None, (1, 2, 3), None, BoxedMask.of(mask)) for n, mask in masks.items()]
        write_segmentation(Segmentation(volume.shape_ijk, volume.ijk_to_ras, segments), tmp_path / name)
        return tmp_path / name

    return write


def names(truth: Truth) -> list[str]:
    return [target.name for target in truth.targets]


def masks(truth: Truth) -> dict[str, np.ndarray]:
    return {target.name: truth.mask(target) for target in truth.targets}


def test_the_values_of_a_label_map_are_class_ids(write_labels, labels, volume):
    truth = read_truth(write_labels(labels), volume)
    assert [(t.name, t.class_ids) for t in truth.targets] == [
        ("liver", (1,)), ("spleen", (3,)), ("right kidney", (5,)), ("left kidney", (14,)),
    ]  # fmt: skip
    for target in truth.targets:
        assert np.array_equal(truth.mask(target), labels == target.class_ids[0])


def test_a_value_that_is_no_class_id_asks_for_names(write_labels, labels, volume):
    labels[0, 0, 0] = 140
    with pytest.raises(InputError, match=r"label 140.*1 to 132.*--names"):
        read_truth(write_labels(labels), volume)


def test_names_say_what_values_mean_and_what_they_leave_out_is_told(write_labels, labels, volume):
    table = {"1": "kidney_left", "3": "My lesion", "5": "vertebrae_L1"}
    truth = read_truth(write_labels(labels), volume, table)
    assert [(t.name, t.class_ids) for t in truth.targets] == [
        ("left kidney", (14,)), ("My lesion", ()), ("vertebrae L1", (37,)),
    ]  # fmt: skip
    assert np.array_equal(masks(truth)["left kidney"], labels == 1)
    assert truth.notes == ("Labels without a name were left out: 14.",)


def test_a_preset_or_group_is_no_structure(write_labels, labels, volume):
    truth = read_truth(write_labels(labels), volume, {"1": "head", "3": "lesion", "5": "Abdomen", "14": "ribs"})
    assert [(t.name, t.class_ids) for t in truth.targets] == [(n, ()) for n in ("head", "lesion", "Abdomen", "ribs")]


def test_labels_with_one_name_are_one_structure(write_labels, labels, volume):
    labels[9, 5, 11] = 5  # among the voxels of 3
    table = {"1": "left lung upper lobe", "3": "left lung", "5": "Left Lung"}
    truth = read_truth(write_labels(labels), volume, table)
    assert names(truth) == ["left lung upper lobe", "left lung"]
    assert truth.targets[1].class_ids == (28, 29)
    assert np.array_equal(masks(truth)["left lung"], np.isin(labels, (3, 5)))


def test_segments_are_called_like_structures_and_may_overlap(write_segments, labels, volume):
    whole = labels > 0
    truth = read_truth(
        write_segments({"Liver": labels == 1, "everything of mine": whole, "none": whole & False}), volume
    )
    assert [(t.name, t.class_ids) for t in truth.targets] == [("liver", (1,)), ("everything of mine", ())]
    assert np.array_equal(masks(truth)["everything of mine"], whole)


def test_names_call_segments_otherwise(write_segments, labels, volume):
    path = write_segments({"Segment_1": labels == 1, "spleen": labels == 3})
    assert names(read_truth(path, volume, {"Segment_1": "liver"})) == ["liver", "spleen"]


def test_what_vistaseg_wrote_is_a_truth(volume, labels, tmp_path):
    found = Segmentation.from_label_map(labels, volume.ijk_to_ras)
    for segment, name in zip(found.segments, ("heart", "aorta", "colon", "lesion"), strict=True):
        segment.name = name
    write_segmentation(found, tmp_path / "out.nii.gz")
    assert names(read_truth(tmp_path / "out.nii.gz", volume)) == ["heart", "aorta", "colon", "lesion"]


@pytest.mark.parametrize("codes", CODES)
def test_flipped_and_permuted_axes_are_brought_to_the_ct(write_labels, labels, volume, codes):
    turned = reorient(Volume.from_array(labels, volume.ijk_to_ras, axes="kji"), codes)
    truth = read_truth(write_labels(turned.array, turned.ijk_to_ras), volume)
    assert all(np.array_equal(truth.mask(t), labels == t.class_ids[0]) for t in truth.targets)
    assert truth.mask(truth.targets[0]).flags.c_contiguous


def _moved(affine: np.ndarray, mm: float) -> np.ndarray:
    return affine + np.pad([[mm]], ((0, 3), (3, 0)))


@pytest.mark.parametrize(
    "change",
    [lambda a, m: (a[1:], m), lambda a, m: (a, _moved(m, 2.0)), lambda a, m: (a, m @ np.diag([1.1, 1, 1, 1]))],
    ids=["size", "origin", "spacing"],
)
def test_another_grid_is_refused(write_labels, labels, volume, change):
    with pytest.raises(InputError, match=r"another grid than the CT.*40 x 40 x 31 voxels of 2 x 2 x 4 mm.*Resample"):
        read_truth(write_labels(*change(labels, volume.ijk_to_ras)), volume)


def test_rounding_in_a_header_is_forgiven(write_labels, labels, volume):
    assert read_truth(write_labels(labels, _moved(volume.ijk_to_ras, 1e-4)), volume).targets


def test_a_truth_without_a_structure_is_refused(write_labels, labels, volume):
    with pytest.raises(InputError, match="holds no structure"):
        read_truth(write_labels(labels * 0), volume)
    with pytest.raises(InputError, match="no structure that is named"):
        read_truth(write_labels(labels), volume, {"77": "liver"})


def test_only_what_is_named_stays(write_labels, labels, volume):
    truth = read_truth(write_labels(labels), volume)
    assert names(truth.only("kidney left; Liver")) == ["liver", "left kidney"]
    some = truth.only("liver, aorta")
    assert (names(some), some.notes) == (["liver"], ("The truth has no aorta.",))
    with pytest.raises(InputError, match="no aorta or heart. It has liver, spleen, right kidney, left kidney"):
        truth.only("aorta, heart")
    with pytest.raises(UsageError, match="No structure was named"):
        truth.only(" ,")


def test_names_are_a_json_object_of_texts(tmp_path):
    path = tmp_path / "names.json"
    path.write_text(json.dumps({"1": "liver"}))
    assert read_names(path) == {"1": "liver"}
    for text in ("[1]", '{"1": 2}', '{"1": " "}', "{"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"names\.json is no"):
            read_names(path)
    with pytest.raises(InputError, match="check the path"):
        read_names(tmp_path / "absent.json")


def test_every_name_of_totalsegmentator_is_known(shared_data, write_labels, labels, volume):
    table = read_names(shared_data("totalsegmentator/total_labels.json"))
    for value in (1, 3, 5, 14):
        table[str(value)] = table[str(100 + value)]
    assert all(target.class_ids for target in read_truth(write_labels(labels), volume, table).targets)
