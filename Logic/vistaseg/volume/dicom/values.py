"""What a header says under an attribute: nothing, numbers, or something that cannot be read.

The three are kept apart: what is absent has a meaning of its own in DICOM, and what cannot be read must never be taken
for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vistaseg.volume.dicom.files import damage

_MARK = "unreadable_elements"
_LONGEST_QUOTE = 24


@dataclass(frozen=True, eq=False)
class HeaderNumbers:
    """The numbers under one attribute.

    Attributes:
        keyword: of the attribute.
        numbers: (N,) float64, all finite; None unless they can be read.
        raw: as it is written, where it cannot be read; else None.
    """

    keyword: str
    numbers: np.ndarray | None = None
    raw: str | None = None

    @property
    def is_absent(self) -> bool:
        """Whether the header has no such attribute, or an empty one."""
        return self.numbers is None and self.raw is None

    @property
    def is_unreadable(self) -> bool:
        """Whether the header has the attribute, but not as finite numbers of the right count."""
        return self.raw is not None

    @property
    def named(self) -> str:
        """For messages: keyword, tag, and the value that cannot be read."""
        return named(self.keyword) + ("" if self.raw is None else f", which is {quoted(self.raw)}")

    def unusable(self) -> HeaderNumbers:
        """The same as unreadable: numbers that can be read and mean nothing, such as a spacing of 0."""
        return self if self.numbers is None else HeaderNumbers(self.keyword, raw=_text(self.numbers.tolist()))


def read_numbers(dataset: Any, keyword: str, count: int = 1) -> HeaderNumbers:
    """The numbers of an attribute of a dataset, or of an item of a sequence."""
    raw = unreadable_in(dataset).get(keyword)
    if raw is not None:
        return HeaderNumbers(keyword, raw=raw)
    try:
        # Not by `get`, which gives the value alone.
        element = dataset[keyword] if keyword in dataset else None  # noqa: SIM401
        if element is None or element.is_empty:
            return HeaderNumbers(keyword)
        value = _as_number(element)
    except damage():
        return HeaderNumbers(keyword, raw="damaged")
    try:
        numbers = np.array(value, dtype=np.float64).reshape(count)
    except (TypeError, ValueError):
        return HeaderNumbers(keyword, raw=_text(value))
    return HeaderNumbers(keyword, numbers) if np.isfinite(numbers).all() else HeaderNumbers(keyword, raw=_text(value))


def _as_number(element: Any) -> Any:
    """pydicom leaves a value whose VR depends on other attributes as bytes, in Implicit VR, which is little-endian."""
    value = element.value
    if isinstance(value, bytes) and " or " in element.VR and len(value) == 2:
        return int.from_bytes(value, "little")
    return value


def set_aside_unreadable(dataset: Any) -> None:
    """Take out the elements that cannot be decoded, so that nothing stumbles over them, and note which they were.

    See `unreadable_in`. The items of sequences are done likewise, each for itself.
    """
    found = {}
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except damage():
            found[_keyword(tag)] = _raw_text(dataset, tag)
            del dataset[tag]
            continue
        if element.VR == "SQ":
            for item in element.value:
                set_aside_unreadable(item)
    if found:
        setattr(dataset, _MARK, found)


def unreadable_in(dataset: Any) -> dict[str, str]:
    """The elements that `set_aside_unreadable` took out: keyword → value as it was written."""
    marked: dict[str, str] = getattr(dataset, _MARK, {})
    return marked


def named(keyword: str) -> str:
    """An attribute for messages: "PatientSex (0010,0040)"."""
    from pydicom.datadict import tag_for_keyword
    from pydicom.tag import Tag

    tag = tag_for_keyword(keyword)
    return keyword if tag is None else f"{keyword} {Tag(tag)}".replace(", ", ",")


def quoted(text: str) -> str:
    """A value of a header for messages: short, and without anything that a terminal would obey."""
    return ascii(text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "...")


def _keyword(tag: Any) -> str:
    from pydicom.datadict import keyword_for_tag

    return keyword_for_tag(tag) or str(tag)


def _raw_text(dataset: Any, tag: Any) -> str:
    try:
        return _text(getattr(dataset.get_item(tag), "value", b""))
    except damage():
        return "damaged"


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1").strip(" \0")
    if isinstance(value, (list, tuple)) or hasattr(value, "__iter__") and not isinstance(value, str):
        return "\\".join(str(part) for part in value)
    return str(value).strip()
