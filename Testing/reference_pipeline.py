"""The published VISTA3D pipeline, put together from MONAI's own parts: what ours is measured against.

The steps and their parameters are those of the MONAI bundle's configs/inference.json; MONAI from the package index has
all of them but the bundle's inferer, whose automatic path is `sliding_window_inference` with default settings. That of
nvidia/NV-Segment-CT differs in `padding_mode="replicate"`. Both transform clicks as `clicked_places` and pass them to
`point_based_window_inferer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from monai.apps.vista3d.inferer import point_based_window_inferer
from monai.apps.vista3d.transforms import VistaPostTransformd
from monai.data import MetaTensor
from monai.inferers import SlidingWindowInfererAdapt
from monai.networks.nets.vista3d import VISTA3D
from monai.transforms import (
    CastToTyped,
    Compose,
    CropForegroundd,
    Invertd,
    Orientationd,
    ScaleIntensityRanged,
    Spacingd,
)

from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.volume import Volume


@dataclass
class ReferenceResult:
    """logits (classes, x, y, z) and grid_labels (x, y, z) on the network's grid; labels (k, j, i) on the volume's."""

    logits: torch.Tensor
    grid_labels: np.ndarray
    labels: np.ndarray


def as_meta_tensor(volume: Volume) -> MetaTensor:
    """(1, i, j, k) float32 with its RAS affine, as MONAI's LoadImage gives it."""
    array = np.ascontiguousarray(volume.array.transpose(2, 1, 0), dtype=np.float32)
    return MetaTensor(torch.from_numpy(array)[None], affine=torch.from_numpy(volume.ijk_to_ras.copy()))


def preprocessing(configuration: Vista3dConfiguration) -> Compose:
    """The bundle's transforms, in its order."""
    low, high = configuration.intensity_range
    return Compose(
        [
            Spacingd("image", pixdim=configuration.spacing, mode="bilinear"),
            CropForegroundd("image", source_key="image", allow_smaller=True, margin=configuration.foreground_margin),
            ScaleIntensityRanged("image", a_min=low, a_max=high, b_min=0, b_max=1, clip=True),
            Orientationd("image", axcodes="RAS"),
            CastToTyped("image", dtype=torch.float32),
        ]
    )


def automatic_logits(
    network: VISTA3D,
    image: torch.Tensor,
    class_ids: Sequence[int],
    configuration: Vista3dConfiguration,
    padding_mode: str = "constant",
) -> torch.Tensor:
    """Stitched logits (classes, x, y, z) of an image (1, x, y, z), as the published inferers make them."""
    inferer = SlidingWindowInfererAdapt(
        roi_size=configuration.window,
        sw_batch_size=1,
        overlap=configuration.overlap,
        with_coord=True,
        padding_mode=padding_mode,
    )
    found = inferer(
        image[None], network, transpose=True, class_vector=torch.tensor(class_ids)[:, None], point_coords=None
    )
    return found[0]


def run_reference(
    network: VISTA3D,
    volume: Volume,
    class_ids: Sequence[int],
    configuration: Vista3dConfiguration,
    padding_mode: str = "constant",
) -> ReferenceResult:
    """Preprocess, infer, threshold or argmax, and bring back, all by MONAI."""
    transform = preprocessing(configuration)
    data = transform({"image": as_meta_tensor(volume)})
    with torch.inference_mode():
        logits = automatic_logits(network, data["image"], class_ids, configuration, padding_mode)
    # The post-transform works in place.
    data["pred"] = MetaTensor(logits.clone(), meta=data["image"].meta)
    data["label_prompt"] = torch.tensor(class_ids)
    data = VistaPostTransformd("pred")(data)
    grid_labels = data["pred"][0].numpy().astype(np.uint8)
    inverted = Invertd("pred", transform=transform, orig_keys="image", nearest_interp=True, to_tensor=True)(data)
    return ReferenceResult(logits, grid_labels, inverted["pred"][0].numpy().transpose(2, 1, 0).astype(np.uint8))


def clicked_places(volume: Volume, image: MetaTensor, ijk: Sequence[Sequence[float]]) -> torch.Tensor:
    """(1, clicks, 3) in voxels of the preprocessed image: what the published evaluators make of voxels of the scan."""
    ahead = np.linalg.inv(image.affine.numpy()) @ volume.ijk_to_ras
    places = np.concatenate([np.asarray(ijk, float), np.ones((len(ijk), 1))], axis=1) @ ahead.T
    return torch.from_numpy(places[None, :, :3])


@torch.inference_mode()
def click_logits(
    network: VISTA3D,
    volume: Volume,
    ijk: Sequence[Sequence[float]],
    labels: Sequence[int],
    prompt_class: int | None,
    configuration: Vista3dConfiguration,
) -> torch.Tensor:
    """Logits (x, y, z) of clicks on voxels of the scan, NaN outside the windows.

    Args:
        labels: 0 negative, 1 positive, 2 and 3 the same for special classes.
        prompt_class: that the clicks are for; None: none is given, as for a click without a label.
    """
    image = preprocessing(configuration)({"image": as_meta_tensor(volume)})["image"]
    found = point_based_window_inferer(
        image[None].as_tensor(),
        configuration.window,
        network,
        point_coords=clicked_places(volume, image, ijk),
        point_labels=torch.tensor([labels]),
        prompt_class=None if prompt_class is None else torch.tensor([[prompt_class]]),
        transpose=True,
    )
    return torch.as_tensor(found[0, 0])
