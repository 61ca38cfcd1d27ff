"""Whether the images of a series are of one patient."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from vistaseg.errors import InputError
from vistaseg.volume.dicom.headers import not_quoting
from vistaseg.volume.dicom.slices import Slice

_IDENTIFYING = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")
_NAME_GROUPS = 3  # alphabetic, ideographic and phonetic (PS3.5 6.2.1)


def check_one_patient(slices: Sequence[Slice]) -> None:
    """Check that no attribute has two values; the message does not quote them.

    Raises:
        InputError: the images name different patients.
    """
    for keyword in _IDENTIFYING:
        named = max(len(set(group) - {""}) for group in zip(*_spellings(slices, keyword), strict=True))
        if named > 1:
            raise InputError(
                f"The images of the series name {named} different patients ({keyword}). Export the scan of one patient "
                "alone."
            )


def half_blank_note(slices: Sequence[Slice]) -> tuple[str, ...]:
    """A sentence where an attribute of the patient is blank in some images only."""
    blank = {key: sum(not any(groups) for groups in _spellings(slices, key)) for key in _IDENTIFYING}
    partly = {keyword: count for keyword, count in blank.items() if 0 < count < len(slices)}
    if not partly:
        return ()
    blanks = ", ".join(f"{keyword} in {count} of {len(slices)}" for keyword, count in partly.items())
    return (
        f"Some images do not say which patient they are of, and others of the series do (blank: {blanks}). Check that "
        "all are of one patient.",
    )


def _spellings(slices: Sequence[Slice], keyword: str) -> list[tuple[str, ...]]:
    """The value in each slice, in the same spelling: of a name its groups, of the others one."""
    with not_quoting():
        raw = [piece.text(keyword) for piece in slices]
    if keyword == "PatientName":
        return [tuple(map(_spelt, (text.split("=") + [""] * _NAME_GROUPS)[:_NAME_GROUPS])) for text in raw]
    if keyword == "PatientBirthDate":
        return [(re.sub(r"\D", "", text),) for text in raw]  # ACR-NEMA wrote 1933.09.07
    return [(_spelt(text),) for text in raw]


def _spelt(text: str) -> str:
    """Without what differs between programs: case, accents in one or two characters, spaces and separators."""
    return re.sub(r"[\s^,]+", " ", unicodedata.normalize("NFKC", text).casefold()).strip()
