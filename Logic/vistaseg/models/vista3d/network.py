"""The VISTA3D network, put together from MONAI's own parts."""

from __future__ import annotations

from monai.networks.nets.segresnet_ds import SegResNetDS2
from monai.networks.nets.vista3d import VISTA3D, ClassMappingClassify, PointMappingSAM

from vistaseg.models.vista3d.configuration import Vista3dConfiguration

EMBEDDINGS = 512
"""Rows of the class embedding tables in every published checkpoint."""


def build_network(configuration: Vista3dConfiguration) -> VISTA3D:
    """An untrained network of the given sizes, in evaluation mode.

    With the default configuration this is `monai.networks.nets.vista3d132()`: 259 tensors, 217,964,982 parameters.
    """
    features = configuration.features
    encoder = SegResNetDS2(
        in_channels=1,
        blocks_down=configuration.blocks_down,
        norm="instance",
        out_channels=features,
        init_filters=configuration.width,
        dsdepth=1,
    )
    class_head = ClassMappingClassify(n_classes=EMBEDDINGS, feature_size=features, use_mlp=True)
    point_head = PointMappingSAM(features, n_classes=EMBEDDINGS, last_supported=configuration.last_supported)
    return VISTA3D(image_encoder=encoder, class_head=class_head, point_head=point_head).eval()
