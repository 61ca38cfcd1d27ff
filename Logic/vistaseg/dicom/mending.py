"""Headers as the standard wants them, where what is missing can be known or made."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from vistaseg.volume.dicom.headers import not_quoting
from vistaseg.volume.dicom.values import HeaderNumbers, named, quoted, read_numbers

if TYPE_CHECKING:
    from pydicom import Dataset

TYPE_2 = (
    "AccessionNumber", "InstanceNumber", "Manufacturer", "PatientBirthDate", "PatientID", "PatientName", "PatientSex",
    "PositionReferenceIndicator", "ReferringPhysicianName", "SeriesNumber", "StudyDate", "StudyID", "StudyTime",
)  # fmt: skip
"""Attributes that an image and what is made from it must have, be they empty (PS3.3 A.3, C.7)."""

_DATE = re.compile(r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?")
_DATES_AND_TIMES = {
    "StudyDate": (_DATE, "."), "PatientBirthDate": (_DATE, "."), "StudyTime": (_TIME, ":"),
}  # fmt: skip
"""Those that a segmentation takes over from its images, and what separated their parts in older forms."""

_SEXES = ("", "M", "F", "O")
_SEX_WORDS = ("m", "f", "o", "male", "female", "other")

_UNKNOWN = "an archive that has the series under others will not bring results together with it"


def mend(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    """Mend the headers of one series in place.

    New UIDs are derived from those that are there: the same series gets the same ones each time.

    Returns:
        What was mended, a sentence each.
    """
    steps: tuple[Callable[[Sequence[Any]], str | None], ...] = (
        _take_from_file_meta, _tell_instances_apart, _name_series, _name_study, _share_frame_of_reference,
        _mend_dates_and_times, _mend_sex, _leave_out_distances, _add_type_2,
    )  # fmt: skip
    with not_quoting():
        return tuple(sentence for step in steps if (sentence := step(datasets)))


def _take_from_file_meta(datasets: Sequence[Any]) -> str | None:
    mended = set()
    for dataset in datasets:
        for keyword in ("SOPClassUID", "SOPInstanceUID"):
            stored = dataset.file_meta.get(f"MediaStorage{keyword}")
            if not dataset.get(keyword) and stored:
                setattr(dataset, keyword, stored)
                mended.add(keyword)
    stated = " and ".join(sorted(mended))
    are = "was" if len(mended) == 1 else "were"
    return f"{stated} {are} blank in the data set and taken from the file meta information." if mended else None


def _tell_instances_apart(datasets: Sequence[Any]) -> str | None:
    counts = Counter(str(dataset.get("SOPInstanceUID") or "") for dataset in datasets)
    changed = 0
    for index, dataset in enumerate(datasets):
        uid = str(dataset.get("SOPInstanceUID") or "")
        if not uid or counts[uid] > 1:
            dataset.SOPInstanceUID = _derived(uid, dataset.get("SeriesInstanceUID"), "instance", index)
            changed += 1
    return f"{changed} images have no SOPInstanceUID of their own; one was made, and {_UNKNOWN}." if changed else None


def _name_series(datasets: Sequence[Any]) -> str | None:
    return _name("SeriesInstanceUID", datasets)


def _name_study(datasets: Sequence[Any]) -> str | None:
    return _name("StudyInstanceUID", datasets)


def _name(keyword: str, datasets: Sequence[Any]) -> str | None:
    """One UID for all: where it is blank, derived from those of the images."""
    found = next((uid for dataset in datasets if (uid := dataset.get(keyword))), None)
    if all(dataset.get(keyword) for dataset in datasets):
        return None
    uid = found or _derived(keyword, *sorted(str(dataset.SOPInstanceUID) for dataset in datasets))
    for dataset in datasets:
        setattr(dataset, keyword, uid)
    return f"{keyword} is blank; one was made, and {_UNKNOWN}."


def _share_frame_of_reference(datasets: Sequence[Any]) -> str | None:
    found = [str(dataset.get("FrameOfReferenceUID") or "") for dataset in datasets]
    if len(set(found)) == 1 and found[0]:
        return None
    named = [uid for uid in found if uid]
    uid = named[0] if named else _derived("frame of reference", datasets[0].SeriesInstanceUID)
    for dataset in datasets:
        dataset.FrameOfReferenceUID = uid
    if named:
        return "The images name different frames of reference, or some none; that of the first slice was taken."
    return f"FrameOfReferenceUID is missing; one was made, and {_UNKNOWN}."


def _mend_dates_and_times(datasets: Sequence[Any]) -> str | None:
    """Write older forms (2001.12.31, 10:11:12; PS3.5 section 6.2) as today's, and empty what is not a date."""
    emptied = set()
    for dataset in datasets:
        for keyword, (form, separator) in _DATES_AND_TIMES.items():
            text = str(dataset.get(keyword) or "").strip()
            if text and not form.fullmatch(text):
                plain = text.replace(separator, "")
                setattr(dataset, keyword, plain if form.fullmatch(plain) else None)
                emptied |= set() if form.fullmatch(plain) else {keyword}
    stated = ", ".join(sorted(emptied))
    return f"Values that are not dates or times were left empty: {stated}." if emptied else None


def _mend_sex(datasets: Sequence[Any]) -> str | None:
    """DICOM knows M, F, O and empty (PS3.3 C.7.1.1)."""
    stated = str(datasets[0].get("PatientSex") or "").strip()
    if stated in _SEXES:
        return None
    meant = stated[:1].upper() if stated.casefold() in _SEX_WORDS else None
    for dataset in datasets:
        dataset.PatientSex = meant
    done = "left out" if meant is None else f"written as {meant}"
    return f"{named('PatientSex')} is {quoted(stated)}, not M, F or O: it was {done}."


def _leave_out_distances(datasets: Sequence[Any]) -> str | None:
    """They follow from the positions, so they are not needed."""
    found = [stated for dataset in datasets for holder in _holders(dataset) for stated in _unreadable_distances(holder)]
    if not found:
        return None
    return f"{found[0].named}, cannot be read and was left out; the positions of the slices tell their distance."


def _unreadable_distances(holder: Any) -> Iterator[HeaderNumbers]:
    for keyword in ("SliceThickness", "SpacingBetweenSlices"):
        stated = read_numbers(holder, keyword)
        if stated.is_unreadable:
            holder.pop(keyword, None)
            yield stated


def _holders(dataset: Any) -> Iterator[Any]:
    """The image, and what holds the measures of its frames."""
    yield dataset
    for sequence in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in dataset.get(sequence) or ():
            yield from group.get("PixelMeasuresSequence") or ()


def _add_type_2(datasets: Sequence[Any]) -> str | None:
    added = set()
    for dataset in datasets:
        for keyword in TYPE_2:
            if keyword not in dataset:
                setattr(dataset, keyword, None)
                added.add(keyword)
    stated = ", ".join(sorted(added))
    return f"Attributes that must be there, if only empty, were missing and added: {stated}." if added else None


def _derived(*words: object) -> str:
    from pydicom.uid import generate_uid

    return str(generate_uid(entropy_srcs=["vistaseg", *map(str, words)]))
