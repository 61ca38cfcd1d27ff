"""DICOM: series in."""

from vistaseg.dicom.finding import SeriesSummary, find_series
from vistaseg.dicom.series import Series, read_series
from vistaseg.dicom.studies import Study, find_studies

__all__ = ["Series", "SeriesSummary", "Study", "find_series", "find_studies", "read_series"]
