"""From DICOM files to a volume."""

from __future__ import annotations

from vistaseg.errors import InputError
from vistaseg.volume.dicom.choosing import Paths, choose_stack
from vistaseg.volume.dicom.pixels import read_voxels
from vistaseg.volume.dicom.placement import SlicePlacement, place
from vistaseg.volume.dicom.stacks import Stack
from vistaseg.volume.volume import Volume


def read_dicom(paths: Paths, series: str | None = None) -> Volume:
    """Read the largest CT series of a folder and those below it, or the series that one file belongs to.

    Without a CT series the largest of another modality is read, and `Volume.modality` tells. Values are
    rescaled slice by slice.

    Args:
        series: another one, by its SeriesInstanceUID, the beginning of it, or its number in `find_stacks`.

    Raises:
        InputError: no series of images was found, or its slices do not form a regular volume; the message says why.
    """
    return read_stack(choose_stack(paths, series))[0]


def read_stack(stack: Stack) -> tuple[Volume, SlicePlacement]:
    """The volume of a stack, and where its slices are in it.

    Raises:
        InputError: it makes no regular volume; the message says why, and what was chosen.
    """
    try:
        placement = place(stack)
        voxels, marks = read_voxels(placement.slices)
    except InputError as error:
        raise InputError(" ".join((str(error), *stack.notes))) from error
    modality = stack.first.modality or None
    # Not the name of the folder: it often is that of the patient.
    name = stack.first.text("SeriesDescription") or f"{modality or 'DICOM'} series"
    notes = (*stack.notes, *placement.notes, *marks)
    volume = Volume.from_array(voxels, placement.ijk_to_ras, axes="kji", name=name, modality=modality, notes=notes)
    return volume, placement
