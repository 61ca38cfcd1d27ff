"""DICOM: series in; segmentations out and in, checked and reported."""

from vistaseg.dicom.header import Description
from vistaseg.dicom.seg_reader import read_seg
from vistaseg.dicom.seg_writer import SegExport, write_seg
from vistaseg.dicom.series import Series, SeriesSummary, find_series, read_series

__all__ = [
    "Description",
    "SegExport",
    "Series",
    "SeriesSummary",
    "find_series",
    "read_seg",
    "read_series",
    "write_seg",
]
