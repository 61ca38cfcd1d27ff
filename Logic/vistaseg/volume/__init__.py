"""Volumes: reading, geometry, and the way to a model's grid and back."""

from vistaseg.volume.checks import check_ct, check_volume
from vistaseg.volume.geometry import ORTHOGONALITY_TOLERANCE, Grid, apply_affine
from vistaseg.volume.prepare import GridMap, Prepared, prepare
from vistaseg.volume.reading import errors_naming, holds_dicom, read_volume
from vistaseg.volume.resample import (
    Box,
    crop,
    foreground_extent,
    nearest_index_maps,
    reorient,
    resample_to_spacing,
    resampled_grid,
)
from vistaseg.volume.source import SourceMap, source_map
from vistaseg.volume.volume import Volume

__all__ = [
    "ORTHOGONALITY_TOLERANCE",
    "Box",
    "Grid",
    "GridMap",
    "Prepared",
    "SourceMap",
    "Volume",
    "apply_affine",
    "check_ct",
    "check_volume",
    "crop",
    "errors_naming",
    "foreground_extent",
    "holds_dicom",
    "nearest_index_maps",
    "prepare",
    "read_volume",
    "reorient",
    "resample_to_spacing",
    "resampled_grid",
    "source_map",
]
