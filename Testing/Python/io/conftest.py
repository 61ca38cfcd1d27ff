from __future__ import annotations

import pytest
import writers

from vistaseg.segmentation import Segmentation


@pytest.fixture
def segmentation() -> Segmentation:
    return writers.segmentation(1)
