"""SimpleITK, imported when it is first needed: it takes a moment, and its interface has no type hints."""

from __future__ import annotations

from typing import Any


def simpleitk() -> Any:
    """The module `SimpleITK`."""
    import SimpleITK

    return SimpleITK
