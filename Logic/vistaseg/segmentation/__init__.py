"""The result: masks on the volume's own grid, what they are and how they were made; and its files."""

from vistaseg.segmentation.files import OUTPUT_FORMATS, check_writable, read_segmentation, write_segmentation
from vistaseg.segmentation.model import (
    LabelInfo,
    Segment,
    Segmentation,
    distinct_color,
)
from vistaseg.segmentation.overlap import assign_layers, overlapping_pairs

__all__ = [
    "OUTPUT_FORMATS",
    "LabelInfo",
    "Segment",
    "Segmentation",
    "assign_layers",
    "check_writable",
    "distinct_color",
    "overlapping_pairs",
    "read_segmentation",
    "write_segmentation",
]
