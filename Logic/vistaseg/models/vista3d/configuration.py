"""What makes one VISTA3D differ from another: sizes of the network, spacing, window, intensities, known classes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vistaseg import catalog
from vistaseg.models.settings import read_settings

_ANY_LENGTH = ("blocks_down", "trained_classes")


@dataclass(frozen=True)
class Vista3dConfiguration:
    """Configuration of a VISTA3D network and of the pipeline around it.

    The defaults are those of the published bundle (`MONAI/vista3d`, configs/inference.json) and of
    `monai.networks.nets.vista3d132`; but for `overlap`: the 0.3 of that file never reaches the published inferer, which
    leaves MONAI's 0.25.

    Attributes:
        name: how the model is called in results and messages.
        width: channels of the encoder's first level; each further level doubles them.
        features: channels of the features that both heads read.
        blocks_down: residual blocks of each encoder level; every level after the first halves the grid.
        spacing: voxel size in mm of the grid that the network sees, (x, y, z) in RAS order.
        window: size in voxels of one window, a multiple of 2^(levels - 1) along each axis.
        overlap: share of a window that neighbours have in common.
        foreground_margin: voxels kept around HU > 0 when the volume is cropped.
        intensity_range: HU mapped to 0 and to 1, with clipping.
        last_supported: the highest class id that is not a zero-shot prompt.
        trained_classes: class ids that the weights know; None: every class of the catalogue.
        notice: a sentence that accompanies every result; empty for a model meant for real use.
    """

    name: str = "VISTA3D"
    width: int = 48
    features: int = 48
    blocks_down: tuple[int, ...] = (1, 2, 2, 4, 4)
    spacing: tuple[float, float, float] = (1.5, 1.5, 1.5)
    window: tuple[int, int, int] = (128, 128, 128)
    overlap: float = 0.25
    foreground_margin: int = 10
    intensity_range: tuple[float, float] = (-963.8247715525971, 1053.678477684517)
    last_supported: int = 132
    trained_classes: tuple[int, ...] | None = None
    notice: str = ""

    @property
    def class_ids(self) -> tuple[int, ...]:
        """Ids of the catalogue that can be requested directly, ascending."""
        direct = tuple(s.id for s in catalog.structures() if s.supported and s.direct_prompt)
        return direct if self.trained_classes is None else tuple(i for i in direct if i in self.trained_classes)

    @property
    def grid_multiple(self) -> int:
        """Factor that every side of an input must be a multiple of."""
        return int(2 ** (len(self.blocks_down) - 1))

    def as_dict(self) -> dict[str, Any]:
        """The configuration as JSON-able values."""
        return asdict(self)

    @classmethod
    def read(cls, path: Path) -> Vista3dConfiguration:
        """Read a configuration from a JSON file; keys that are absent keep the published values.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is not JSON, or a value is of another type than the published one.
        """
        return read_settings(cls, path, _ANY_LENGTH)
