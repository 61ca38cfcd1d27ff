"""DICOM images: from files to stacks of slices, and from a stack to a volume."""

from vistaseg.volume.dicom.files import is_dicom
from vistaseg.volume.dicom.reading import read_dicom

__all__ = ["is_dicom", "read_dicom"]
