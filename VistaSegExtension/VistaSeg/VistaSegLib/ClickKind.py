"""What clicks and boxes are on where a segment has no class: something new, or an organ of a kind the model knows."""

from __future__ import annotations

from slicer.i18n import tr as _

SOMETHING_NEW, KNOWN_ORGAN = range(2)


def kindTexts() -> list[str]:
    """What the choices are called."""
    return [_("something new"), _("a known organ")]


def kindOf(segmentationNode, segmentId: str) -> int | None:
    """The choice that a segment has; None where its class leaves no choice."""
    from vistaseg.mrml.reading import segment_record  # with the first segment: the panel opens without it
    from vistaseg.mrml.tags import is_known_organ
    from vistaseg.workspace.links import clickable_class

    if clickable_class(segment_record(segmentationNode, segmentId).structure_id) is not None:
        return None
    return KNOWN_ORGAN if is_known_organ(segmentationNode.GetSegmentation().GetSegment(segmentId)) else SOMETHING_NEW


def setKind(segmentationNode, segmentId: str, kind: int) -> None:
    """Note the choice with a segment, for the prompts to come."""
    from vistaseg.mrml.tags import note_known_organ

    note_known_organ(segmentationNode.GetSegmentation().GetSegment(segmentId), kind == KNOWN_ORGAN)


def showKind(combo, kind: int | None) -> None:
    """Show a choice in a combo box of `kindTexts`; nothing for None."""
    combo.blockSignals(True)
    combo.setEnabled(kind is not None)
    combo.setCurrentIndex(-1 if kind is None else kind)
    combo.blockSignals(False)


class ClickKindCombo:
    """Shows and changes the choice of the chosen segment, or that for new ones.

    Args:
        combo: a QComboBox.
        selection: see `Selection`.
    """

    def __init__(self, combo, selection) -> None:
        self._combo, self._selection = combo, selection
        combo.addItems(kindTexts())
        combo.currentIndexChanged.connect(self._onIndex)

    def update(self) -> None:
        """Show what is."""
        parameters, segmentId = self._selection.parameters, self._selection.segmentId
        if parameters is None:
            showKind(self._combo, None)
        elif segmentId:
            showKind(self._combo, kindOf(self._selection.segmentationNode, segmentId))
        else:
            showKind(self._combo, KNOWN_ORGAN if parameters.knownOrgan else SOMETHING_NEW)

    def _onIndex(self, *_unused) -> None:
        kind, segmentId = self._combo.currentIndex, self._selection.segmentId
        if self._selection.parameters is None:
            return
        if segmentId:
            setKind(self._selection.segmentationNode, segmentId, kind)
        else:
            self._selection.parameters.knownOrgan = kind == KNOWN_ORGAN
