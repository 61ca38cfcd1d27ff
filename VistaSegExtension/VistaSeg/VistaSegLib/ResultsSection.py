"""The segments there are, what is known of them, and the way to each."""

from __future__ import annotations

import time
from collections.abc import Generator
from functools import cached_property
from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from vistaseg.segmentation.finding_text import milliliters
from VistaSegLib.ResultTexts import findingText, madeText
from VistaSegLib.SegmentWatch import SegmentWatch
from VistaSegLib.Swatch import swatch
from VistaSegLib.Ui import loadUi

if TYPE_CHECKING:
    from VistaSegLib.ResultRows import ResultRow, ResultRows

ID = qt.Qt.UserRole
NAME, VOLUME, VOXELS, MADE_BY, MARK = range(5)
STEP_MS = 10
# The application has the time between two steps.
WORK_S = 0.01
SHOW_S = 0.2


class ResultsSection:
    """A table whose numbers come when they are measured; nothing waits for it."""

    def __init__(self, selection, workspace) -> None:
        self._selection = selection
        self.widget, self.ui = loadUi("ResultsSection")
        _setColumns(self.ui.resultTree)
        self.ui.resultTree.itemClicked.connect(self._onItem)
        self.ui.resultTree.itemActivated.connect(self._onItem)
        self._texts: dict[str, tuple[str, ...]] = {}
        self._steps: Generator | None = None
        self._place: tuple = ()
        self._shownAt = 0.0
        self._timer = qt.QTimer()
        self._timer.interval = STEP_MS
        self._timer.timeout.connect(self._onStep)
        self._watch = SegmentWatch(self._start)
        self.update()

    def update(self) -> None:
        self._watch.follow(self._selection.segmentationNode)
        place = (self._selection.segmentationNode, self._selection.volumeNode)
        if place != self._place:
            self._place = place
            self._start()

    def cleanup(self) -> None:
        """Stop measuring and let go of the nodes."""
        self._timer.stop()
        self._steps, self._place = None, ()
        if "_rows" in self.__dict__:
            self._rows.close()
        self._watch.close()

    @property
    def isMeasuring(self) -> bool:
        """Whether numbers are still to come."""
        return self._steps is not None

    @cached_property
    def _rows(self) -> ResultRows:
        """Imported with the first segmentation: a panel without one opens without what measures."""
        from VistaSegLib.ResultRows import ResultRows

        return ResultRows()

    def _start(self) -> None:
        """Show the segments as they are now, and measure what has changed."""
        segmentation, volume = self._selection.segmentationNode, self._selection.volumeNode
        measurable = segmentation is not None and volume is not None and volume.GetImageData() is not None
        self._steps = self._rows.measure(segmentation, volume) if measurable else None
        self._show()
        if measurable:
            self._timer.start()

    def _onStep(self, *_) -> None:
        end = time.monotonic() + WORK_S
        try:
            while self._steps is not None and time.monotonic() < end:
                next(self._steps)
        except StopIteration:
            self._steps = None
        if self._steps is None:
            self._timer.stop()
        if self._steps is None or end - self._shownAt > SHOW_S:
            self._show()

    def _show(self) -> None:
        self._shownAt = time.monotonic()
        segmentation = self._selection.segmentationNode
        rows = self._rows.rows(segmentation) if segmentation is not None else []
        texts = {row.segmentId: _textsOf(row) for row in rows}
        if list(texts) != list(self._texts):
            self._addItems(rows)
        for place, (segmentId, text) in enumerate(texts.items()):
            if self._texts.get(segmentId) != text:
                _fill(self.ui.resultTree.topLevelItem(place), text, rows[place])
        self._texts = texts
        self._showFindings()

    def _addItems(self, rows: list[ResultRow]) -> None:
        self.ui.resultTree.clear()
        self._texts = {}
        for row in rows:
            qt.QTreeWidgetItem(self.ui.resultTree, [""]).setData(NAME, ID, row.segmentId)

    def _onItem(self, item, column) -> None:
        segmentId = item.data(NAME, ID)
        if self._selection.segmentationNode.GetSegmentation().GetSegment(segmentId) is None:
            return
        self._selection.segmentId = segmentId
        if self._selection.volumeNode is not None:
            from VistaSegLib.SliceViews import jumpToSegment  # as `_rows`

            jumpToSegment(self._selection.segmentationNode, segmentId, self._selection.volumeNode)
        self._showFindings()

    def _showFindings(self) -> None:
        items = self.ui.resultTree.selectedItems()
        text = items[0].toolTip(MARK) if items else ""
        self.ui.findingLabel.text = text
        self.ui.findingLabel.setVisible(bool(text))


def _textsOf(row: ResultRow) -> tuple[str, ...]:
    """Of the columns, the tooltip of the mark, and the colour."""
    made = madeText(row.provenance, row.edited)
    color = str(row.color)
    if row.measures is None:
        return row.name, "…", "…", made, "", "", color
    reasons = "; ".join(findingText(finding) for finding in row.findings)
    voxels = f"{row.measures.numbers.ownVoxels:,}".replace(",", " ")
    return row.name, milliliters(row.measures.numbers.milliliters), voxels, made, "⚠" if reasons else "", reasons, color


def _fill(item, texts: tuple[str, ...], row: ResultRow) -> None:
    for column, text in enumerate(texts[: MARK + 1]):
        item.setText(column, text)
    for column in (VOLUME, VOXELS):
        item.setTextAlignment(column, qt.Qt.AlignRight | qt.Qt.AlignVCenter)
    item.setIcon(NAME, swatch(row.color))
    item.setToolTip(NAME, row.name)
    item.setToolTip(MARK, texts[MARK + 1])


def _setColumns(tree) -> None:
    """The name takes what is left, so that nothing scrolls sideways."""
    header = tree.header()
    header.stretchLastSection = False
    for column in (VOLUME, VOXELS, MADE_BY, MARK):
        header.setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)
    header.setSectionResizeMode(NAME, qt.QHeaderView.Stretch)
    tree.headerItem().setToolTip(VOLUME, _("Volume in millilitres"))
    tree.headerItem().setToolTip(
        MADE_BY, _("How it was made, by how many prompts it was corrected, and whether it was painted on since")
    )
