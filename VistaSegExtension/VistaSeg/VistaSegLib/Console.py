"""VistaSeg for scripts and the Python console: the panel's workspace, worker and undo, without the panel.

    logic = slicer.util.getModuleLogic("VistaSeg")
    segmentationNode = logic.segment(volumeNode, "liver, kidneys")
    logic.refine(segmentationNode, "liver", points=[(60, -20, 900)], negativePoints=[(22, 10, 931)])
    logic.exportDICOM(segmentationNode, "/tmp/export")

Each call waits for its result while Slicer stays usable, and raises `VistaSegError` where it fails. With
`callback=function` it returns at once, and `function(result, error)` is called later: one of the two is None.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from vistaseg import catalog
from vistaseg.errors import InputError, UsageError, VistaSegError, WeightsError
from vistaseg.mrml.transforms import to_local
from vistaseg.prompts import Point, Prompt, RegionOfInterest, Text
from vistaseg.workspace import SegmentReference
from VistaSegLib import Host
from VistaSegLib.Editing import writerFor
from VistaSegLib.Models import choices, readyKeys

POLL_S = 0.005
Callback = Callable[[object, VistaSegError | None], None]
World = tuple[float, float, float]
# Called with the result of some work, and perhaps with an error.
Done = Callable[..., None]


def segment(
    volumeNode,
    structures: str,
    *,
    segmentationNode=None,
    region=None,
    model: str = "auto",
    callback: Callback | None = None,
):
    """Segment structures of a CT automatically, as one step that the panel can undo.

    Args:
        structures: names, such as "liver, left kidney"; a name for several stands for all of them.
        segmentationNode: where segments are added; None for a new segmentation of the volume.
        region: a markups ROI that limits the result.
        model: "auto", "vista3d", "segvol" or "demo" (the small bundled models).

    Returns:
        The segmentation node.

    Raises:
        VistaSegError: volume, names, region or model cannot be used, or the work failed. A new node is removed then.
    """
    from vistaseg.mrml.markups import box_of
    from VistaSegLib.Selection import newSegmentation

    classIds = catalog.ids_of(structures)
    if not classIds:
        raise UsageError("No structure was named: name at least one.")
    keys = _keys(model)
    box = None if region is None else box_of(region, _scan(volumeNode))
    node = segmentationNode or newSegmentation(_scan(volumeNode))

    def tidy() -> None:
        if segmentationNode is None and node.GetScene() and node.GetSegmentation().GetNumberOfSegments() == 0:
            slicer.mrmlScene.RemoveNode(node)

    def start(done: Done) -> None:
        writer = writerFor(volumeNode, node)
        Host.workspace().segment(volumeNode, node, classIds, box, writer=writer, on_done=lambda ids: done(node))

    return _Call(start, keys, callback, tidy).result()


def refine(
    segmentationNode,
    segmentName: str,
    *,
    points=(),
    negativePoints=(),
    box=None,
    text: str | None = None,
    volumeNode=None,
    model: str = "auto",
    callback: Callback | None = None,
):
    """Correct a segment by clicks, a box and a name, as one step that the panel can undo.

    Args:
        segmentName: name of a segment; one that does not exist is added.
        points, negativePoints: places where the structure is, and where it is not: a list of (R, A, S) in world mm, or
            a markups point list.
        box: a markups ROI around the structure.
        text: name of the structure, for the model to read.
        volumeNode: the scan; None for the volume that the segmentation was made on.
        model: as for `segment`.

    Returns:
        The segmentation node.

    Raises:
        VistaSegError: a node, place or model cannot be used, or the work failed.
    """
    volume = _scan(volumeNode or _volumeOf(segmentationNode))
    prompts = _prompts(volume, points, negativePoints, box, text)
    keys = _keys(model)
    segmentation = segmentationNode.GetSegmentation()
    segmentId, isNew = _segmentId(segmentationNode, segmentName, volume)
    target = SegmentReference(volume.GetID(), segmentationNode.GetID(), segmentId)

    def tidy() -> None:
        if isNew and segmentation.GetSegment(segmentId) and not Host.workspace().prompts(target):
            segmentation.RemoveSegment(segmentId)

    def start(done: Done) -> None:
        writer = writerFor(volume, segmentationNode)

        def answered(outcome) -> None:
            done(segmentationNode, next(iter(outcome.errors), None))

        Host.workspace().prompt_together(target, prompts, writer, answered)

    return _Call(start, keys, callback, tidy).result()


def exportDICOM(
    segmentationNode,
    folder: str = "",
    *,
    volumeNode=None,
    toDatabase: bool = False,
    derive: bool = False,
    report: bool = False,
    labelmap: bool = False,
    deflate: bool = False,
    description: str = "",
    callback: Callback | None = None,
):
    """Write all segments as a DICOM segmentation, read back and compared voxel by voxel.

    Args:
        folder: an existing folder; "" where only the database gets the files.
        volumeNode: the scan; None for the volume that the segmentation was made on.
        toDatabase: whether to add the files to Slicer's DICOM database.
        derive: whether to refer to a CT series made from the volume, for volumes that did not come from DICOM.
        report: whether to write measures as CSV and DICOM SR.
        labelmap, deflate: see the panel.
        description: of the new series.

    Returns:
        Paths of the DICOM files; those only in the database are gone from their place.

    Raises:
        VistaSegError: a precondition is not met, or the export failed.
    """
    from VistaSegLib.Exporting import Exporting
    from VistaSegLib.ExportOptions import ExportOptions, folderNamed

    volume = volumeNode or _volumeOf(segmentationNode)
    options = ExportOptions(
        folderNamed(str(folder)),
        toDatabase,
        derive,
        labelmap=labelmap,
        report=report,
        description=description,
        deflate=deflate,
    )

    def start(done: Done) -> None:
        Exporting(Host.workspace()).exportSegmentation(
            volume, segmentationNode, options, lambda delivered: done([Path(each) for each in delivered.dicom.values()])
        )

    return _Call(start, None, callback, saysItsEnd=True).result()


class _Call:
    """One piece of work of the workspace: waited for, or reported to a callback.

    Args:
        start: begins the work; it is given what to call with the result.
        keys: of the models, or None for those of now.
        tidy: called after a failure.
        saysItsEnd: whether it goes on after the workspace's part and ends with a message in any case.
    """

    def __init__(
        self,
        start: Callable[[Done], None],
        keys,
        callback: Callback | None,
        tidy: Callable[[], None] = lambda: None,
        saysItsEnd: bool = False,
    ) -> None:
        self._workspace = Host.workspace()
        self._callback, self._tidy = callback, tidy
        self._result: object = None
        self._error: VistaSegError | None = None
        self._isOver, self._saysItsEnd = False, saysItsEnd
        self._said = self._workspace.messages.all
        before = self._workspace.models
        try:
            self._workspace.models = before if keys is None else keys
            start(self._onDone)
        except VistaSegError:
            tidy()
            raise
        finally:
            self._workspace.models = before
        self._stop = self._workspace.listen(self._onChanged)

    def result(self):
        """What the work gave, when it is over; None at once where there is a callback."""
        if self._callback is not None:
            return None
        while not self._isOver:
            slicer.app.processEvents()
            time.sleep(POLL_S)
            self._onChanged()
        if self._error is not None:
            raise self._error
        return self._result

    def _onDone(self, result: object, error: VistaSegError | None = None) -> None:
        self._result, self._error = (None, error) if error is not None else (result, None)

    def _onChanged(self) -> None:
        """The work is over when it has a result, or when the workspace has nothing more to do."""
        hasEnded = self._workspace.task is None and (self._lastMessage() or not self._saysItsEnd)
        if self._isOver or not (self._result or self._error or hasEnded):
            return
        self._isOver = True
        self._stop()
        if self._result is None:
            self._error = self._error or InputError(self._lastMessage() or _("The work ended without a result."))
            self._tidy()
        if self._callback is not None:
            self._callback(self._result, self._error)

    def _lastMessage(self) -> str:
        new = [message.text for message in self._workspace.messages.all if message not in self._said]
        return new[-1] if new else ""


def _keys(model: str) -> tuple[str, ...]:
    if model not in choices():
        raise UsageError(f"Unknown model {model!r}: choose one of {', '.join(choices())}.")
    keys = readyKeys(model)
    if not keys:
        raise WeightsError(f"The model {model!r} is not ready: open the panel VistaSeg, which says what is missing.")
    return keys


def _scan(volumeNode):
    if volumeNode is None or not volumeNode.IsA("vtkMRMLScalarVolumeNode"):
        raise InputError("This is not a volume node: give the scan.")
    return volumeNode


def _volumeOf(segmentationNode):
    if segmentationNode is None or not segmentationNode.IsA("vtkMRMLSegmentationNode"):
        raise InputError("This is not a segmentation node.")
    role = segmentationNode.GetReferenceImageGeometryReferenceRole()
    volume = segmentationNode.GetNodeReference(role)
    if volume is None:
        raise InputError("The segmentation does not say which volume it was made on: give volumeNode.")
    return volume


def _prompts(volume, points, negativePoints, box, text: str | None) -> list[Prompt]:
    """In the volume's own RAS mm, in the order in which models take them: name, box, clicks."""
    from vistaseg.mrml.markups import box_of

    boxes: list[RegionOfInterest] = [] if box is None else [box_of(box, volume)]
    clicks = [
        Point(to_local(volume, place), positive)
        for given, positive in ((points, True), (negativePoints, False))
        for place in _places(given)
    ]
    prompts: list[Prompt] = [*([] if text is None else [Text(text)]), *boxes, *clicks]
    if not prompts:
        raise UsageError("Nothing to refine with: give points, negativePoints, box or text.")
    return prompts


