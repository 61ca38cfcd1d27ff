"""The selector of the segment that prompts change."""

from __future__ import annotations

from slicer.i18n import tr as _

from VistaSegLib.Swatch import swatch


class SegmentCombo:
    """Fills a combo box with a new segment and all segments of the chosen segmentation.

    Args:
        combo: a QComboBox.
        selection: see `Selection`.
    """

    def __init__(self, combo, selection) -> None:
        self._combo, self._selection = combo, selection
        self._shown: list[tuple] = []
        combo.currentIndexChanged.connect(self._onIndex)
        self.update()

    def update(self) -> None:
        """Show what is."""
        segments = [("", _("New segment"), None), *_segmentsOf(self._selection.segmentationNode)]
        self._combo.blockSignals(True)
        if segments != self._shown:
            self._fill(segments)
        ids = [segmentId for segmentId, _name, _color in segments]
        self._combo.setCurrentIndex(ids.index(self._selection.segmentId))
        self._combo.blockSignals(False)

    def _fill(self, segments: list[tuple]) -> None:
        self._shown = segments
        self._combo.clear()
        self._combo.addItems([name for _segmentId, name, _color in segments])
        for place, (_segmentId, _name, color) in enumerate(segments):
            if color is not None:
                self._combo.setItemIcon(place, swatch(color))

    def _onIndex(self, *_) -> None:
        place = self._combo.currentIndex
        if self._selection.parameters is not None and 0 <= place < len(self._shown):
            self._selection.segmentId = self._shown[place][0]


def _segmentsOf(segmentationNode) -> list[tuple]:
    if segmentationNode is None:
        return []
    segmentation = segmentationNode.GetSegmentation()
    segments = [(segmentId, segmentation.GetSegment(segmentId)) for segmentId in segmentation.GetSegmentIDs()]
    return [(key, segment.GetName(), _bytes(segment.GetColor())) for key, segment in segments]


def _bytes(color) -> tuple[int, int, int]:
    red, green, blue = (round(value * 255) for value in color)
    return red, green, blue
