"""From a CT to what the network sees, as the published bundle does it, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vistaseg.geometry.box import VoxelBox
from vistaseg.geometry.grid import Grid
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.volume import Volume
from vistaseg.volume.prepare import GridMap, prepare
from vistaseg.volume.source import SourceMap

AIR_HU = -900.0
"""A window in which no voxel is above this holds nothing but air."""

TISSUE_HU = -500.0
"""A voxel above this belongs to the body, or may."""


@dataclass(frozen=True, eq=False)
class NetworkImage:
    """A volume on the network's grid.

    Attributes:
        voxels: (x, y, z) float32 in 0…1, axes closest to R, A, S.
        grid: where those voxels lie.
        back: brings arrays on this grid back to the volume's own.
        source: brings parts of arrays on the volume's own grid to this one.
        air_level: value of `AIR_HU` on the 0…1 scale.
        scan: (k, j, i) HU, the voxels of the volume itself.
    """

    voxels: Tensor
    grid: Grid
    back: GridMap
    source: SourceMap
    air_level: float
    scan: np.ndarray

    @property
    def size(self) -> tuple[int, int, int]:
        """Voxels along (x, y, z)."""
        x, y, z = self.voxels.shape
        return x, y, z

    def labels_tissue(self, box: VoxelBox) -> bool:
        """Whether a voxel of the scan above `TISSUE_HU` takes its label from a box of this grid.

        What is thinner than a voxel of this grid, such as the skin, may leave no trace in `voxels`.
        """
        return bool((self.scan[self.back.box(box).slices_kji] > TISSUE_HU).any())


def network_image(volume: Volume, configuration: Vista3dConfiguration) -> NetworkImage:
    """Resample, crop to HU > 0 with a margin, orient to RAS and scale to 0…1.

    A volume without any voxel above 0 HU is not cropped; the published pipeline fails on it.

    Raises:
        InputError: the volume cannot be resampled.
    """
    prepared = prepare(volume, configuration.spacing, margin=configuration.foreground_margin)
    voxels = np.ascontiguousarray(prepared.array, dtype=np.float32)
    scale_intensity(voxels, configuration.intensity_range)
    air_level = _scaled(AIR_HU, configuration.intensity_range)
    return NetworkImage(
        torch.from_numpy(voxels), prepared.grid, prepared.back, prepared.source, air_level, volume.array
    )


def scale_intensity(voxels: np.ndarray, intensity_range: tuple[float, float]) -> None:
    """HU to 0…1 with clipping, in place (MONAI's `ScaleIntensityRange`)."""
    low, high = intensity_range
    voxels -= np.float32(low)
    voxels /= np.float32(high - low)
    np.clip(voxels, 0, 1, out=voxels)


def _scaled(hu: float, intensity_range: tuple[float, float]) -> float:
    low, high = intensity_range
    return (hu - low) / (high - low)
