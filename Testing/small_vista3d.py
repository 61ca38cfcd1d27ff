"""A small network with VISTA3D's tensor names, and files of weights for it."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn


def build_network() -> nn.Module:
    """With the layers of the published one, of which each is small."""
    from monai.networks.nets.segresnet_ds import SegResNetDS2
    from monai.networks.nets.vista3d import VISTA3D, ClassMappingClassify, PointMappingSAM

    encoder = SegResNetDS2(
        in_channels=1, blocks_down=(1, 1), norm="instance", out_channels=8, init_filters=8, dsdepth=1
    )
    return VISTA3D(
        image_encoder=encoder,
        class_head=ClassMappingClassify(n_classes=16, feature_size=8, use_mlp=True),
        point_head=PointMappingSAM(feature_size=8, n_classes=16, last_supported=8),
    )


def shapes_of(state: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """As `import_file` compares them."""
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def save_published(state: dict[str, Tensor], path: Path) -> None:
    """As the hub publishes it."""
    from safetensors.torch import save_file

    save_file({f"network.{name}": tensor for name, tensor in state.items()}, path)
