"""Segments that are made prompt by prompt: their masks, their histories, and how these are saved."""

from vistaseg.interaction.history import Answer, History, PackedMask, State, Step, changed_extent, union
from vistaseg.interaction.results import changed_mask, made_segments
from vistaseg.interaction.saved import restored, saved

__all__ = [
    "Answer",
    "History",
    "PackedMask",
    "State",
    "Step",
    "changed_extent",
    "changed_mask",
    "made_segments",
    "restored",
    "saved",
    "union",
]
