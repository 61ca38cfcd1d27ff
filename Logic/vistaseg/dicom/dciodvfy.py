"""`dciodvfy`, the validator of dicom3tools: run where it is installed, its warnings explained."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from vistaseg.dicom.findings import ValidationFinding
from vistaseg.dicom.seg_file import frame_groups

PROGRAM = "dciodvfy"
LONGEST_SECONDS = 300
MOST_FRAMES = 1000
"""With more it takes minutes."""

_LABELMAP = "1.2.840.10008.5.1.4.1.1.66.7"
_MEANINGS = {
    r"Retired Person Name form": "A name without ^ between family and given name: readers show it as it is.",
    r"Missing attribute or value that would be needed to build DICOMDIR": (
        "The series did not tell it. It is needed only to put the file on a CD."
    ),
    r"Unrecognized defined term": "A term that is newer than this validator, or a vendor's own.",
    r"Attribute is not present in standard DICOM IOD": "An attribute of the source images.",
    r"Dicom dataset contains attributes not present in standard DICOM IOD": "Follows from those attributes.",
    r"Value dubious for this VR": "A value in a form that is allowed, but unusual.",
    r"is only permitted to be empty": "An attribute that the source images leave empty.",
}


def validator_findings(dataset: Dataset) -> Iterator[ValidationFinding]:
    """What `dciodvfy` says; a note where it was not run.

    It gets an uncompressed copy, which is removed afterwards: Debian's cannot inflate.
    """
    reason = _reason_not_to_ask(dataset)
    if reason:
        yield ValidationFinding("note", f"{PROGRAM} was not run: {reason}.", "", "", PROGRAM)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.dcm"
        _write_uncompressed(dataset, copy)
        yield from parse_report(_report(copy))


def _reason_not_to_ask(dataset: Dataset) -> str:
    if shutil.which(PROGRAM) is None:
        return "it is not installed (package dicom3tools)"
    if dataset.SOPClassUID == _LABELMAP:
        return "it does not know label maps"
    if len(frame_groups(dataset)) > MOST_FRAMES:
        return f"it takes minutes for more than {MOST_FRAMES} frames"
    syntax = dataset.file_meta.TransferSyntaxUID
    return "the frames are compressed" if syntax.is_encapsulated else ""


def _write_uncompressed(dataset: Dataset, path: Path) -> None:
    before = dataset.file_meta.TransferSyntaxUID
    try:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.save_as(path)
    finally:
        dataset.file_meta.TransferSyntaxUID = before


def _report(path: Path) -> str:
    try:
        ended = subprocess.run(
            [PROGRAM, str(path)],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"Warning - {PROGRAM} did not end within {LONGEST_SECONDS} s"
    return ended.stderr + ended.stdout


def parse_report(report: str) -> Iterator[ValidationFinding]:
    """A finding for each line of the report that names an error or a warning."""
    for line in dict.fromkeys(report.splitlines()):
        found = re.search(r"\b(Error|Warning) - (.*)", line)
        if found:
            level, what = found[1].lower(), line.strip()
            yield ValidationFinding("error" if level == "error" else "warning", what, "", _meaning(what), PROGRAM)


def _meaning(what: str) -> str:
    return next((meaning for pattern, meaning in _MEANINGS.items() if re.search(pattern, what)), "")
