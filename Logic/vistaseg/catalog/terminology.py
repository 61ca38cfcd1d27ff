"""Coded terms as DICOM and 3D Slicer use them to say what a segment is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """One coded concept: DICOM's Code Value, Coding Scheme Designator and Code Meaning."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True)
class Terminology:
    """What a segment is (DICOM PS3.3 C.8.20.4) and, where the type alone does not tell, where it lies."""

    category: Code
    type: Code
    type_modifier: Code | None = None
    region: Code | None = None
    region_modifier: Code | None = None
