"""The Segment Editors of the application, which each keep states of a segmentation for an undo of their own. No Qt."""

from __future__ import annotations

# Each editor has an effect of VistaSeg, active or not, which lets VistaSeg save a state for undo.
_effects: list = []


def add(scriptedEffect) -> None:
    """An editor has got its effect of VistaSeg."""
    _effects.append(scriptedEffect)


def remove(scriptedEffect) -> None:
    """An editor is about to go."""
    _effects[:] = [effect for effect in _effects if effect is not scriptedEffect]


def saveStates(segmentationNode) -> None:
    """Let each editor of a segmentation keep it as it is, so that its undo takes back one step at a time."""
    for effect in list(_effects):
        try:
            node = effect.parameterSetNode()
        except ValueError:  # PythonQt: the editor has been destroyed
            remove(effect)
            continue
        if node is not None and node.GetSegmentationNode() is segmentationNode:
            effect.saveStateForUndo()
