"""DICOM: series in."""

from vistaseg.dicom.finding import SeriesSummary, find_series
from vistaseg.dicom.series import Series, read_series

__all__ = ["Series", "SeriesSummary", "find_series", "read_series"]
