from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from vistaseg.errors import InputError
from vistaseg.volume import Volume, read_volume


def scan(values: np.ndarray | None = None) -> SimpleITK.Image:
    array = np.zeros((4, 5, 6), np.float32) if values is None else values
    return Volume.from_array(array, np.eye(4), axes="kji").to_sitk()


@pytest.mark.parametrize("name", ["CTChest.nii.gz", "CTChest.nii", "CTChest.nrrd", "CTChest.mha"])
def test_a_volume_is_called_after_its_file(tmp_path: Path, name: str) -> None:
    SimpleITK.WriteImage(scan(), str(tmp_path / name))
    assert read_volume(str(tmp_path / name)).name == "CTChest"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"scan\.nii.*No such file"):
        read_volume(tmp_path / "scan.nii")


def test_an_empty_path_is_not_the_current_folder() -> None:
    with pytest.raises(InputError, match="No file was named"):
        read_volume("")


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz", "scan.nrrd", "scan.mha", "scan.dcm", "scan"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(InputError, match="file is empty"):
        read_volume(tmp_path / name)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("no images here")
    with pytest.raises(InputError, match="holds no DICOM images"):
        read_volume(tmp_path)


def test_a_scan_with_voxels_that_are_no_numbers_is_refused_on_reading(tmp_path: Path) -> None:
    values = np.zeros((4, 5, 6), np.float32)
    values[1, 1] = np.nan
    SimpleITK.WriteImage(scan(values), str(tmp_path / "scan.nrrd"))
    with pytest.raises(InputError, match=r"scan\.nrrd: 6 of 120 voxels"):
        read_volume(tmp_path / "scan.nrrd")


@pytest.mark.parametrize("name", ["scan.hdr", "scan.img"])
def test_a_pair_of_header_and_voxels_is_refused(tmp_path: Path, name: str) -> None:
    SimpleITK.WriteImage(scan(), str(tmp_path / "scan.img"))
    with pytest.raises(InputError, match=r"Convert the pair to \.nii\.gz"):
        read_volume(tmp_path / name)
