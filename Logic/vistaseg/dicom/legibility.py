"""Values of a DICOM segmentation that no reader can read."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.datadict import dictionary_VM
from pydicom.dataset import Dataset

from vistaseg.dicom.findings import ValidationFinding
from vistaseg.volume.dicom.values import named, quoted, read_numbers, set_aside_unreadable, unreadable_in

_NUMERIC = {"DS", "FD", "FL", "IS", "SL", "SS", "UL", "US", "US or SS"}
_MEANING = "Readers take it for missing, or fail."


def illegible_values(dataset: Dataset) -> list[ValidationFinding]:
    """A finding for each attribute whose value cannot be decoded, or is not the single number that it must be.

    They are taken out of the dataset, so that what is checked after that takes them for missing.
    """
    set_aside_unreadable(dataset)
    # The frames are many and alike.
    return list(dict.fromkeys(_illegible(dataset, ())))


def _illegible(dataset: Dataset, path: tuple[str, ...]) -> Iterator[ValidationFinding]:
    for keyword in unreadable_in(dataset):
        # Without the value, which may be that of any attribute.
        yield _finding(f"{keyword} cannot be read.", (*path, keyword))
    for element in list(dataset):
        if element.VR == "SQ":
            for item in element.value or ():
                yield from _illegible(item, (*path, element.keyword))
        elif element.VR in _NUMERIC and element.keyword and dictionary_VM(element.tag) == "1":
            value = read_numbers(dataset, element.keyword)
            if value.is_unreadable:
                yield _finding(
                    f"{named(element.keyword)} is {quoted(value.raw or '')}, not a number.", (*path, element.keyword)
                )
                del dataset[element.tag]


def _finding(what: str, path: tuple[str, ...]) -> ValidationFinding:
    return ValidationFinding("error", what, ".".join(path), _MEANING)
