from __future__ import annotations

import numpy as np
import pytest

from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.preprocessing import AIR_HU, network_image
from vistaseg.volume import Volume

CONFIGURATION = Vista3dConfiguration()
LOW, HIGH = CONFIGURATION.intensity_range


def test_intensities_are_scaled_and_clipped_as_published() -> None:
    array = np.full((9, 9, 9), 45.0, np.float32)
    array[4, 4, 2], array[4, 4, 6] = -2000, 3000
    image = network_image(Volume.from_array(array, np.diag([1.5, 1.5, 1.5, 1.0]), axes="kji"), CONFIGURATION)
    assert image.voxels[2, 4, 4] == 0
    assert image.voxels[6, 4, 4] == 1
    assert image.voxels[0, 0, 0] == pytest.approx((45 - LOW) / (HIGH - LOW), abs=1e-6)
    assert image.air_level == pytest.approx((AIR_HU - LOW) / (HIGH - LOW))


def test_a_volume_without_a_voxel_above_water_is_kept_whole() -> None:
    lung = np.full((12, 12, 12), -700.0, np.float32)
    assert network_image(Volume.from_array(lung, np.diag([1.5, 1.5, 1.5, 1.0]), axes="kji"), CONFIGURATION).size == (
        12,
        12,
        12,
    )


def test_the_input_is_left_alone() -> None:
    array = np.full((6, 6, 6), 100.0, np.float32)
    network_image(Volume.from_array(array, np.diag([1.5, 1.5, 1.5, 1.0]), axes="kji"), CONFIGURATION)
    assert (array == 100).all()
