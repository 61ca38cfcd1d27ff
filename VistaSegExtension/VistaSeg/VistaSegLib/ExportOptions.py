"""What the user chose for an export, and what is still missing for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from slicer.i18n import tr as _

from vistaseg.errors import InputError
from vistaseg.mrml.dicom_images import open_database
from vistaseg.mrml.preconditions import obstacles
from vistaseg.mrml.visibility import visible_segment_ids
from VistaSegLib.Installation import missingExportPackages


def folderNamed(text: str) -> str:
    """The whole path of a folder that was typed; "" for none.

    Blanks around it do not count, unless there is a folder whose name has them.
    """
    if not text.strip():
        return ""
    return str(Path(text if Path(text).is_dir() else text.strip()).expanduser().absolute())


@dataclass(frozen=True)
class ExportOptions:
    """Attributes:
    folder: where files go, "" for nowhere.
    toDatabase: whether they are added to Slicer's DICOM database.
    derive: whether to refer to a CT series that is made from the volume.
    visibleOnly: whether to leave out hidden segments.
    labelmap, report: see `vistaseg.dicom.Delivery`.
    description: of the new series, "" for the usual one.
    deflate: see `vistaseg.dicom.Delivery`.
    """

    folder: str
    toDatabase: bool
    derive: bool = False
    visibleOnly: bool = False
    labelmap: bool = False
    report: bool = False
    description: str = ""
    deflate: bool = False


def segmentIdsOf(segmentationNode, visibleOnly: bool) -> list[str]:
    """Ids of the segments to export, in their order."""
    if segmentationNode is None:
        return []
    if visibleOnly and segmentationNode.GetDisplayNode() is not None:
        return visible_segment_ids(segmentationNode)
    return list(segmentationNode.GetSegmentation().GetSegmentIDs())


def whyNotExportable(volumeNode, segmentationNode, options: ExportOptions) -> list[str]:
    """All that is missing for a DICOM segmentation, each with what to do."""
    ids = segmentIdsOf(segmentationNode, options.visibleOnly)
    missing = obstacles(volumeNode, segmentationNode, ids, options.derive)
    packages = missingExportPackages()
    if packages:
        missing.append(_("Missing in this Slicer: {packages}.").format(packages=", ".join(packages)))
    if not options.folder and not options.toDatabase:
        missing.append(_("Choose a folder, or Slicer's DICOM database."))
    if options.folder and Path(options.folder).is_file():
        missing.append(_("{folder} is a file: choose a folder.").format(folder=options.folder))
    elif options.folder and not Path(options.folder).is_dir():
        missing.append(_("The folder {folder} does not exist: choose another.").format(folder=options.folder))
    if options.toDatabase and open_database() is None:
        missing.append(_("Slicer's DICOM database is not open: open the module DICOM once, or write to a folder only."))
    return list(dict.fromkeys(missing))


def requireNoObstacle(volumeNode, segmentationNode, options: ExportOptions) -> None:
    """Look once more, before anything is written.

    Raises:
        InputError: something is missing.
    """
    missing = whyNotExportable(volumeNode, segmentationNode, options)
    if missing:
        raise InputError(" ".join(missing))


def filePrefix() -> str:
    """How the names of exported files begin: when, to the millisecond, and nothing that may name a patient."""
    now = datetime.now()
    return f"VistaSeg-{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}-"
