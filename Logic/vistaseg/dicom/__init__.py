"""DICOM: series in; segmentations out and in, checked and reported."""

from vistaseg.dicom.checking import check_seg
from vistaseg.dicom.finding import SeriesSummary, find_series
from vistaseg.dicom.findings import Finding
from vistaseg.dicom.header import Description
from vistaseg.dicom.seg_reader import read_seg
from vistaseg.dicom.seg_writer import SegExport, write_seg
from vistaseg.dicom.series import Series, read_series
from vistaseg.dicom.studies import Study, find_studies

__all__ = [
    "Description",
    "Finding",
    "SegExport",
    "Series",
    "SeriesSummary",
    "Study",
    "check_seg",
    "find_series",
    "find_studies",
    "read_seg",
    "read_series",
    "write_seg",
]
