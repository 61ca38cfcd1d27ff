"""What a check of a DICOM file found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class ValidationFinding:
    """One thing that a check found.

    Attributes:
        level: "error" breaks the standard or makes readers fail; "warning" is allowed, but some reader may stumble;
            "note" says what was not checked.
        what: a sentence.
        where: the attribute, with the sequences that it is in; "" for the whole file.
        meaning: what it leads to; may be empty.
        source: "tables" of the standard, "consistency", or "dciodvfy".
    """

    level: Level
    what: str
    where: str = ""
    meaning: str = ""
    source: str = "consistency"
