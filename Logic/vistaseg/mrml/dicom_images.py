"""The DICOM images that a volume node was loaded from, by way of Slicer's DICOM database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import slicer

from vistaseg.errors import InputError

INSTANCE_UIDS = "DICOM.instanceUIDs"
"""Attribute in which Slicer keeps the SOP instance UIDs of what a node was loaded from, separated by blanks."""


def open_database() -> Any | None:
    """Slicer's DICOM database; None where it is not open, or where Slicer was built without DICOM."""
    database = getattr(slicer, "dicomDatabase", None)
    return database if database is not None and database.isOpen else None


def instance_uids_of(node: Any) -> list[str]:
    """SOP instance UIDs of what a volume or a segmentation was loaded from; none where it is not from DICOM."""
    return (node.GetAttribute(INSTANCE_UIDS) or "").split()


def set_instance_uids(volume_node: Any, uids: list[str]) -> None:
    """Tell which images have the voxels of a volume."""
    volume_node.SetAttribute(INSTANCE_UIDS, " ".join(uids))


def dicom_files_of(volume_node: Any) -> list[Path]:
    """The files of the images that a volume was loaded from, in its own order.

    Raises:
        InputError: it is not from DICOM, or its images are not all in the database and on the disk; says how to
            mend it.
    """
    name, uids, database = volume_node.GetName(), instance_uids_of(volume_node), open_database()
    if not uids:
        raise InputError(
            f"{name} was not loaded from DICOM, and a DICOM segmentation refers to DICOM images. Where it was cropped "
            "or resampled from a DICOM volume, choose that one. Otherwise refer to a CT series made from it."
        )
    if database is None:
        raise InputError(
            f"Slicer's DICOM database is not open, so the images of {name} cannot be found. Open the module DICOM once."
        )
    return _existing([database.fileForInstance(uid) for uid in uids], name)


def _existing(files: list[str], name: str) -> list[Path]:
    unknown = sum(not file for file in files)
    if unknown:
        raise InputError(
            f"{unknown} of the {len(files)} images of {name} are not in Slicer's DICOM database. Import the series "
            "again in the module DICOM."
        )
    gone = sum(not Path(file).is_file() for file in files)
    if gone:
        raise InputError(
            f"{gone} of the {len(files)} files of {name} are no longer where Slicer's DICOM database knows them. Bring "
            "them back, or import the series again in the module DICOM."
        )
    return [Path(file) for file in files]


def seg_file_of(segmentation_node: Any) -> Path | None:
    """The DICOM segmentation that a segmentation was loaded from.

    None where it was not loaded from one, or where the database does not know the file; it may be gone from the disk.
    """
    database, uids = open_database(), instance_uids_of(segmentation_node)
    file = database.fileForInstance(uids[0]) if database is not None and len(uids) == 1 else ""
    return Path(file) if file else None


def remove_series(database: Any, files: Mapping[str, Path]) -> None:
    """Take files out of the database again, by their series; a series that has other files as well is left.

    Args:
        files: SOP instance UID → file that was inserted, or was to be.
    """
    from pydicom import dcmread

    series: dict[str, int] = {}
    for uid, file in files.items():
        header = dcmread(file, specific_tags=["SeriesInstanceUID"], stop_before_pixels=True)
        series[header.SeriesInstanceUID] = series.get(header.SeriesInstanceUID, 0) + bool(database.fileForInstance(uid))
    for series_uid, inserted in series.items():
        if inserted and len(database.filesForSeries(series_uid)) == inserted:
            database.removeSeries(series_uid)


def study_image_of(volume_node: Any) -> Path | None:
    """An image of the study that a volume belongs to: its own, or one of the study that it lies in in the module Data.

    None where it belongs to none that the database knows.
    """
    database = open_database()
    if database is None:
        return None
    own = (database.fileForInstance(uid) for uid in instance_uids_of(volume_node)[:1])
    study = (file for uid in _study_uids(volume_node) for file in _files_of_study(database, uid))
    return next((Path(file) for file in (*own, *study) if file and Path(file).is_file()), None)


def _files_of_study(database: Any, uid: str) -> list[str]:
    return [file for series in database.seriesForStudy(uid) for file in database.filesForSeries(series)]


def _study_uids(volume_node: Any) -> list[str]:
    """Of the folder of the subject hierarchy that the volume is in, where that is a study."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume_node.GetScene())
    item = hierarchy.GetItemByDataNode(volume_node)
    constants = slicer.vtkMRMLSubjectHierarchyConstants
    study = hierarchy.GetItemAncestorAtLevel(item, constants.GetDICOMLevelStudy()) if item else 0
    uid = hierarchy.GetItemUID(study, constants.GetDICOMUIDName()) if study else ""
    return [uid] if uid else []
