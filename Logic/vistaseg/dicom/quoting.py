"""Errors of DICOM libraries in messages: they may quote values of a header, which can identify the patient."""

from __future__ import annotations


def reason(error: Exception) -> str:
    """What is wrong, without values: the name of a missing attribute, or that a value is to blame."""
    if isinstance(error, AttributeError):
        return error.name or "an attribute"
    return str(error) if isinstance(error, KeyError) else "a value that the standard does not allow"
