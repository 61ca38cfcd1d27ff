"""Segments as DICOM: gathered from the scene, written by the worker, handed to the DICOM database."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from vistaseg.errors import InputError
from vistaseg.mrml.belonging import why_foreign
from vistaseg.mrml.dicom_images import dicom_files_of, seg_file_of, set_instance_uids, study_image_of
from vistaseg.mrml.preconditions import remarks
from vistaseg.mrml.snapshots import Snapshot, snapshot_of
from vistaseg.mrml.volumes import is_in_scene, state_of, volume_from_node
from vistaseg.volume.limits import size_text
from VistaSegLib.DatabaseInsertion import DatabaseInsertion
from VistaSegLib.ExportOptions import ExportOptions, filePrefix, requireNoObstacle, segmentIdsOf

if TYPE_CHECKING:
    from vistaseg.dicom import Delivered, Measures
    from vistaseg.progress import Progress

LARGE_BYTES = 100_000_000
"""From here on a segmentation is worth packing."""


@dataclass(frozen=True)
class Parcel:
    """What the worker wrote.

    Attributes:
        delivered: the files.
        holder: of a folder that is only there for the database, and goes with this object.
    """

    delivered: Delivered
    holder: tempfile.TemporaryDirectory | None

    def close(self) -> None:
        """Remove what was only there for the database."""
        if self.holder is not None:
            self.holder.cleanup()


class Exporting:
    """Exports one thing after the other."""

    def __init__(self, workspace) -> None:
        self._workspace = workspace

    def exportSegmentation(
        self,
        volumeNode,
        segmentationNode,
        options: ExportOptions,
        onDone: Callable[[Delivered], None] = lambda delivered: None,
    ) -> None:
        """Write a DICOM segmentation in the worker, and add it to the database where that is wanted.

        Args:
            onDone: called with what was written when all of it is where it belongs, before the message.

        Raises:
            InputError: a precondition is not met; says which and what to do.
        """
        requireNoObstacle(volumeNode, segmentationNode, options)
        work = _gather(volumeNode, segmentationNode, options)
        ids = segmentIdsOf(segmentationNode, options.visibleOnly)
        notes, state = remarks(volumeNode, segmentationNode, ids), state_of(volumeNode)
        sizes: deque[int] = deque()

        def announce(size: int, progress: Progress) -> None:
            sizes.append(size)
            stage = _("writing {size}, deflated,") if options.deflate else _("writing {size},")
            progress(stage.format(size=size_text(size)), 0, 1)

        def tellSize() -> None:
            while sizes:
                self._workspace.messages.tell(offer(sizes.popleft(), options.deflate))

        def done(parcel: Parcel) -> None:
            if options.toDatabase:
                DatabaseInsertion(parcel.delivered.dicom, lambda count: arrived(parcel, count))
            else:
                onDone(parcel.delivered)
                self._tell(parcel, [options.folder], notes)

        def arrived(parcel: Parcel, count: int) -> None:
            parcel.close()
            if count < len(parcel.delivered.dicom):
                self._workspace.messages.add("error", _refused(options.folder, count))
                return
            if options.derive and is_in_scene(volumeNode) and state_of(volumeNode) == state:
                set_instance_uids(volumeNode, list(parcel.delivered.instance_uids))
            onDone(parcel.delivered)
            self._tell(parcel, [options.folder, _("Slicer's DICOM database")], notes)

        self._workspace.run(
            _("Exporting segments"),
            lambda progress: work(progress, announce=lambda size: announce(size, progress)),
            done,
            tellSize,
        )

    def exportTable(self, volumeNode, segmentationNode, options: ExportOptions) -> None:
        """Write the measures of the segments as a table, which needs no DICOM.

        Raises:
            InputError: the volume or segmentation is missing or cannot be measured.
        """
        if segmentationNode is None:
            raise InputError(_("No segmentation to measure: choose one."))
        volume, ids = volume_from_node(volumeNode), segmentIdsOf(segmentationNode, options.visibleOnly)
        foreign = why_foreign(volumeNode, segmentationNode, ids)
        if foreign:
            raise InputError(foreign)
        snapshot, remarked = snapshot_of(segmentationNode, volumeNode, ids), remarks(volumeNode, segmentationNode, ids)
        path = Path(options.folder) / f"{filePrefix()}report.csv"

        def done(written: tuple[list[Measures], tuple[str, ...]]) -> None:
            measures, notes = written
            text = _("{count} segments measured: {path}").format(count=len(measures), path=path)
            doubts = [
                *remarked,
                *notes,
                *(f"{row.name}: {each}" for row in measures for each in (row.warning, row.losses) if each),
            ]
            self._workspace.messages.add("warning" if doubts else "info", " ".join([text, *doubts]))

        self._workspace.run(_("Measuring"), lambda progress: _writeTable(path, volume, snapshot, progress), done)

    def _tell(self, parcel: Parcel, places: list[str], notes: list[str]) -> None:
        text = _("{count} segments exported to {places}, and read back the same, voxel by voxel.").format(
            count=parcel.delivered.segments, places=_(" and ").join(filter(None, places))
        )
        notes = [*notes, *parcel.delivered.notes]
        self._workspace.messages.add("warning" if notes else "info", " ".join([text, *notes]))


def offer(size: int, deflate: bool) -> str:
    """What to do about a segmentation that will be large, or nothing."""
    if deflate or size <= LARGE_BYTES:
        return ""
    return _(
        "The DICOM segmentation takes {size}. Deflated it is much smaller: cancel, check “Deflated” and export again. "
        "pydicom, highdicom, dcmqi and 3D Slicer from April 2026 on read such files; older Slicers, dcm2niix and "
        "dciodvfy do not."
    ).format(size=size_text(size))


def _refused(folder: str, left: int) -> str:
    """What to do after the database did not take all files.

    Args:
        left: number of files that are in it nevertheless.
    """
    said = [_("Slicer's DICOM database did not take the export.")]
    if left:
        said.append(
            _("{count} of its files are in the database: delete their series in the module DICOM.").format(count=left)
        )
    elif not folder:
        said.append(_("Nothing was kept."))
    if folder:
        said.append(_("The files are in {folder}: import them from there in the module DICOM.").format(folder=folder))
    else:
        said.append(_("Export to a folder instead."))
    return " ".join(said)


def _gather(volumeNode, segmentationNode, options: ExportOptions) -> Callable[..., Parcel]:
    """What the worker has to do with a progress, with all that it needs of the scene; see `Delivery` for `announce`."""
    volume = volume_from_node(volumeNode)
    snapshot = snapshot_of(segmentationNode, volumeNode, segmentIdsOf(segmentationNode, options.visibleOnly))
    imported = seg_file_of(segmentationNode)
    if not options.derive:
        files = tuple(dicom_files_of(volumeNode))
        return partial(_write, options, snapshot, imported=imported, volume=volume, files=files)
    # The images are written slice by slice, and the user may edit the volume meanwhile.
    volume, study = replace(volume, array=volume.array.copy()), study_image_of(volumeNode)
    return partial(_write, options, snapshot, imported=imported, volume=volume, files=(), study=study)


def _write(
    options: ExportOptions, snapshot: Snapshot, progress: Progress, announce: Callable[[int], None], **images
) -> Parcel:
    """In the worker's thread.

    Args:
        images: what the segmentation refers to, as `Delivery` takes it.
    """
    from vistaseg.dicom import Delivery, Description, deliver

    holder = None if options.folder else tempfile.TemporaryDirectory(prefix="VistaSeg-", ignore_cleanup_errors=True)
    delivery = Delivery(
        folder=Path(options.folder if holder is None else holder.name),
        prefix=filePrefix(),
        labelmap=options.labelmap,
        deflate=options.deflate,
        description=Description(text=options.description) if options.description else Description(),
        report=options.report,
        announce=announce,
        **images,
    )
    try:
        return Parcel(deliver(delivery, snapshot.segmentation, progress), holder)
    except BaseException:
        if holder is not None:
            holder.cleanup()
        raise


def _writeTable(path: Path, volume, snapshot, progress) -> tuple[list[Measures], tuple[str, ...]]:
    """In the worker's thread; the rows, and notes."""
    from vistaseg.dicom import csv_bytes, measure, without_voxels
    from vistaseg.io import write_bytes

    segmentation = snapshot.segmentation(progress)
    measures = [*measure(segmentation, volume), *without_voxels(segmentation.segments)]
    write_bytes(path, csv_bytes(measures))
    return measures, segmentation.notes
