"""Answers of a loaded VISTA3D that should be the same as others: in another precision, and by MONAI's own stitching."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from monai.inferers import sliding_window_inference
from torch import Tensor

from vistaseg.geometry.grid import Grid
from vistaseg.models.answers import noise
from vistaseg.models.spec import Comparison
from vistaseg.models.vista3d.classify import class_vectors
from vistaseg.models.vista3d.features import stream_slabs, window_features
from vistaseg.models.vista3d.model import Vista3d
from vistaseg.models.vista3d.preprocessing import NetworkImage
from vistaseg.models.vista3d.windows import plan_windows
from vistaseg.progress import silent
from vistaseg.volume.prepare import GridMap
from vistaseg.volume.source import source_map

_CLASSES = 5


def precision_comparison(model: Vista3d) -> Comparison:
    """Features of one window in fp32 and in the chosen precision."""
    window = noise(model.configuration.window)
    exact = replace(model.compute, dtype=torch.float32)
    with torch.inference_mode():
        expected, found = (
            window_features(model.network, window, compute).float().cpu() for compute in (exact, model.compute)
        )
    return Comparison("precision", expected, found)


def padding_comparison(model: Vista3d, padding: str) -> Comparison:
    """Logits of a scan that is shorter than a window, in small windows.

    Args:
        padding: "replicate" or "zero", what is expected.
    """
    side = 4 * model.configuration.grid_multiple
    voxels = noise((side // 2, side + 3, side - 5))[0, 0]
    vectors = class_vectors(model.network, model.class_ids[:_CLASSES])
    exact = replace(model.compute, dtype=torch.float32)

    def predictor(patch: Tensor) -> Tensor:
        return torch.einsum("nc,cxyz->nxyz", vectors, window_features(model.network, patch, exact).float().cpu())[None]

    mode = "replicate" if padding == "replicate" else "constant"
    overlap = model.configuration.overlap
    with torch.inference_mode():
        expected = sliding_window_inference(
            voxels[None, None], (side,) * 3, 1, predictor, overlap=overlap, padding_mode=mode
        )
    return Comparison("padding", expected[0], _own_logits(model, voxels, side, vectors))


def _own_logits(model: Vista3d, voxels: Tensor, side: int, vectors: Tensor) -> Tensor:
    """What VistaSeg makes of an image (x, y, z): (classes, x, y, z)."""
    x, y, z = voxels.shape
    grid = Grid((x, y, z), np.eye(4))
    back = GridMap((0, 1, 2), (np.arange(x), np.arange(y), np.arange(z)))
    scan = np.zeros((z, y, x), np.float32)
    image = NetworkImage(voxels, grid, back, source_map(grid, grid), -1.0, scan)
    plan = plan_windows((x, y, z), replace(model.configuration, window=(side, side, side)))
    exact = replace(model.compute, dtype=torch.float32)
    found = torch.empty(len(vectors), x, y, z)
    for slab in stream_slabs(model.network, image, plan, exact, silent, None, model.identity.recipe):
        part = torch.einsum("nc,cpab->npab", vectors, slab.features).movedim(1, 1 + slab.axis)
        found[(slice(None), *slab.box.slices)] = part
    return found
