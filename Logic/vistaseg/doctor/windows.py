"""One window in the chosen precision against fp32, and a scan that is shorter than a window against MONAI."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from vistaseg.doctor.report import FAILED, OK, Check

if TYPE_CHECKING:
    from torch import Tensor

    from vistaseg.models.protocol import SegmentationModel
    from vistaseg.models.segvol.model import SegVol
    from vistaseg.models.vista3d.model import Vista3d

MOST_OF_DEVIATION = 0.15
"""Mean difference between precisions, in standard deviations of the answer: bf16 keeps 8 bits. Ours."""

_PADDING_TOLERANCE = 1e-3
_CLASSES = 5


def window_checks(model: SegmentationModel, padding: str | None) -> Iterator[Check]:
    """Of one loaded model.

    Args:
        padding: the rule of the program that was published with its weights; None for models without one.
    """
    from vistaseg.models.segvol.model import SegVol
    from vistaseg.models.vista3d.model import Vista3d

    if isinstance(model, Vista3d):
        yield _compared(model.identity.key, model.compute.precision, *_vista3d_answers(model))
        yield _padding(model, padding or model.identity.recipe.padding)
    elif isinstance(model, SegVol):
        yield _compared(model.identity.key, model.compute.precision, *_segvol_answers(model))


def _compared(key: str, precision: str, exact: Tensor, found: Tensor) -> Check:
    name = f"window {key}"
    if not bool(np.isfinite(found.numpy()).all() and np.isfinite(exact.numpy()).all()):
        return Check(name, FAILED, f"A window in {precision} gives what is no number: damaged weights or a bad driver.")
    spread = float(exact.std())
    difference = float((found - exact).abs().mean()) / max(spread, 1e-12)
    values = {"precision": precision, "difference_in_deviations": round(difference, 5)}
    text = f"One window in {precision} differs from fp32 by {difference:.4f} standard deviations of the answer"
    if spread == 0 or difference > MOST_OF_DEVIATION:
        return Check(name, FAILED, f"{text}: too much. Choose --precision fp32, and update PyTorch.", values)
    return Check(name, OK, f"{text}.", values)


def _vista3d_answers(model: Vista3d) -> tuple[Tensor, Tensor]:
    """Features of one window in fp32 and in the chosen precision."""
    import torch

    from vistaseg.models.vista3d.features import window_features

    window = _noise(model.configuration.window)
    exact = replace(model.compute, dtype=torch.float32)
    with torch.inference_mode():
        answers = [window_features(model.network, window, compute).float().cpu() for compute in (exact, model.compute)]
    return answers[0], answers[1]


def _segvol_answers(model: SegVol) -> tuple[Tensor, Tensor]:
    """Embedding of one window in fp32 and in the chosen precision."""
    import torch

    image = _noise(model.configuration.image_size).to(model.compute.device)
    with torch.inference_mode():
        exact = model.network.embed(image).float().cpu()
        with model.compute.autocast():
            found = model.network.embed(image).float().cpu()
    return exact, found


def _padding(model: Vista3d, published: str) -> Check:
    """Logits of a scan that is shorter than a window, in small windows, as MONAI's own function stitches and pads."""
    import torch
    from monai.inferers import sliding_window_inference

    from vistaseg.models.vista3d.classify import class_vectors
    from vistaseg.models.vista3d.features import window_features

    side = 4 * model.configuration.grid_multiple
    voxels = _noise((side // 2, side + 3, side - 5))[0, 0]
    vectors = class_vectors(model.network, model.class_ids[:_CLASSES])
    exact = replace(model.compute, dtype=torch.float32)

    def predictor(patch: Tensor) -> Tensor:
        return torch.einsum("nc,cxyz->nxyz", vectors, window_features(model.network, patch, exact).float().cpu())[None]

    mode = "replicate" if published == "replicate" else "constant"
    overlap = model.configuration.overlap
    with torch.inference_mode():
        expected = sliding_window_inference(
            voxels[None, None], (side,) * 3, 1, predictor, overlap=overlap, padding_mode=mode
        )
    difference = float((_own_logits(model, voxels, side, vectors) - expected[0]).abs().max())
    values = {"published": published, "used": model.identity.recipe.padding, "difference": round(difference, 5)}
    name = f"padding {model.identity.key}"
    if difference > _PADDING_TOLERANCE * max(1.0, float(expected.abs().max())):
        text = (
            "A scan shorter than a window is not padded as the program published with these weights does "
            f'("{published}"): logits differ by {difference:.3g}. Masks of such scans are wrong.'
        )
        return Check(name, FAILED, text, values)
    return Check(name, OK, f'Scans shorter than a window are padded as published ("{published}").', values)


def _own_logits(model: Vista3d, voxels: Tensor, side: int, vectors: Tensor) -> Tensor:
    """What VistaSeg makes of an image (x, y, z): (classes, x, y, z)."""
    import torch

    from vistaseg.models.vista3d.features import stream_slabs
    from vistaseg.models.vista3d.preprocessing import NetworkImage
    from vistaseg.models.vista3d.windows import plan_windows
    from vistaseg.progress import silent
    from vistaseg.volume import Grid
    from vistaseg.volume.prepare import GridMap
    from vistaseg.volume.source import source_map

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


def _noise(size: tuple[int, ...]) -> Tensor:
    """(1, 1, x, y, z) in 0…1, the same on every machine."""
    import torch

    return torch.from_numpy(np.random.RandomState(0).random_sample((1, 1, *size)).astype(np.float32))
