from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from vistaseg.errors import InputError
from vistaseg.volume import Volume, check_ct, check_volume, read_volume

SPACING = np.diag([2.0, 2.0, 2.0, 1.0])


class SharedData(Protocol):
    def __call__(self, relative_path: str) -> Path: ...


def ct(low: float = -1000, high: float = 1500, kind: type = np.float32) -> Volume:
    values = np.linspace(low, high, 30**3).reshape(30, 30, 30).astype(kind)
    return Volume.from_array(values, SPACING, axes="kji", modality="CT")


def test_an_ordinary_ct_gives_no_warning() -> None:
    assert check_ct(ct()) == []
    assert check_ct(replace(ct(), modality=None)) == []


@pytest.mark.parametrize("modality", ["MR", "PT", "US"])
def test_another_modality_is_refused_by_name(modality: str) -> None:
    with pytest.raises(InputError, match=f"modality {modality}.*VISTA3D, SegVol.*trained on CT"):
        check_ct(replace(ct(), modality=modality))


def test_a_volume_of_air_is_refused() -> None:
    with pytest.raises(InputError, match="no voxel is above -900 HU"):
        check_ct(ct(-1024, -950))


def test_a_constant_volume_is_refused() -> None:
    with pytest.raises(InputError, match=r"same value \(40\)"):
        check_ct(ct(40, 40))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_no_numbers_are_counted_and_refused(value: float) -> None:
    array = ct().array.copy()
    array[3, 4, 5:8] = value
    with pytest.raises(InputError, match="3 of 27000 voxels are not a number or infinite"):
        check_volume(Volume.from_array(array, SPACING, axes="kji"))


@pytest.mark.parametrize("spacing", [0.001, 80.0])
def test_an_implausible_spacing_is_refused(spacing: float) -> None:
    with pytest.raises(InputError, match="implausible.*another unit"):
        check_volume(Volume.from_array(ct().array, np.diag([1.0, 1.0, spacing, 1.0]), axes="kji"))


def test_a_single_slice_is_refused() -> None:
    with pytest.raises(InputError, match=r"single slice \(30 x 30 x 1 voxels\)"):
        check_volume(Volume.from_array(ct().array[:1], SPACING, axes="kji"))


def test_shear_is_refused_for_segmentation() -> None:
    sheared = SPACING.copy()
    sheared[0, 2] = 0.5
    with pytest.raises(InputError, match="segmentation needs"):
        check_ct(Volume.from_array(ct().array, sheared, axes="kji"))


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0, 1, "normalised to 0...1"),
        (0, 255, "picture of 8 bits"),
        (0, 4095, "subtract 1024"),
        (24, 2500, "subtract 1024"),
        (-47, 833, "without air"),
    ],
)
def test_values_that_are_no_hounsfield_units_give_one_warning(low: float, high: float, words: str) -> None:
    (warning,) = check_ct(ct(low, high))
    assert words in warning
    assert "air is about -1000" in warning


def test_very_thick_slices_give_a_warning() -> None:
    (warning,) = check_ct(Volume.from_array(ct().array, np.diag([2.0, 2.0, 12.5, 1.0]), axes="kji"))
    assert "12.5 mm apart" in warning


def test_a_very_small_field_of_view_gives_a_warning() -> None:
    (warning,) = check_ct(Volume.from_array(ct().array, np.diag([1.0, 2.0, 2.0, 1.0]), axes="kji"))
    assert "covers only 30 x 60 x 60 mm" in warning


def test_what_the_reader_had_to_assume_is_told_first() -> None:
    notes = ("The file does not say how it is oriented.",)
    assert check_ct(replace(ct(0, 255), notes=notes))[0] == notes[0]


def test_a_real_ct_passes_and_a_real_mr_is_noticed(shared_data: SharedData) -> None:
    assert check_ct(read_volume(shared_data("totalsegmentator/example_ct.nii.gz"))) == []
    (warning,) = check_ct(read_volume(shared_data("totalsegmentator/example_mr_sm.nii.gz")))
    assert "not a CT" in warning


@pytest.mark.parametrize("value", [-3e38, 2e6])
def test_values_far_beyond_hounsfield_units_are_counted_and_refused(value: float) -> None:
    array = ct().array.copy()
    array[3, 4, 5:8] = value
    with pytest.raises(InputError, match="3 of 27000 voxels are beyond 1,000,000 HU"):
        check_ct(Volume.from_array(array, SPACING, axes="kji"))
