"""Whether this machine, its software and its weights do what the published ones do; without patient data."""

from vistaseg.doctor.examining import examine
from vistaseg.doctor.report import Check, Report

__all__ = ["Check", "Report", "examine"]
