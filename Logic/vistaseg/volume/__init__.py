"""Volumes: reading, geometry, and the way to a model's grid and back.

`prepare` and `source`, the way to the grid of a model, are for models alone and not imported here.
"""

from vistaseg.volume.checks import check_ct, check_volume, impossible_values
from vistaseg.volume.reading import errors_naming, holds_dicom, read_volume
from vistaseg.volume.resample import (
    crop,
    foreground_box,
    nearest_index_maps,
    reorient,
    resample_to_spacing,
    resampled_grid,
)
from vistaseg.volume.volume import Volume

__all__ = [
    "Volume",
    "check_ct",
    "check_volume",
    "crop",
    "errors_naming",
    "foreground_box",
    "holds_dicom",
    "impossible_values",
    "nearest_index_maps",
    "read_volume",
    "reorient",
    "resample_to_spacing",
    "resampled_grid",
]
