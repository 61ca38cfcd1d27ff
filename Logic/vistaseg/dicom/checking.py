"""Faults of a DICOM segmentation of any origin."""

from __future__ import annotations

from pathlib import Path

from vistaseg.dicom.consistency import contradictions
from vistaseg.dicom.dciodvfy import validator_findings
from vistaseg.dicom.findings import ValidationFinding
from vistaseg.dicom.legibility import illegible_values
from vistaseg.dicom.required import missing_attributes
from vistaseg.dicom.seg_file import load_seg
from vistaseg.volume.dicom.headers import not_quoting

_ORDER = ("error", "warning", "note")


def check_seg(path: Path | str) -> list[ValidationFinding]:
    """Check a DICOM segmentation: attributes that the standard requires, contradictions, and `dciodvfy` if installed.

    Returns:
        What was found, errors first; empty or only notes where all is well.

    Raises:
        InputError: it cannot be read, or is not a DICOM segmentation.
    """
    with not_quoting():
        dataset = load_seg(Path(path))
        said_by_validator = list(validator_findings(dataset))  # of the file as it is
        found = [*illegible_values(dataset), *missing_attributes(dataset), *contradictions(dataset), *said_by_validator]
    return sorted(found, key=lambda finding: _ORDER.index(finding.level))
