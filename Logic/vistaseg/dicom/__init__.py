"""DICOM: series in; segmentations out and in, checked and reported."""

from vistaseg.dicom.checking import check_seg
from vistaseg.dicom.delivery import Delivered, Delivery, deliver
from vistaseg.dicom.derived import write_derived_ct
from vistaseg.dicom.finding import SeriesList, SeriesSummary, find_series, list_series
from vistaseg.dicom.findings import ValidationFinding
from vistaseg.dicom.header import Description
from vistaseg.dicom.measures import Measures, csv_bytes, measure, warnings_in, without_voxels
from vistaseg.dicom.preconditions import require_exportable
from vistaseg.dicom.seg_reader import SegImport, import_seg, read_seg
from vistaseg.dicom.seg_writer import SegExport, write_seg
from vistaseg.dicom.sending import Outgoing, Peer, Sent, find_outgoing, send
from vistaseg.dicom.series import Series, read_series
from vistaseg.dicom.structured_report import structured_report
from vistaseg.dicom.studies import Study, find_studies

__all__ = [
    "Delivered",
    "Delivery",
    "Description",
    "ValidationFinding",
    "Measures",
    "Outgoing",
    "Peer",
    "SegExport",
    "SegImport",
    "Sent",
    "Series",
    "SeriesList",
    "SeriesSummary",
    "Study",
    "check_seg",
    "csv_bytes",
    "deliver",
    "find_outgoing",
    "find_series",
    "find_studies",
    "import_seg",
    "list_series",
    "measure",
    "read_seg",
    "read_series",
    "require_exportable",
    "send",
    "structured_report",
    "warnings_in",
    "write_derived_ct",
    "without_voxels",
    "write_seg",
]
