"""The Segment Editor effect VistaSeg, a file a concern."""

import VistaSegLib  # noqa: F401 - makes the engine importable

# Slicer looks for the class in the package.
from SegmentEditorVistaSegLib.SegmentEditorEffect import SegmentEditorEffect

__all__ = ["SegmentEditorEffect"]
