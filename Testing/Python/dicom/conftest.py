from __future__ import annotations

import numpy as np
import pytest

from vistaseg.volume import Volume


@pytest.fixture
def scan() -> Volume:
    """Six axial slices of noise, 0.9 x 0.7 x 2 mm."""
    affine = np.diag([-0.9, -0.7, 2.0, 1.0])
    affine[:3, 3] = [10, 20, -30]
    return Volume.from_array(
        np.random.default_rng(0).integers(-1000, 2000, (6, 8, 9)).astype(np.int16), affine, axes="kji", modality="CT"
    )
