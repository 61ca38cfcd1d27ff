from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from host.mrml_nodes import SHAPE_IJK, add_volume, random_affine
from host.mrml_scene import scene

__all__ = ["scene"]


@pytest.fixture
def ct(scene: Any) -> Any:
    """A small oblique volume whose voxels are all different."""
    array = np.arange(np.prod(SHAPE_IJK), dtype=np.int16).reshape(SHAPE_IJK[::-1]) - 200
    return add_volume(array, random_affine(np.random.default_rng(1)))


@pytest.fixture
def segmentation_node(scene: Any) -> Any:
    return scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