def _places(given) -> Iterable[World]:
    """World RAS mm."""
    if hasattr(given, "GetNumberOfControlPoints"):
        return [tuple(given.GetNthControlPointPositionWorld(n)) for n in range(given.GetNumberOfControlPoints())]
    return [(float(r), float(a), float(s)) for r, a, s in given]


def _segmentId(segmentationNode, name: str, volume) -> tuple[str, bool]:
    """Id of the segment of a name, and whether it was added for it.

    Raises:
        UsageError: several segments have the name.
    """
    from vistaseg.mrml.adding import add_segments
    from vistaseg.mrml.volumes import volume_from_node
    from vistaseg.segmentation import Segmentation
    from VistaSegLib.NewSegment import namedSegment

    segmentation = segmentationNode.GetSegmentation()
    ids = [each for each in segmentation.GetSegmentIDs() if segmentation.GetSegment(each).GetName() == name]
    if len(ids) > 1:
        raise UsageError(f"{len(ids)} segments are named {name!r}: rename one of them.")
    if ids:
        return ids[0], False
    grid = volume_from_node(volume).grid
    empty = Segmentation(grid.shape_ijk, grid.ijk_to_ras, [namedSegment(name)])
    (segmentId,) = add_segments(segmentationNode, empty, volume)
    return segmentId, True
