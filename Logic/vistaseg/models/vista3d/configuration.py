"""What makes one VISTA3D differ from another: sizes of the network, spacing, window, intensities, known classes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

_ANY_LENGTH = ("blocks_down", "trained_classes")


@dataclass(frozen=True)
class Vista3dConfiguration:
    """Configuration of a VISTA3D network and of the pipeline around it.

    The defaults are those of the published bundle (`MONAI/vista3d`, configs/inference.json) and of
    `monai.networks.nets.vista3d132`.

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
        last_supported: the highest class id that is no zero-shot prompt.
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
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError(f"{path} holds no settings by name")
        published = {field.name: field.default for field in fields(cls)}
        return cls(**{key: _checked(key, _frozen(values[key]), published[key]) for key in published if key in values})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _checked(key: str, value: Any, published: Any) -> Any:
    """The value, if it is of the kind of the published one; for the classes None is as good as ids."""
    kind = (1,) if published is None else published
    if not (published is value is None or _fits(value, kind, any_length=key in _ANY_LENGTH)):
        raise ValueError(f"{key} cannot be {value!r}")
    return value


def _fits(value: Any, published: Any, any_length: bool = False) -> bool:
    if isinstance(published, tuple):
        right_length = isinstance(value, tuple) and (len(value) == len(published) or (any_length and bool(value)))
        return right_length and all(_fits(item, published[0]) for item in value)
    if isinstance(published, str):
        return isinstance(value, str)
    kinds = (int,) if isinstance(published, int) else (int, float)
    return isinstance(value, kinds) and not isinstance(value, bool)
