"""DICOM: series in."""

from vistaseg.dicom.series import Series, SeriesSummary, find_series, read_series

__all__ = ["Series", "SeriesSummary", "find_series", "read_series"]
